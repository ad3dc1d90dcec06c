/** All dashboards as lists of tiles: the state at a glance, latencies, and engines with the data path. */

import type { Goals } from "../../config/config.ts";
import {
  type Dashboard,
  type DashboardBody,
  dashboardBody,
  looks,
  type Tile,
  tile,
} from "./dashboard.ts";
import ACCEPTED_LENGTH from "./sql/tiles/accepted-length.sql" with { type: "text" };
import ACCEPTED_POSITIONS from "./sql/tiles/accepted-positions.sql" with { type: "text" };
import CACHE_CONFIG from "./sql/tiles/cache-config.sql" with { type: "text" };
import DATA_AGE from "./sql/tiles/data-age.sql" with { type: "text" };
import ENGINES_COMPARED from "./sql/tiles/engines-compared.sql" with { type: "text" };
import ENGINES_NOW from "./sql/tiles/engines-now.sql" with { type: "text" };
import INCREASE_NOW from "./sql/tiles/increase-now.sql" with { type: "text" };
import INCREASE from "./sql/tiles/increase.sql" with { type: "text" };
import MEAN from "./sql/tiles/mean.sql" with { type: "text" };
import PERCENTILE_TABLE from "./sql/tiles/percentile-table.sql" with { type: "text" };
import PERCENTILES from "./sql/tiles/percentiles.sql" with { type: "text" };
import PHASE_TABLE from "./sql/tiles/phase-table.sql" with { type: "text" };
import PHASES from "./sql/tiles/phases.sql" with { type: "text" };
import SLEEP_STATE from "./sql/tiles/sleep-state.sql" with { type: "text" };
import {
  type ContentSettings,
  gauge,
  type Measure,
  metrics,
  of,
  percentile,
  type Query,
  rate,
  ratio,
  share,
  within,
} from "./query.ts";

const { number, lines, areas, table, bars } = looks;

/** A measure as a number and as lines over time. */
function item(
  key: string,
  unit: readonly [string, number],
  measure: Measure,
  text: Pick<Tile, "title" | "question">,
): readonly [now: Tile, overTime: Tile] {
  return [
    tile(key, number(...unit), measure.now, text),
    tile(`${key}-over-time`, lines(...unit), measure.overTime, text),
  ];
}

const itemsOf = ({ ttftSeconds, tpotSeconds }: Goals): readonly ReturnType<typeof item>[] => [
  item("requests", ["req/s", 2], rate(metrics.FINISHED), {
    title: "Requests finished per second",
    question: "How many requests does vLLM finish?",
  }),
  item("input-tokens", ["tok/s", 0], rate(metrics.INPUT_TOKENS), {
    title: "Input tokens per second",
    question: "How many prompt tokens are processed? Cached ones count too.",
  }),
  item("output-tokens", ["tok/s", 0], rate(metrics.OUTPUT_TOKENS), {
    title: "Output tokens per second",
    question: "How many tokens are generated?",
  }),
  item("running", ["requests", 0], gauge(metrics.RUNNING, "SUM(v)"), {
    title: "Requests running",
    question: "How many requests run?",
  }),
  item("waiting", ["requests", 0], gauge(metrics.WAITING, "SUM(v)"), {
    title: "Requests waiting",
    question: "Does a queue build up?",
  }),
  item("kv-cache", ["%", 1], gauge(metrics.KV_CACHE, "100.0 * MAX(v)"), {
    title: "KV cache usage, fullest engine",
    question: "Is there room for more requests?",
  }),
  item("prefix-hits", ["%", 1], share(metrics.PREFIX_HITS, metrics.PREFIX_QUERIES), {
    title: "Prefix-cache hit rate",
    question: "How much prefill does the cache save?",
  }),
  item("ttft-p95", ["s", 3], percentile(metrics.TTFT), {
    title: "Time to first token (TTFT), p95",
    question: "How long do users wait for the first token?",
  }),
  item("inter-token-p95", ["s", 3], percentile(metrics.ITL), {
    title: "Inter-token latency (ITL), p95",
    question: "Does text stream smoothly?",
  }),
  item("whole-request-p95", ["s", 2], percentile(metrics.END_TO_END), {
    title: "End-to-end latency, p95",
    question: "How long does a request take?",
  }),
  item(
    "success",
    ["%", 2],
    ratio([metrics.FINISHED], "finished_reason NOT IN ('abort', 'error')", "TRUE"),
    {
      title: "Success rate",
      question: "Do requests fail? Failures are the finish reasons abort and error.",
    },
  ),
  item("ttft-goal", ["%", 2], within(metrics.TTFT, ttftSeconds), {
    title: `TTFT within ${ttftSeconds} s`,
    question: "Is SLO_TTFT met?",
  }),
  item("tpot-goal", ["%", 2], within(metrics.TPOT, tpotSeconds), {
    title: `TPOT within ${tpotSeconds} s`,
    question: "Is SLO_TPOT met, by the mean of each request?",
  }),
  item("preemptions", ["1/s", 3], rate(metrics.PREEMPTIONS), {
    title: "Preemptions per second",
    question: "Is the KV cache too small, so that requests are recomputed?",
  }),
  item("cost", ["", 2], gauge("vllm_metrics_cost_per_hour", "SUM(v)", ["activity"]), {
    title: "Cost per hour",
    question: "What do the servers cost, for prefill, for decode and idle? See GPU_COST_PER_HOUR.",
  }),
];

const FEED: readonly Tile[] = [
  tile("engines", number("engines", 0), gauge(metrics.RUNNING, "COUNT(v)").now, {
    title: "Engines reporting",
    question: "Do all engines report?",
  }),
  tile("data-age", number("s", 0), of(DATA_AGE, [metrics.RUNNING]), {
    title: "Age of the newest sample",
    question: "Is the data current?",
  }),
];

function overview(goals: Goals): Dashboard {
  const items = itemsOf(goals);
  return {
    key: "overview",
    title: "vLLM overview",
    sections: [
      { title: "Over the selected time", tiles: [...items.map(([now]) => now), ...FEED] },
      { title: "Over time, by model", tiles: items.map(([, overTime]) => overTime) },
    ],
  };
}

const MODEL = ["model_name"];
const SPLITS = { model: MODEL, engine: ["engine_name"] } as const;
type Split = keyof typeof SPLITS;

const LATENCIES = [
  { key: "ttft", title: "Time to first token (TTFT)", metric: metrics.TTFT },
  { key: "inter-token", title: "Inter-token latency (ITL)", metric: metrics.ITL },
  { key: "per-token", title: "Time per output token (TPOT)", metric: metrics.TPOT },
  { key: "whole-request", title: "End-to-end latency", metric: metrics.END_TO_END },
  { key: "queue", title: "Queue time", metric: metrics.QUEUE },
];
const LATENCY_METRICS = LATENCIES.map(({ metric }) => metric);
const PHASE_METRICS = [metrics.QUEUE, metrics.PREFILL, metrics.DECODE];

const ALL_PHASES = [...PHASE_METRICS, metrics.END_TO_END];

const PERCENTILES_BY_MODEL = LATENCIES.map(({ key, title, metric }) =>
  tile(key, lines("s", 3), of(PERCENTILES, [metric], MODEL, ["time_bin", ...MODEL]), {
    title: `${title}: p50, p95, p99`,
    question: "How long do requests take, at the median and in the tail?",
    lines: [...MODEL, "percentile"],
  })
);

const P95_BY_ENGINE = LATENCIES.map(({ key, title, metric }) =>
  tile(`${key}-by-engine`, lines("s", 3), percentile(metric, SPLITS.engine).overTime, {
    title: `${title}, p95 by engine`,
    question: "Is one engine slower than the others?",
  })
);

function percentileTable(split: Split): Tile {
  const by = SPLITS[split];
  const keys = [...by, "metric_name"];
  return tile(
    `percentiles-by-${split}`,
    table("", 3),
    of(PERCENTILE_TABLE, LATENCY_METRICS, by, keys),
    {
      title: `Percentiles over the selected time by ${split}, in seconds`,
      question: `Which ${split} is slow, and in what?`,
      columns: ["p95"],
    },
  );
}

const PHASE_TILE = tile("phases", areas("s", 3), of(PHASES, PHASE_METRICS, []), {
  title: "Mean queue, prefill and decode time of a request",
  question: "Does queueing, prefill or decode take the time?",
  columns: ["queue", "prefill", "decode"],
});

function phaseTable(split: Split): Tile {
  return tile(`phases-by-${split}`, table("", 3), of(PHASE_TABLE, ALL_PHASES, SPLITS[split]), {
    title: `Mean phases by ${split}, in seconds`,
    question: `Where does the time go, for each ${split}?`,
    columns: ["whole_request"],
  });
}

function goalTiles({ ttftSeconds, tpotSeconds }: Goals, split: Split): Tile[] {
  const goals = [
    { key: "ttft", name: "TTFT", metric: metrics.TTFT, goal: ttftSeconds },
    { key: "tpot", name: "TPOT", metric: metrics.TPOT, goal: tpotSeconds },
  ];
  return goals.map(({ key, name, metric, goal }) =>
    tile(`${key}-goal-by-${split}`, lines("%", 2), within(metric, goal, SPLITS[split]).overTime, {
      title: `${name} within ${goal} s, by ${split}`,
      question: `When and for which ${split} was the SLO missed?`,
    })
  );
}

function latency(goals: Goals): Dashboard {
  return {
    key: "latency",
    title: "vLLM latency",
    sections: [
      { title: "Percentiles by model", tiles: [...PERCENTILES_BY_MODEL, percentileTable("model")] },
      {
        title: "Phases of a request",
        tiles: [PHASE_TILE, phaseTable("model"), phaseTable("engine")],
      },
      { title: "By engine", tiles: [...P95_BY_ENGINE, percentileTable("engine")] },
      {
        title: "Within the SLO",
        tiles: [...goalTiles(goals, "model"), ...goalTiles(goals, "engine")],
      },
    ],
  };
}

const { RUNNING, WAITING, KV_CACHE, OUTPUT_TOKENS, FINISHED, UPSTREAM_UP } = metrics;
const ENGINE = ["engine_name"];
const SERVER = ["server"];
const COMPARED = [
  FINISHED,
  metrics.INPUT_TOKENS,
  OUTPUT_TOKENS,
  metrics.PREEMPTIONS,
  metrics.PREFIX_HITS,
  metrics.PREFIX_QUERIES,
];
const DRAFTED = "vllm_spec_decode_num_draft_tokens_total";
const ACCEPTED = "vllm_spec_decode_num_accepted_tokens_total";
const DRAFTS = "vllm_spec_decode_num_drafts_total";
const ACCEPTED_AT = "vllm_spec_decode_num_accepted_tokens_per_pos_total";
const DROPPED_LINES = "vllm_metrics_dropped_lines_total";
const POINTS_DROPPED = "vllm_metrics_relay_points_dropped_total";
const UNREPAIRABLE = "vllm_metrics_relay_histograms_unrepairable_total";
const FORWARD_DURATION = "vllm_metrics_relay_forward_duration_seconds";

/** How much counters grew over the whole range, by one label. */
function increase(metrics: readonly string[], label: string): Query {
  return of(INCREASE, metrics, [label]);
}

const TABLES: readonly Tile[] = [
  tile("engines-now", table("", 2), of(ENGINES_NOW, [RUNNING, WAITING, KV_CACHE], ENGINE), {
    title: "Engines now",
    question: "What is each engine doing?",
    columns: ["running"],
  }),
  tile("engines-compared", table("", 2), of(ENGINES_COMPARED, COMPARED, ENGINE), {
    title: "Engines over the selected time",
    question: "Is load balanced evenly?",
    columns: ["requests_per_second"],
  }),
  tile("cache-config", table("", 2), of(CACHE_CONFIG, ["vllm_cache_config_info"], ENGINE), {
    title: "KV cache of each engine",
    question: "How large is the cache, and how is it configured?",
    columns: ["num_gpu_blocks"],
  }),
  tile("sleep-state", table("", 2), of(SLEEP_STATE, ["vllm_engine_sleep_state"], ENGINE), {
    title: "Sleep state of each engine",
    question: "Is an engine asleep, and how deeply?",
    columns: ["sleep_state"],
  }),
];

const LINES: readonly Tile[] = [
  tile("running-by-engine", lines("requests", 1), gauge(RUNNING, "SUM(v)", ENGINE).overTime, {
    title: "Requests running, by engine",
    question: "Which engine is busy?",
  }),
  tile("waiting-by-engine", lines("requests", 1), gauge(WAITING, "SUM(v)", ENGINE).overTime, {
    title: "Requests waiting, by engine",
    question: "Where does a queue build up?",
  }),
  tile("kv-cache-by-engine", lines("%", 1), gauge(KV_CACHE, "100.0 * MAX(v)", ENGINE).overTime, {
    title: "KV cache usage, by engine",
    question: "Which engine is full?",
  }),
  tile("output-tokens-by-engine", lines("tok/s", 0), rate(OUTPUT_TOKENS, ENGINE).overTime, {
    title: "Output tokens per second, by engine",
    question: "Which engine generates?",
  }),
];

const FINISH_REASONS: readonly Tile[] = [
  tile("finish-reasons", bars("requests", 0), increase([FINISHED], "finished_reason"), {
    title: "Requests over the selected time, by finish reason",
    question: "Which finish reasons occur?",
  }),
  tile(
    "finish-reasons-over-time",
    lines("req/s", 2),
    rate(FINISHED, ["finished_reason"]).overTime,
    {
      title: "Requests per second, by finish reason",
      question: "When did requests fail?",
    },
  ),
];

const SPECULATION: readonly Tile[] = [
  tile("accepted-share", lines("%", 1), share(ACCEPTED, DRAFTED).overTime, {
    title: "Draft acceptance rate",
    question: "Is the draft good?",
  }),
  tile(
    "accepted-length",
    lines("tokens", 2),
    of(ACCEPTED_LENGTH, [ACCEPTED, DRAFTS], ["model_name"]),
    {
      title: "Tokens per speculative step",
      question: "How much does speculation gain?",
    },
  ),
  tile(
    "accepted-positions",
    bars("%", 1),
    of(ACCEPTED_POSITIONS, [ACCEPTED_AT, DRAFTS], ["position"]),
    {
      title: "Draft acceptance rate by position",
      question: "How many tokens are worth drafting?",
    },
  ),
];

/** The data path: the proxy, the relay and Fluent Bit. */
const PIPELINE: readonly Tile[] = [
  tile("vllm-up", number("", 0), gauge(UPSTREAM_UP, "MIN(v)").now, {
    title: "vLLM up: 1 yes, 0 no",
    question: "Did the last scrape of each server succeed?",
  }),
  tile("parseable-up", number("", 0), gauge("vllm_metrics_parseable_up", "MIN(v)").now, {
    title: "Parseable up: 1 yes, 0 no",
    question: "Did Parseable store the last request of the relay?",
  }),
  tile("scrape-failures", number("scrapes", 0), of(INCREASE_NOW, [metrics.SCRAPE_FAILURES]), {
    title: "Failed scrapes of vLLM",
    question: "Are there gaps in the data?",
  }),
  tile("points-dropped", number("points", 0), of(INCREASE_NOW, [POINTS_DROPPED, UNREPAIRABLE]), {
    title: "Data points that the relay dropped",
    question: "Did vLLM send values that Parseable cannot store?",
  }),
  tile("vllm-up-over-time", lines("%", 0), gauge(UPSTREAM_UP, "100.0 * MIN(v)", SERVER).overTime, {
    title: "vLLM up, share of each minute",
    question: "When was vLLM down?",
  }),
  tile("scrape-failures-by-code", bars("scrapes", 0), increase([metrics.SCRAPE_FAILURES], "code"), {
    title: "Failed scrapes, by error code",
    question: "Why do scrapes fail?",
  }),
  tile(
    "scrape-duration",
    lines("s", 3),
    gauge("vllm_metrics_scrape_duration_seconds", "MAX(v)", SERVER).overTime,
    {
      title: "Scrape duration",
      question: "Is vLLM slow to answer?",
    },
  ),
  tile(
    "scrape-samples",
    lines("samples", 0),
    gauge("vllm_metrics_scrape_samples", "MAX(v)", SERVER).overTime,
    {
      title: "Samples per scrape",
      question: "Did metrics appear or disappear?",
    },
  ),
  tile("dropped-lines", bars("lines", 0), increase([DROPPED_LINES], "reason"), {
    title: "Dropped lines of vLLM's exposition, by reason",
    question: "Were there unparsable lines?",
  }),
  tile(
    "relay-requests",
    lines("req/s", 2),
    rate("vllm_metrics_relay_requests_total", ["code"]).overTime,
    {
      title: "Requests to the relay per second, by HTTP status",
      question: "Does the relay refuse requests? All but 200 are refusals.",
    },
  ),
  tile("points-dropped-by-reason", bars("points", 0), increase([POINTS_DROPPED], "reason"), {
    title: "Dropped data points, by reason",
    question: "What cannot be stored?",
  }),
  tile("forward-duration", lines("s", 3), of(MEAN, [FORWARD_DURATION], []), {
    title: "Mean time until Parseable stored a request",
    question: "Does Parseable keep up?",
  }),
  tile(
    "fluent-bit-waiting",
    lines("chunks", 0),
    gauge("fluentbit_input_storage_chunks", "SUM(v)", ["name"]).overTime,
    {
      title: "Fluent Bit: chunks waiting, by input",
      question: "Is there a backlog?",
    },
  ),
  tile(
    "fluent-bit-retries",
    lines("1/s", 2),
    rate("fluentbit_output_retries_total", ["name"]).overTime,
    {
      title: "Fluent Bit: retries per second, by output",
      question: "Is the relay or Parseable down?",
    },
  ),
  tile(
    "fluent-bit-losses",
    bars("", 0),
    increase([metrics.FLUENT_BIT_DROPPED, metrics.FLUENT_BIT_FAILED], "name"),
    {
      title: "Fluent Bit: lost records and chunks, by output",
      question: "Was data lost?",
    },
  ),
];

const ENGINES: Dashboard = {
  key: "engines",
  title: "vLLM engines and pipeline",
  sections: [
    { title: "Engines", tiles: [...TABLES, ...LINES] },
    { title: "Finish reasons", tiles: FINISH_REASONS },
    { title: "Speculative decoding", tiles: SPECULATION },
    { title: "Pipeline", tiles: PIPELINE },
  ],
};

/** The dashboards as lists of tiles. */
export function dashboardList({ goals }: ContentSettings): readonly Dashboard[] {
  return [overview(goals), latency(goals), ENGINES];
}

/** The bodies of `POST /api/v1/dashboards`. */
export function dashboards(settings: ContentSettings): readonly DashboardBody[] {
  return dashboardList(settings).map((one) => dashboardBody(one, settings.stream));
}
