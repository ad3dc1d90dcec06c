/** Queries: SQL files with their placeholders filled in, and the usual questions about one metric. */

import type { Goals } from "../../config/config.ts";
import BUCKETS from "./sql/parts/buckets.sql" with { type: "text" };
import INCREASES from "./sql/parts/increases.sql" with { type: "text" };
import MINUTES from "./sql/parts/minutes.sql" with { type: "text" };
import NEWEST_PART from "./sql/parts/newest.sql" with { type: "text" };
import OBSERVATIONS from "./sql/parts/observations.sql" with { type: "text" };
import SAMPLES from "./sql/parts/samples.sql" with { type: "text" };
import GAUGE from "./sql/tiles/gauge.sql" with { type: "text" };
import NEWEST from "./sql/tiles/newest.sql" with { type: "text" };
import PERCENTILE_NOW from "./sql/tiles/percentile-now.sql" with { type: "text" };
import PERCENTILE from "./sql/tiles/percentile.sql" with { type: "text" };
import RATE_NOW from "./sql/tiles/rate-now.sql" with { type: "text" };
import RATE from "./sql/tiles/rate.sql" with { type: "text" };
import RATIO_NOW from "./sql/tiles/ratio-now.sql" with { type: "text" };
import RATIO from "./sql/tiles/ratio.sql" with { type: "text" };
import WITHIN_NOW from "./sql/tiles/within-now.sql" with { type: "text" };
import WITHIN from "./sql/tiles/within.sql" with { type: "text" };

/** The metrics that more than one query reads, by their names in the stream. */
export const metrics = {
  FINISHED: "vllm_request_success_total",
  INPUT_TOKENS: "vllm_prompt_tokens_total",
  OUTPUT_TOKENS: "vllm_generation_tokens_total",
  RUNNING: "vllm_num_requests_running",
  WAITING: "vllm_num_requests_waiting",
  /** Tokens of each engine step; its count grows by one with each step. */
  STEPS: "vllm_iteration_tokens_total",
  /** 0 to 1. */
  KV_CACHE: "vllm_kv_cache_usage_perc",
  PREFIX_QUERIES: "vllm_prefix_cache_queries_total",
  PREFIX_HITS: "vllm_prefix_cache_hits_total",
  PREEMPTIONS: "vllm_num_preemptions_total",
  TTFT: "vllm_time_to_first_token_seconds",
  ITL: "vllm_inter_token_latency_seconds",
  TPOT: "vllm_request_time_per_output_token_seconds",
  END_TO_END: "vllm_e2e_request_latency_seconds",
  QUEUE: "vllm_request_queue_time_seconds",
  PREFILL: "vllm_request_prefill_time_seconds",
  DECODE: "vllm_request_decode_time_seconds",
  /** The row that creates the stream, see `stream.ts`. */
  FIRST_ROW: "vllm_metrics_provision",
  UPSTREAM_UP: "vllm_metrics_upstream_up",
  SCRAPES: "vllm_metrics_scrapes_total",
  SCRAPE_FAILURES: "vllm_metrics_scrape_failures_total",
  FLUENT_BIT_DROPPED: "fluentbit_output_dropped_records_total",
  FLUENT_BIT_FAILED: "fluentbit_output_retries_failed_total",
} as const;

/** What dashboards and alerts depend on. */
export type ContentSettings = {
  /** The stream of Parseable that holds the rows. */
  readonly stream: string;
  readonly goals: Goals;
  /** KV cache usage that fires an alert after ten minutes, 0 to 1. */
  readonly kvLimit: number;
};

/** A query before its placeholders are filled in. */
export type Query = {
  /** The text of its file. `{{name}}` is a part, or a value. */
  readonly sql: string;
  /** The metrics that it reads. */
  readonly metrics: readonly string[];
  /** The columns that split its rows. @default {the name of the metric} */
  readonly by?: readonly string[];
  /** The columns by which the buckets of a histogram are summed. @default {`by`} */
  readonly keys?: readonly string[];
  /** Further placeholders. */
  readonly values?: Readonly<Record<string, string | number>>;
};

/** Common table expressions that several queries begin with. */
const PARTS: Readonly<Record<string, string>> = {
  increases: INCREASES.trim(),
  buckets: BUCKETS.trim(),
  observations: OBSERVATIONS.trim(),
  newest: NEWEST_PART.trim(),
  minutes: MINUTES.trim(),
};

/** Labels, which are columns of texts. */
const LABELS =
  `model_name engine instance finished_reason reason code name activity position sleep_state
  kv_cache_size_tokens kv_cache_max_concurrency num_gpu_blocks block_size cache_dtype
  gpu_memory_utilization enable_prefix_caching`.split(/\s+/);

/**
 * The columns that our queries read, with the Arrow type that Parseable 2.9.5 gives each. In one
 * place, because Parseable has renamed some before.
 */
export const COLUMNS: ReadonlyMap<string, string> = new Map([
  ["metric_name", "Utf8"],
  ["time_unix_nano", "Timestamp(Millisecond, None)"],
  ["data_point_value", "Float64"],
  ["data_point_count", "Float64"],
  ["data_point_sum", "Float64"],
  ["data_point_bucket_counts", "List(Int64)"],
  ["data_point_explicit_bounds", "List(Float64)"],
  ...LABELS.map((label): [string, string] => [label, "Utf8"]),
]);

/** What identifies a series: the column in Parseable 2.9.5, and the one after it. */
const SERIES_COLUMNS = [["__series_hash", "Utf8"], ["__series_hash_u64", "UInt64"]];
/** What every query reads. */
const ALWAYS = ["metric_name", "time_unix_nano", "model_name", "engine", "instance"];

/**
 * Fills a query in.
 *
 * @throws `Error` when the file names a placeholder that has no value: a bug.
 */
export function queryText(query: Query, stream: string): string {
  const by = query.by ?? ["metric_name"];
  const body = fill(fill(query.sql, { ...PARTS, samples: "{{samples}}" }, true), {
    samples: "{{samples}}",
    metrics: query.metrics.map((name) => `'${name}'`).join(", "),
    by: by.join(", "),
    keys: (query.keys ?? by).join(", "),
    ...query.values,
  });
  return fill(body, { samples: samplesOf(body, stream) }).trim();
}

/**
 * The rows of the stream, with NULL for each column that it does not have. The stream is named with
 * its schema: for alerts that Parseable 2.9.5 loads when it starts, it looks in another one.
 */
function samplesOf(body: string, stream: string): string {
  const words = new Set([...ALWAYS, ...body.match(/\w+/g) ?? []]);
  const names = [...COLUMNS.keys()].filter((name) => words.has(name));
  const nulls = [...names.map((name) => [name, COLUMNS.get(name)]), ...SERIES_COLUMNS]
    .map(([name, type]) => `arrow_cast(NULL, '${type}') AS "${name}"`);
  return fill(SAMPLES.trim(), {
    stream: stream.replaceAll('"', '""'),
    names: names.join(", "),
    nulls: nulls.join(",\n           "),
  });
}

function fill(
  text: string,
  values: Readonly<Record<string, string | number>>,
  partly = false,
): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (placeholder, name: string) => {
    const value = values[name];
    if (value === undefined && !partly) throw new Error(`No value for ${placeholder} in: ${text}`);
    return `${value ?? placeholder}`;
  });
}

/** A query of a file. */
export function of(
  sql: string,
  metrics: readonly string[],
  by?: readonly string[],
  keys?: readonly string[],
): Query {
  return { sql, metrics, ...by && { by }, ...keys && { keys } };
}

/** The same question about the whole range and over time. */
export type Measure = {
  /** Returns one number, in a column `value`. */
  readonly now: Query;
  /** Returns rows of `time_bin`, the columns it is split by, and `value`. */
  readonly overTime: Query;
};

/** By which columns lines are split by default. */
const MODEL: readonly string[] = ["model_name"];

/** The growth of a counter per second. */
export function rate(metric: string, by = MODEL): Measure {
  return { now: of(RATE_NOW, [metric]), overTime: of(RATE, [metric], by) };
}

/** The value of a gauge: the newest one, and the mean of each minute. */
export function gauge(metric: string, value: string, by = MODEL): Measure {
  const values = { value };
  return {
    now: { ...of(NEWEST, [metric]), values },
    overTime: { ...of(GAUGE, [metric], by), values },
  };
}

/** Which part of an increase is of one kind, in percent. */
export function ratio(metrics: readonly string[], part: string, whole: string): Measure {
  const values = { part, whole };
  return {
    now: { ...of(RATIO_NOW, metrics), values },
    overTime: { ...of(RATIO, metrics, MODEL), values },
  };
}

/** The increase of one counter as a share of that of another, in percent. */
export function share(part: string, whole: string): Measure {
  return ratio([part, whole], `metric_name = '${part}'`, `metric_name = '${whole}'`);
}

/** The 95th percentile of a histogram, in its unit. */
export function percentile(metric: string, by = MODEL): Measure {
  return {
    now: of(PERCENTILE_NOW, [metric]),
    overTime: of(PERCENTILE, [metric], by, ["time_bin", ...by]),
  };
}

/**
 * Which part of a histogram's observations is within a goal, in percent. Exact where the goal is the
 * bound of a bucket; between two bounds observations count as evenly spread.
 */
export function within(metric: string, goal: number, by = MODEL): Measure {
  const values = { goal: `CAST(${goal} AS DOUBLE)` };
  return {
    now: { ...of(WITHIN_NOW, [metric]), values },
    overTime: { ...of(WITHIN, [metric], by, ["time_bin", ...by]), values },
  };
}
