import { assert, assertEquals } from "@std/assert";
import type {
  GaugeQuestion,
  Grid,
  History,
  RangeQuestion,
  TimeSeries,
} from "../../lib/history/history.ts";
import { timesOf } from "../../lib/history/evaluate.ts";
import { startService, until } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";
import { type Prometheus, startPrometheus } from "./prometheus.ts";
import { recordScrapes, SCRIPTED, SIMULATED } from "./recorded_scrapes.ts";

/** Relative difference of two numbers that were computed in another order. */
const ROUNDING = 1e-9;
/** Stretches that are asked for, in seconds; the shortest holds one scrape or two. */
const RANGES = [3, 20, 60, 300];
const TTFT = "time_to_first_token_seconds";

/** The same question twice, and how many values were alike. */
class Comparison {
  /** Values that both had. */
  values = 0;
  /** Places where both had none. */
  gaps = 0;
  readonly #prometheus: Prometheus;

  constructor(prometheus: Prometheus) {
    this.#prometheus = prometheus;
  }

  /** Asks Prometheus, and holds the history's lines against what it says. */
  async check(found: readonly TimeSeries[], expression: string, grid: Grid): Promise<void> {
    const expected = await this.#prometheus.queryRange(expression, grid);
    const lines = new Map(expected.map(({ labels, values }) => [keyOf(labels), values]));
    for (const { labels, values } of found) {
      const others = lines.get(keyOf(labels)) ?? [];
      for (const [index, timeMs] of timesOf(grid).entries()) {
        this.#compare(values[index] ?? null, others[index] ?? null, () => {
          const second = (timeMs - grid.startMs) / 1_000;
          return `${expression} ${JSON.stringify(labels)} at ${second} s`;
        });
      }
      lines.delete(keyOf(labels));
    }
    // A line that we do not have has nothing in it.
    for (const [key, values] of lines) {
      assert(values.every((value) => value === null), `${expression}: no line ${key}`);
    }
  }

  #compare(value: number | null, other: number | null, where: () => string): void {
    if (value === null || other === null) {
      assertEquals(value, other, where());
      this.gaps++;
      return;
    }
    const scale = Math.max(Math.abs(value), Math.abs(other), 1e-9);
    assert(Math.abs(value - other) / scale < ROUNDING, `${where()}: ${value}, not ${other}`);
    this.values++;
  }
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  const { __name__: _, ...others } = labels;
  return JSON.stringify(Object.entries(others).toSorted());
}

/** `by` and a selection in PromQL. */
function inPromql({ by = [], selection = {} }: Pick<RangeQuestion, "by" | "selection">): {
  readonly by: string;
  readonly matchers: string;
} {
  const { instance, model, engine } = selection;
  const matchers = Object.entries({ instance, model_name: model, engine })
    .flatMap(([label, value]) => value === undefined ? [] : [`${label}="${value}"`]);
  return { by: by.join(), matchers: `{${matchers.join()}}` };
}

type Scope = Pick<RangeQuestion, "by" | "selection">;

/** What is asked of each family: all, by labels, and of parts. */
const SCOPES: readonly Scope[] = [
  {},
  { by: ["instance"] },
  { by: ["instance", "engine"] },
  { by: ["model_name"], selection: { instance: SCRIPTED } },
  { selection: { instance: SIMULATED, engine: "1" } },
];

async function checkCounters(
  comparison: Comparison,
  history: History,
  grid: Grid,
): Promise<void> {
  const metrics = ["prompt_tokens_total", "request_success_total", `${TTFT}_count`];
  for (const metric of metrics) {
    for (const range of RANGES) {
      for (const scope of [...SCOPES, { by: ["finished_reason"] }]) {
        const question = { metric, grid, rangeMs: range * 1_000, ...scope };
        const { by, matchers } = inPromql(scope);
        const of = `(vllm_${metric}${matchers}[${range}s])`;
        await comparison.check(history.rate(question), `sum by (${by}) (rate${of})`, grid);
        await comparison.check(history.increase(question), `sum by (${by}) (increase${of})`, grid);
      }
    }
  }
}

async function checkHistograms(
  comparison: Comparison,
  history: History,
  grid: Grid,
): Promise<void> {
  for (const metric of [TTFT, "e2e_request_latency_seconds", "iteration_tokens_total"]) {
    for (const range of RANGES) {
      for (const scope of SCOPES) {
        const question = { metric, grid, rangeMs: range * 1_000, ...scope };
        const { by, matchers } = inPromql(scope);
        const rate = (part: string, labels: string): string =>
          `sum by (${labels}) (rate(vllm_${metric}_${part}${matchers}[${range}s]))`;
        const buckets = rate("bucket", ["le", ...scope.by ?? []].join());
        for (const q of [0, 0.5, 0.95, 0.99, 1]) {
          const expression = `histogram_quantile(${q}, ${buckets})`;
          await comparison.check(history.quantiles([q], question).flat(), expression, grid);
        }
        const mean = `${rate("sum", by)} / ${rate("count", by)}`;
        await comparison.check(history.mean(question), mean, grid);
      }
    }
  }
}

/** Shares at a bound that is one of the buckets': Prometheus 2.42 has no `histogram_fraction` of them. */
async function checkShares(comparison: Comparison, history: History, grid: Grid): Promise<void> {
  for (const [instance, le] of [[SIMULATED, "0.1"], [SIMULATED, "1.0"], [SCRIPTED, "1"]] as const) {
    const of = (part: string, labels: string): string =>
      `sum(rate(vllm_${TTFT}_${part}{instance="${instance}"${labels}}[60s]))`;
    const share = `${of("bucket", `,le="${le}"`)} / ${of("bucket", ',le="+Inf"')}`;
    const question = { metric: TTFT, grid, rangeMs: 60_000, selection: { instance } };
    await comparison.check(history.share(Number(le), question), share, grid);
  }
}

/** The buckets of a heat map, added up again: Prometheus' are cumulative. */
async function checkHeatMap(comparison: Comparison, history: History, grid: Grid): Promise<void> {
  for (const instance of [SIMULATED, SCRIPTED]) {
    const question = { metric: TTFT, grid, selection: { instance } };
    const { bounds, counts } = history.buckets(question);
    for (const [index, bound] of bounds.entries()) {
      const values = counts.map((row) =>
        row?.slice(0, index + 1).reduce((sum, count) => sum + count, 0) ?? null
      );
      const le = bound === Infinity ? "[+]Inf" : `${bound}([.]0)?`;
      const of = `(vllm_${TTFT}_bucket{instance="${instance}",le=~"${le}"}[${grid.stepMs}ms])`;
      await comparison.check([{ labels: {}, values }], `sum(increase${of})`, grid);
    }
  }
}

async function checkGauges(comparison: Comparison, history: History, grid: Grid): Promise<void> {
  const aggregates = { sum: "sum", max: "max", min: "min", mean: "avg" } as const;
  for (const metric of ["num_requests_running", "kv_cache_usage_perc"]) {
    for (const aggregate of ["sum", "max", "min", "mean"] as const) {
      for (const scope of SCOPES) {
        const question: GaugeQuestion = { metric, grid, aggregate, ...scope };
        const { by, matchers } = inPromql(scope);
        const expression = `${aggregates[aggregate]} by (${by}) (vllm_${metric}${matchers})`;
        await comparison.check(history.gauge(question), expression, grid);
      }
    }
  }
}

Deno.test("the history answers as Prometheus does on the same scrapes", async () => {
  const startMs = Math.floor(Date.now() / 1_000 - 3 * 3_600) * 1_000;
  const { endMs, history, openMetrics } = recordScrapes(startMs);
  await using prometheus = await startPrometheus({}, openMetrics);
  const comparison = new Comparison(prometheus);
  // The first meets scrapes of one server on the spot, the second lies between them.
  const onScrapes = { startMs, endMs, stepMs: 6_000 };
  const between = { startMs: startMs + 1_234, endMs, stepMs: 7_300 };
  for (const grid of [onScrapes, between]) {
    await checkCounters(comparison, history, grid);
    await checkHistograms(comparison, history, grid);
    await checkShares(comparison, history, grid);
    await checkHeatMap(comparison, history, grid);
  }
  // What was stored in this way knows of no failed scrapes: gauges are compared while all is well.
  await checkGauges(comparison, history, { startMs, endMs: startMs + 88_000, stepMs: 1_700 });
  assert(comparison.values > 50_000, `${comparison.values} values`);
  assert(comparison.gaps > 5_000, `${comparison.gaps} gaps`);
});

/** How far the times may lie apart that both give to one scrape, in milliseconds. */
const APART_MS = 150;

/** Whether a scrape began so near a time that one may have it and the other not. */
function isNearScrape(timeMs: number, scrapes: readonly number[]): boolean {
  return scrapes.some((scrapeMs) => Math.abs(scrapeMs - timeMs) <= APART_MS);
}

Deno.test("Prometheus and the history see the same in scrapes that pass, outages included", async () => {
  const scrapes: number[] = [];
  let count = 0;
  await using vllm = serveHttp(() => {
    scrapes.push(Date.now());
    const isDown = scrapes.length > 5 && scrapes.length <= 8;
    // Falls to nothing behind the outage, as after a restart.
    count = isDown ? 0 : count + 1;
    const text = `vllm:num_requests_running{engine="0"} ${count}\n` +
      `vllm:prompt_tokens_total{engine="0"} ${count * 100}\n`;
    return new Response(text, { status: isDown ? 500 : 200 });
  });
  await using service = startService(vllm.origin, { intervalMs: 100 });
  await using prometheus = await startPrometheus({ vllm: service.origin });
  await until(() => scrapes.length > 12 || undefined, "scrapes of Prometheus");
  const startMs = scrapes[0] ?? 0;
  const grid = { startMs, endMs: (scrapes[11] ?? 0) + 500, stepMs: 100 };
  const { history } = service;

  const gauge = "sum(vllm_num_requests_running)";
  const [running] = history.gauge({ metric: "num_requests_running", grid });
  const [expected] = await prometheus.queryRange(gauge, grid);
  const rate = "sum(rate(vllm_prompt_tokens_total[5s]))";
  const [tokens] = history.rate({ metric: "prompt_tokens_total", grid, rangeMs: 5_000 });
  const [expectedTokens] = await prometheus.queryRange(rate, grid);
  const seen = { values: 0, gaps: 0, rates: 0 };
  for (const [index, timeMs] of timesOf(grid).entries()) {
    if (isNearScrape(timeMs, scrapes) || isNearScrape(timeMs - 5_000, scrapes)) continue;
    const second = (timeMs - startMs) / 1_000;
    const value = running?.values[index];
    assertEquals(value, expected?.values[index], `${gauge} at ${second} s`);
    seen[value === null ? "gaps" : "values"]++;
    const [one = null, other = null] = [tokens?.values[index], expectedTokens?.values[index]];
    assertEquals(one === null, other === null, `${rate} at ${second} s`);
    if (one === null || other === null) continue;
    // Two scrapes lie a second apart, give or take what their times differ by.
    assert(Math.abs(one / other - 1) < 2 * APART_MS / 1_000, `${rate} at ${second} s: ${one}`);
    seen.rates++;
  }
  assert(seen.values > 30 && seen.gaps > 10 && seen.rates > 30, JSON.stringify(seen));
});
