/** The rows that each alert should look at, by its title. */

import { Calculation, engineName, grouped, type Row, type Split, whole } from "./calculation.ts";
import type { Series } from "./series.ts";

const MINUTE_MS = 60_000;
const RUNNING = "vllm_num_requests_running";
const UP = "vllm_metrics_upstream_up";
const FIRST_ROW = "vllm_metrics_provision";
const REQUESTS = "vllm_metrics_relay_requests_total";
const SCRAPES = "vllm_metrics_scrapes_total";
const FAILURES = "vllm_metrics_scrape_failures_total";
const FINISHED = "vllm_request_success_total";
const LOSSES = ["fluentbit_output_dropped_records_total", "fluentbit_output_retries_failed_total"];

const engine: Split = (labels) => ({ engine_name: engineName(labels) });
const model: Split = ({ model_name: name }) => ({ model_name: name });
const server: Split = ({ instance = "vLLM" }) => ({ server: instance });

/** Rows with the number under the name that the alert gives it. */
function called(name: string, rows: readonly Row[]): Row[] {
  return rows.map(({ value, ...rest }) => ({ ...rest, [name]: value }));
}

/** Rows of shares: only those in which something failed. */
function share(rows: readonly Row[]): Row[] {
  return called("failed_share", rows.filter(({ value }) => Number(value) > 0));
}

/** The lowest value of each split whose rows span long enough. */
function lowest(
  all: readonly { readonly split: Row; readonly value: number; readonly timeMs: number }[],
  spanMinutes: number,
): Row[] {
  return grouped(all, ({ split }) => split, (some) => {
    const times = some.map(({ timeMs }) => timeMs);
    const isLong = Math.max(...times) - Math.min(...times) >= spanMinutes * MINUTE_MS;
    return isLong ? Math.min(...some.map(({ value }) => value)) : undefined;
  });
}

/** Engines with running requests at all times whose counters have one value, over a minute or more. */
function stalled(all: Calculation): Row[] {
  const progress = [
    "vllm_generation_tokens_total",
    "vllm_prompt_tokens_total",
    "vllm_iteration_tokens_total",
  ];
  const series = all.series([RUNNING, ...progress]).map(({ name, labels, samples }) => {
    const values = samples.map(({ value }) => value);
    const times = samples.map(({ timeMs }) => timeMs);
    return {
      split: engine(labels, ""),
      isRunning: name === RUNNING,
      lowest: Math.min(...values),
      highest: Math.max(...values),
      spanMs: Math.max(...times) - Math.min(...times),
    };
  });
  return grouped(series, ({ split }) => split, (some) => {
    const counters = some.filter(({ isRunning }) => !isRunning);
    const running = Math.max(
      ...some.filter(({ isRunning }) => isRunning).map(({ lowest }) => lowest),
    );
    const isStill = counters.length > 0 &&
      counters.every(({ lowest, highest }) => lowest === highest);
    const isLong = some.every(({ spanMs }) => spanMs >= MINUTE_MS);
    return running > 0 && isStill && isLong ? running : undefined;
  });
}

/** The answers of all alerts. */
export function expectedAlerts(series: readonly Series[]): Map<string, () => Row[]> {
  const all = new Calculation(series);
  const part = (a: number, b: number) => a / b;
  const isFailed = ({ labels }: Series) =>
    ["abort", "error"].includes(labels["finished_reason"] ?? "");
  return new Map<string, () => Row[]>([
    ["vLLM: engine stalled", () => called("running_requests", stalled(all))],
    ["vLLM: KV cache nearly full", () => {
      const minutes = series.filter(({ name }) => name === "vllm_kv_cache_usage_perc")
        .flatMap((one) =>
          new Calculation([one]).gauge(one.name, engine, ([value = NaN]) => value)
            .map(({ time_bin: minute, value, ...split }) => ({
              split,
              value: Number(value),
              timeMs: Date.parse(`${minute}Z`),
            }))
        );
      return called("kv_cache_usage", lowest(minutes, 8));
    }],
    ["vLLM: requests waiting", () => {
      const samples = all.series(["vllm_num_requests_waiting"]).flatMap(({ labels, samples }) =>
        samples.map(({ timeMs, value }) => ({ split: engine(labels, ""), value, timeMs }))
      );
      return called("waiting", lowest(samples, 3));
    }],
    [
      "vLLM: preemptions",
      () => called("preemptions", all.increase(["vllm_num_preemptions_total"], engine)),
    ],
    ["vLLM: requests fail", () => share(all.ratio(isFailed, () => true, [FINISHED], model, part))],
    [
      "vLLM: first token too late",
      () => called("ttft_p95", all.quantile(0.95, ["vllm_time_to_first_token_seconds"], model)),
    ],
    ["vLLM metrics: no data", () => {
      const times = all.series([RUNNING, UP, FIRST_ROW]).flatMap(({ samples }) =>
        samples.map(({ timeMs }) => timeMs)
      );
      return [{ ...whole({}, ""), samples_seen: new Set(times).size }];
    }],
    ["vLLM: down", () => {
      const downs = all.series([UP]).flatMap(({ labels, samples }) =>
        lowest(
          samples.map(({ timeMs, value }) => ({
            split: server(labels, ""),
            value: 1 - value,
            timeMs,
          })),
          2,
        ).map(({ value, ...split }) => ({ split, down: Number(value) }))
      );
      return called(
        "down",
        grouped(downs, ({ split }) => split, (some) => Math.max(...some.map(({ down }) => down))),
      );
    }],
    ["vLLM metrics: scrapes fail", () =>
      share(
        all.ratio(
          ({ name }) => name === FAILURES,
          ({ name }) => name === SCRAPES,
          [FAILURES, SCRAPES],
          server,
          part,
        ),
      )],
    [
      "vLLM metrics: relay fails",
      () =>
        share(
          all.ratio(({ labels }) => labels["code"] !== "200", () => true, [REQUESTS], server, part),
        ),
    ],
    [
      "vLLM metrics: data lost",
      () => called("lost", all.increase(LOSSES, ({ name }) => ({ name }))),
    ],
  ]);
}
