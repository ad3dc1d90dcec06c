/** The columns that our queries read, in one place: Parseable has renamed some before. */

/** The Arrow type that each column has in Parseable 2.9.5. */
export const COLUMNS: ReadonlyMap<string, string> = new Map([
  ["metric_name", "Utf8"],
  ["time_unix_nano", "Timestamp(Millisecond, None)"],
  ["data_point_value", "Float64"],
  ["data_point_count", "Float64"],
  ["data_point_sum", "Float64"],
  ["data_point_bucket_counts", "List(Int64)"],
  ["data_point_explicit_bounds", "List(Float64)"],
  ...[
    "model_name",
    "engine",
    "instance",
    "finished_reason",
    "reason",
    "code",
    "name",
    "position",
    "sleep_state",
    "kv_cache_size_tokens",
    "kv_cache_max_concurrency",
    "num_gpu_blocks",
    "block_size",
    "cache_dtype",
    "gpu_memory_utilization",
    "enable_prefix_caching",
  ].map((label): [string, string] => [label, "Utf8"]),
]);

/** The column that identifies a series: its name in Parseable 2.9.5, and the later one. */
export const SERIES_COLUMNS: ReadonlyMap<string, string> = new Map([
  ["__series_hash", "Utf8"],
  ["__series_hash_u64", "UInt64"],
]);

/** The columns of every query. */
const ALWAYS = ["metric_name", "time_unix_nano", "model_name", "engine", "instance"];

/** Finds the columns that a query reads. */
export function columnsIn(sql: string): string[] {
  const words = new Set([...ALWAYS, ...sql.match(/\w+/g) ?? []]);
  return [...COLUMNS.keys()].filter((name) => words.has(name));
}
