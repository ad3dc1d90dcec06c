/** The answer that each tile and alert should give, by the names of dashboard and tile. */

import {
  Calculation,
  engineName,
  grouped,
  type Row,
  type Split,
  sum,
  whole,
} from "./calculation.ts";
import type { Series } from "./series.ts";

/** What the goals and limits were. */
export interface Limits {
  /** For the first token, in seconds. */
  readonly ttft: number;
  /** For each further token, in seconds. */
  readonly tpot: number;
}

const FINISHED = "vllm_request_success_total";
const PREFIX = ["vllm_prefix_cache_hits_total", "vllm_prefix_cache_queries_total"];
const RUNNING = "vllm_num_requests_running";
const WAITING = "vllm_num_requests_waiting";
const KV_CACHE = "vllm_kv_cache_usage_perc";
const TTFT = "vllm_time_to_first_token_seconds";
const TPOT = "vllm_request_time_per_output_token_seconds";
const LATENCIES: Readonly<Record<string, [string, string]>> = {
  "ttft": [TTFT, "time to first token"],
  "inter-token": ["vllm_inter_token_latency_seconds", "between tokens"],
  "per-token": [TPOT, "per output token"],
  "whole-request": ["vllm_e2e_request_latency_seconds", "whole request"],
  "queue": ["vllm_request_queue_time_seconds", "in the queue"],
};
const PHASES = ["queue", "prefill", "decode"];

const model: Split = ({ model_name: name }) => ({ model_name: name });
const engine: Split = (labels) => ({ engine_name: engineName(labels) });
const server: Split = ({ instance = "vLLM" }) => ({ server: instance });
const label = (name: string): Split => (labels) => ({ [name]: labels[name] });
const timed = (split: Split): Split => (labels, name) => ({ time_bin: "", ...split(labels, name) });
const named = (...names: string[]) => ({ name }: Series): boolean => names.includes(name);
const max = (values: number[]): number => Math.max(...values);
const min = (values: number[]): number => Math.min(...values);

/** Some rows as one number; no row when there is nothing. */
function one(values: readonly number[], together: (values: number[]) => number): Row[] {
  return values.length === 0 ? [] : [{ value: together([...values]) }];
}

/** Rows that have the same columns but for `value`, as one row with a column for each. */
function joined(keys: readonly string[], columns: Readonly<Record<string, Row[]>>): Row[] {
  const rows = new Map<string, Row>();
  for (const [column, values] of Object.entries(columns)) {
    for (const { value, ...rest } of values) {
      const key = JSON.stringify(keys.map((name) => rest[name]));
      rows.set(key, { ...rows.get(key) ?? rest, [column]: value });
    }
  }
  return [...rows.values()];
}

/** The answers of all tiles, by `dashboard/tile`. */
export function expectedTiles(series: readonly Series[], limits: Limits): Map<string, () => Row[]> {
  const calculation = new Calculation(series);
  const answers: Record<string, () => Row[]> = {
    ...overviewAnswers(calculation, limits),
    ...latencyAnswers(calculation, limits),
    ...engineAnswers(calculation),
    ...pipelineAnswers(calculation),
  };
  return new Map(Object.entries(answers));
}

function overviewAnswers(all: Calculation, { ttft, tpot }: Limits): Record<string, () => Row[]> {
  const answers: Record<string, () => Row[]> = {
    "overview/engines": () => one(values(all, RUNNING), ({ length }) => length),
  };
  const both = (key: string, answer: (split: Split) => Row[]) => {
    answers[`overview/${key}`] = () => answer(whole);
    answers[`overview/${key}-over-time`] = () => answer(timed(model));
  };
  const rates = {
    "requests": FINISHED,
    "input-tokens": "vllm_prompt_tokens_total",
    "output-tokens": "vllm_generation_tokens_total",
    "preemptions": "vllm_num_preemptions_total",
  };
  for (const [key, name] of Object.entries(rates)) {
    answers[`overview/${key}`] = () => all.rateOverall([name]);
    answers[`overview/${key}-over-time`] = () => all.rate([name], timed(model));
  }
  both(
    "prefix-hits",
    (split) =>
      all.ratio(
        named("vllm_prefix_cache_hits_total"),
        named("vllm_prefix_cache_queries_total"),
        PREFIX,
        split,
      ),
  );
  both("success", (split) =>
    all.ratio(
      ({ labels }) => !["abort", "error"].includes(labels["finished_reason"] ?? ""),
      () => true,
      [FINISHED],
      split,
    ));
  both("ttft-p95", (split) => all.quantile(0.95, [TTFT], split));
  both(
    "inter-token-p95",
    (split) => all.quantile(0.95, ["vllm_inter_token_latency_seconds"], split),
  );
  both(
    "whole-request-p95",
    (split) => all.quantile(0.95, ["vllm_e2e_request_latency_seconds"], split),
  );
  both("ttft-goal", (split) => all.within(ttft, [TTFT], split));
  both("tpot-goal", (split) => all.within(tpot, [TPOT], split));
  const gauges: [string, string, (values: number[]) => number][] = [
    ["running", RUNNING, sum],
    ["waiting", WAITING, sum],
    ["kv-cache", KV_CACHE, (values) => 100 * max(values)],
  ];
  for (const [key, name, together] of gauges) {
    answers[`overview/${key}`] = () => one(values(all, name), together);
    answers[`overview/${key}-over-time`] = () => all.gauge(name, model, together);
  }
  return answers;
}

function latencyAnswers(all: Calculation, { ttft, tpot }: Limits): Record<string, () => Row[]> {
  const answers: Record<string, () => Row[]> = {};
  const splits: [string, Split, string][] = [["model", model, "model_name"], [
    "engine",
    engine,
    "engine_name",
  ]];
  const quantiles: [string, number][] = [["p50", 0.5], ["p95", 0.95], ["p99", 0.99]];
  for (const [key, [name]] of Object.entries(LATENCIES)) {
    answers[`latency/${key}`] = () =>
      quantiles.flatMap(([percentile, q]) =>
        all.quantile(q, [name], timed(model)).map((row) => ({ ...row, percentile }))
      );
    answers[`latency/${key}-by-engine`] = () => all.quantile(0.95, [name], timed(engine));
  }
  answers["latency/phases"] = () =>
    joined(["time_bin"], phaseMeans(all, (labels, name) => timed(whole)(labels, name)));
  for (const [what, split, key] of splits) {
    answers[`latency/percentiles-by-${what}`] = () =>
      Object.values(LATENCIES).flatMap(([name, measure]) =>
        joined([key], {
          observed: all.increase([name], split).filter(({ value }) => Number(value) > 0),
          ...Object.fromEntries(quantiles.map(([p, q]) => [p, all.quantile(q, [name], split)])),
        }).map((row) => ({ ...row, measure }))
      );
    answers[`latency/phases-by-${what}`] = () => {
      const requests = "vllm_e2e_request_latency_seconds";
      return joined([key], {
        ...phaseMeans(all, split),
        requests: all.increase([requests], split).filter(({ value }) => Number(value) > 0),
        whole_request: all.mean([requests], split),
      });
    };
    answers[`latency/ttft-goal-by-${what}`] = () => all.within(ttft, [TTFT], timed(split));
    answers[`latency/tpot-goal-by-${what}`] = () => all.within(tpot, [TPOT], timed(split));
  }
  return answers;
}

function phaseMeans(all: Calculation, split: Split): Record<string, Row[]> {
  return Object.fromEntries(
    PHASES.map((phase) => [phase, all.mean([`vllm_request_${phase}_time_seconds`], split)]),
  );
}

function engineAnswers(all: Calculation): Record<string, () => Row[]> {
  const drafts = "vllm_spec_decode_num_drafts_total";
  const accepted = "vllm_spec_decode_num_accepted_tokens_total";
  const drafted = "vllm_spec_decode_num_draft_tokens_total";
  const positions = "vllm_spec_decode_num_accepted_tokens_per_pos_total";
  return {
    "engines/engines-now": () => enginesNow(all),
    "engines/engines-compared": () => enginesCompared(all),
    "engines/cache-config": () =>
      all.newest(["vllm_cache_config_info"]).map(({ series: { labels } }) => ({
        engine_name: engineName(labels),
        ...Object.fromEntries(CONFIG.map((name) => [name, labels[name]])),
      })),
    "engines/sleep-state": () =>
      all.newest(["vllm_engine_sleep_state"]).filter(({ sample }) => sample.value === 1)
        .map(({ series: { labels } }) => ({
          ...engine(labels, ""),
          ...label("sleep_state")(labels, ""),
        })),
    "engines/running-by-engine": () => all.gauge(RUNNING, engine, sum),
    "engines/waiting-by-engine": () => all.gauge(WAITING, engine, sum),
    "engines/kv-cache-by-engine": () => all.gauge(KV_CACHE, engine, (values) => 100 * max(values)),
    "engines/output-tokens-by-engine": () =>
      all.rate(["vllm_generation_tokens_total"], timed(engine)),
    "engines/finish-reasons": () => positive(all.increase([FINISHED], label("finished_reason"))),
    "engines/finish-reasons-over-time": () => all.rate([FINISHED], timed(label("finished_reason"))),
    "engines/accepted-share": () =>
      all.ratio(named(accepted), named(drafted), [accepted, drafted], timed(model)),
    "engines/accepted-length": () =>
      all.ratio(
        named(accepted),
        named(drafts),
        [accepted, drafts],
        timed(model),
        (a, d) => 1 + a / d,
      ),
    "engines/accepted-positions": () => {
      const total = sum(all.increase([drafts], whole).map(({ value }) => Number(value)));
      if (total === 0) return [];
      return all.increase([positions], label("position"))
        .map((row) => ({ ...row, value: 100 * Number(row["value"]) / total }));
    },
  };
}

const CONFIG = [
  "kv_cache_size_tokens",
  "num_gpu_blocks",
  "block_size",
  "cache_dtype",
  "gpu_memory_utilization",
  "enable_prefix_caching",
  "kv_cache_max_concurrency",
];

function enginesNow(all: Calculation): Row[] {
  const newest = all.newest([RUNNING, WAITING, KV_CACHE]);
  const of = (name: string) =>
    grouped(
      newest.filter(({ series }) => series.name === name),
      ({ series }) => engine(series.labels, ""),
      (some) => sum(some.map(({ sample }) => sample.value)),
    );
  const times = grouped(
    newest,
    ({ series }) => engine(series.labels, ""),
    (some) => max(some.map(({ sample }) => sample.timeMs)),
  );
  return joined(["engine_name"], {
    newest_sample: times,
    running: of(RUNNING),
    waiting: of(WAITING),
    kv_cache_percent: of(KV_CACHE).map((row) => ({ ...row, value: 100 * Number(row["value"]) })),
  }).map((row) => ({
    ...row,
    newest_sample: new Date(Number(row["newest_sample"])).toISOString().slice(0, -1),
  }));
}

function enginesCompared(all: Calculation): Row[] {
  const rate = (name: string) => all.rate([name], engine);
  return joined(["engine_name"], {
    requests_per_second: rate(FINISHED),
    input_tokens_per_second: rate("vllm_prompt_tokens_total"),
    output_tokens_per_second: rate("vllm_generation_tokens_total"),
    preemptions: all.increase(["vllm_num_preemptions_total"], engine),
    prefix_hit_percent: all.ratio(
      named("vllm_prefix_cache_hits_total"),
      named("vllm_prefix_cache_queries_total"),
      PREFIX,
      engine,
    ),
  });
}

function pipelineAnswers(all: Calculation): Record<string, () => Row[]> {
  const own = (name: string) => `vllm_metrics_${name}`;
  const losses = [
    "fluentbit_output_dropped_records_total",
    "fluentbit_output_retries_failed_total",
  ];
  return {
    "engines/vllm-up": () => one(values(all, own("upstream_up")), min),
    "engines/parseable-up": () => one(values(all, own("parseable_up")), min),
    "engines/scrape-failures": () => all.increase([own("scrape_failures_total")], whole),
    "engines/points-dropped": () =>
      all.increase(
        [own("relay_points_dropped_total"), own("relay_histograms_unrepairable_total")],
        whole,
      ),
    "engines/vllm-up-over-time": () =>
      all.gauge(own("upstream_up"), server, (values) => 100 * min(values)),
    "engines/scrape-failures-by-code": () =>
      positive(all.increase([own("scrape_failures_total")], label("code"))),
    "engines/scrape-duration": () => all.gauge(own("scrape_duration_seconds"), server, max),
    "engines/scrape-samples": () => all.gauge(own("scrape_samples"), server, max),
    "engines/dropped-lines": () =>
      positive(all.increase([own("dropped_lines_total")], label("reason"))),
    "engines/relay-requests": () => all.rate([own("relay_requests_total")], timed(label("code"))),
    "engines/points-dropped-by-reason": () =>
      positive(all.increase([own("relay_points_dropped_total")], label("reason"))),
    "engines/forward-duration": () =>
      all.mean([own("relay_forward_duration_seconds")], timed(whole)),
    "engines/fluent-bit-waiting": () =>
      all.gauge("fluentbit_input_storage_chunks", label("name"), sum),
    "engines/fluent-bit-retries": () =>
      all.rate(["fluentbit_output_retries_total"], timed(label("name"))),
    "engines/fluent-bit-losses": () => positive(all.increase(losses, label("name"))),
  };
}

function positive(rows: Row[]): Row[] {
  return rows.filter(({ value }) => Number(value) > 0);
}

function values(all: Calculation, name: string): number[] {
  return all.newest([name]).map(({ sample }) => sample.value);
}
