// deno-lint-ignore-file camelcase -- The names of columns.
/**
 * The rows that Parseable 2.9.5 makes of an OTLP request in JSON: one a data point. An account of its
 * own, held to recorded answers of the real one by `stream_rows_test.ts`.
 */

import { createHash } from "node:crypto";

/** A row: values by column. Times are texts, as in Parseable's answers. */
export type Row = Record<string, unknown>;

/** OTLP in JSON, as far as rows are made of it. */
interface Json {
  readonly [key: string]: unknown;
}

const KINDS: Readonly<Record<string, string>> = {
  gauge: "gauge",
  sum: "sum",
  histogram: "histogram",
  summary: "summary",
};

const TEMPORALITIES = ["UNSPECIFIED", "DELTA", "CUMULATIVE"];

/**
 * Makes rows.
 *
 * @param body A request in JSON.
 * @param receivedMs When it came, in milliseconds since 1970.
 * @returns Its rows in the order of its points.
 */
export function streamRows(body: string, receivedMs: number): Row[] {
  const request: unknown = JSON.parse(body);
  return objects(request, "resourceMetrics").flatMap((resource) =>
    objects(resource, "scopeMetrics").flatMap((scope) =>
      objects(scope, "metrics").flatMap((metric) => {
        const around = { ...aroundOf(resource), ...scopeOf(scope) };
        return metricRows(metric, around).map((row) => ({
          p_timestamp: isoTime(receivedMs),
          p_format: "otel-metrics",
          p_src_ip: "127.0.0.1",
          p_user_agent: "",
          ...row,
        }));
      })
    )
  );
}

function metricRows(metric: Json, around: Row): Row[] {
  const kind = Object.keys(KINDS).find((name) => name in metric);
  if (kind === undefined) throw new Error(`No rows known for ${JSON.stringify(metric)}`);
  const data = objectAt(metric, kind);
  const common: Row = {
    metric_name: metric["name"],
    metric_description: metric["description"] ?? "",
    metric_unit: metric["unit"] ?? "",
    metric_type: KINDS[kind],
    ...around,
  };
  if (kind === "sum") common["is_monotonic"] = data["isMonotonic"];
  if (kind === "sum" || kind === "histogram") {
    const temporality = Number(data["aggregationTemporality"] ?? 0);
    common["aggregation_temporality"] = temporality;
    common["aggregation_temporality_description"] = TEMPORALITIES[temporality];
  }
  return objects(data, "dataPoints").map((point) => {
    const labels = attributesOf(point);
    return {
      ...labels,
      ...pointFields(point, kind),
      ...common,
      __series_hash: hashOf({ ...labels, ...around, metric_name: metric["name"] }),
    };
  });
}

function pointFields(point: Json, kind: string): Row {
  const row: Row = {
    time_unix_nano: nanoTime(point["timeUnixNano"]),
    start_time_unix_nano: nanoTime(point["startTimeUnixNano"] ?? "0"),
  };
  if (kind !== "summary") {
    row["data_point_flags"] = Number(point["flags"] ?? 0);
    row["data_point_flags_description"] = "DO_NOT_USE";
  }
  if (kind === "gauge" || kind === "sum") return { ...row, data_point_value: point["asDouble"] };
  row["data_point_count"] = Number(point["count"] ?? 0);
  row["data_point_sum"] = point["sum"];
  if (kind === "histogram") {
    row["data_point_bucket_counts"] = list(point, "bucketCounts").map(Number);
    row["data_point_explicit_bounds"] = list(point, "explicitBounds");
  } else if ("quantileValues" in point) {
    const quantiles = objects(point, "quantileValues");
    row["data_point_quantile_values_quantile"] = quantiles.map((one) => one["quantile"]);
    row["data_point_quantile_values_value"] = quantiles.map((one) => one["value"]);
  }
  return row;
}

function aroundOf(resource: Json): Row {
  return {
    ...attributesOf(objectAt(resource, "resource")),
    resource_dropped_attributes_count: 0,
    resource_schema_url: "",
  };
}

function scopeOf(scope: Json): Row {
  const { name = "", version = "" } = objectAt(scope, "scope");
  return {
    scope_name: name,
    scope_version: version,
    scope_schema_url: "",
    scope_dropped_attributes_count: 0,
  };
}

/** Text attributes are all that Prometheus' labels become. */
function attributesOf(holder: Json): Row {
  return Object.fromEntries(
    objects(holder, "attributes").map((one) => [one["key"], objectAt(one, "value")["stringValue"]]),
  );
}

/** Not Parseable's hash, but one that tells the same series apart. */
function hashOf(identity: Row): string {
  const text = JSON.stringify(Object.entries(identity).toSorted());
  return BigInt(`0x${createHash("sha256").update(text).digest("hex").slice(0, 16)}`).toString();
}

/** Parseable keeps milliseconds. */
function nanoTime(nanoseconds: unknown): string {
  return isoTime(Number(BigInt(`${nanoseconds}`) / 1_000_000n));
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, -1);
}

function list(holder: Json, key: string): unknown[] {
  const value = holder[key];
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectAt(holder: Json, key: string): Json {
  const value = holder[key];
  return isObject(value) ? value : {};
}

function objects(holder: unknown, key: string): Json[] {
  return isObject(holder) ? list(holder, key).filter(isObject) : [];
}
