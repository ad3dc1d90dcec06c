/** Queries: SQL files with their placeholders filled in. */

import type { Goals } from "../../config/config.ts";
import BUCKETS from "./sql/parts/buckets.sql" with { type: "text" };
import INCREASES from "./sql/parts/increases.sql" with { type: "text" };
import MINUTES from "./sql/parts/minutes.sql" with { type: "text" };
import NEWEST from "./sql/parts/newest.sql" with { type: "text" };
import OBSERVATIONS from "./sql/parts/observations.sql" with { type: "text" };
import SAMPLES from "./sql/parts/samples.sql" with { type: "text" };

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
  newest: NEWEST.trim(),
  minutes: MINUTES.trim(),
};

/** Labels, which are columns of texts. */
const LABELS = `model_name engine instance finished_reason reason code name position sleep_state
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
