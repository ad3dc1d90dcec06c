import { assert, assertEquals } from "@std/assert";
import { CHART_RULES } from "../../lib/dashboard/charts/charts.ts";
import { Scope } from "../../lib/dashboard/scope.ts";
import { grafanaFiles } from "../../lib/export/files.ts";
import { startPrometheus } from "./prometheus.ts";
import { recordScrapes, SIMULATED } from "./recorded_scrapes.ts";

/** What both look back, in seconds. */
const RANGE_SECONDS = 60;
/** Largest relative difference of a panel and the page. */
const TOLERANCE = 0.001;

/** All lines of a stacked chart together. */
const STACK = "";

/** A line of the page: its chart, and its name there; the finish reason's without one. */
type PageLine = readonly [chart: string, line?: string];

function percentiles(panel: string, chart: string): [string, PageLine][] {
  return ["p50", "p95", "p99"].map((line) => [`${panel}: {{model_name}} ${line}`, [chart, line]]);
}

/** Each line of a panel, by panel and legend, with its line of the page. */
const PAGE: Readonly<Record<string, PageLine>> = {
  "Finished requests: {{finished_reason}}": ["finish_reasons"],
  "Tokens: {{model_name}} prompt per second": ["tokens", "input"],
  "Tokens: {{model_name}} output per second": ["tokens", "output"],
  "Requests: {{model_name}} running": ["running", "running"],
  "Requests: {{model_name}} waiting": ["waiting", STACK],
  ...Object.fromEntries([
    ...percentiles("Time to first token (TTFT)", "ttft"),
    ...percentiles("Inter-token latency (ITL)", "inter_token"),
    ...percentiles("Time per output token (TPOT)", "per_output_token"),
    ...percentiles("End-to-end latency", "e2e"),
    ...percentiles("Queue", "queue_time"),
  ]),
  "KV cache usage: {{instance}} {{engine}}": ["kv_cache", "in use"],
  "Running requests: {{instance}} {{engine}}": ["running", "running"],
  "Waiting requests: {{instance}} {{engine}}": ["waiting", STACK],
  "Output tokens per second: {{instance}} {{engine}}": ["tokens", "output"],
  "Tokens of a step: {{instance}} {{engine}}": ["step_tokens", "mean"],
  "Prefix-cache hit rate: {{instance}} {{engine}}": ["cache_hits", "prefix"],
};

/** Lines that the page has as a tile, or in another form: the history's own comparison has these. */
const ELSEWHERE = [
  ...["TTFT", "ITL", "TPOT"].map((name) => new RegExp(`\\(${name}\\): {{model_name}} mean$`)),
  /^End-to-end latency: {{model_name}} mean$/,
  /^(?:Queue|Prefill|Decode): {{model_name}} (?:p\d\d|mean)$/,
  /^Preemptions per second: /,
  /^Servers that answer: /,
];

Deno.test("panels agree with the page on the same scrapes", async () => {
  const startMs = Math.floor(Date.now() / 1_000 - 3 * 3_600) * 1_000;
  const { endMs, history, openMetrics } = recordScrapes(startMs);
  await using prometheus = await startPrometheus({}, openMetrics);
  const grid = { startMs: startMs + RANGE_SECONDS * 1_000, endMs, stepMs: 7_000 };
  const compared = new Map<string, number>();
  const unmapped: string[] = [];
  let exact = 0;
  for (const { path, text } of grafanaFiles().filter(({ path }) => !/pipeline/.test(path))) {
    for (const { title, targets = [] } of JSON.parse(text).panels) {
      for (const { expr, legendFormat } of targets) {
        const name = `${title}: ${legendFormat}`;
        const [chartId, lineName] = PAGE[name] ?? [];
        if (chartId === undefined) {
          if (!ELSEWHERE.some((pattern) => pattern.test(name))) unmapped.push(name);
          continue;
        }
        const expression = String(expr)
          .replaceAll("$server", SIMULATED)
          .replace(/\$(model|engine)/g, ".*")
          .replaceAll("$__rate_interval", `${RANGE_SECONDS}s`);
        const [, family = ""] = /vllm_(\w+)_bucket/.exec(expression) ?? [];
        for (const { labels, values } of await prometheus.queryRange(expression, grid)) {
          const { engine, model_name: model, finished_reason } = labels;
          const selection = {
            instance: SIMULATED,
            ...(engine !== undefined && { engine }),
            ...(model !== undefined && { model }),
          };
          const scope = new Scope(history, selection, { grid, rangeMs: RANGE_SECONDS * 1_000 });
          const lines = CHART_RULES.find(({ id }) => id === chartId)?.read(scope) ?? [];
          const drawn = lineName === STACK
            ? lines
            : lines.filter(({ name }) => name === (lineName ?? finished_reason));
          // Inside the first bucket Prometheus invents a value, and the page draws the mean.
          const bound = family === ""
            ? -Infinity
            : history.buckets({ metric: family, grid, selection }).bounds[0] ?? -Infinity;
          for (const [index, value] of values.entries()) {
            const parts = drawn.map(({ values }) => values[index] ?? null);
            if (value === null || parts.length === 0 || parts.includes(null)) continue;
            compared.set(name, (compared.get(name) ?? 0) + 1);
            if (value <= bound) continue;
            const ours = parts.reduce((sum: number, part) => sum + (part ?? 0), 0);
            const difference = Math.abs(value - ours) / Math.max(Math.abs(value), 1e-9);
            assert(difference <= TOLERANCE, `${path}, ${name}: ${value}, the page has ${ours}`);
            exact++;
          }
        }
      }
    }
  }
  assertEquals(unmapped, []);
  assert(exact > 2_000, `${exact} values`);
  for (const name of Object.keys(PAGE)) {
    assert((compared.get(name) ?? 0) > 20, `${name}: ${compared.get(name) ?? 0} values compared`);
  }
});
