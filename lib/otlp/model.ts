/**
 * The decoded metrics request, one type a message of `opentelemetry-proto`
 * (`metrics/v1/metrics.proto`, `common/v1/common.proto`). Optional fields are
 * always there and `undefined` when not sent, so that equal kinds have equal
 * shapes. Objects may be shared between points: nothing changes one in place.
 */

/** A whole number of 64 bits: a number below 2^53 in size, a bigint from there on. */
export type Int64 = number | bigint;

/**
 * Nanoseconds since 1970 as decimal text, since they exceed 2^53. Text measured
 * faster than a bigint: it goes into the JSON as it is.
 */
export type NanoTime = string;

/**
 * The value of an attribute: a text, a truth value, an integer (always a
 * bigint), a double (always a number), bytes, an array, a list of entries, or
 * `undefined` for the empty value.
 */
export type AnyValue =
  | string
  | boolean
  | bigint
  | number
  | Uint8Array
  | AnyValue[]
  | KeyValueList
  | undefined;

/** An attribute value that is itself a list of attributes. */
export interface KeyValueList {
  /** Its entries, in the order sent. */
  entries: KeyValue[];
}

/** An attribute. */
export interface KeyValue {
  /** Its name. */
  key: string;
  /** Its value. */
  value: AnyValue;
}

/** The aggregation temporality of a sum or histogram; other numbers pass through. */
export const TEMPORALITY = { unspecified: 0, delta: 1, cumulative: 2 } as const;

/** The flag of a point that says "nothing was recorded here" (a stale series). */
export const FLAG_NO_RECORDED_VALUE = 1;

/** An example that stands behind a point. */
export interface Exemplar {
  /** Attributes that the point's own attributes do not show. */
  filteredAttributes: KeyValue[];
  /** When it was recorded. */
  timeUnixNano: NanoTime;
  /** What was recorded; a bigint for an integer beyond 2^53. */
  value: Int64 | undefined;
  /** Its span, as lower-case hex; empty when there is none. */
  spanId: string;
  /** Its trace, as lower-case hex; empty when there is none. */
  traceId: string;
}

/** What the points of all kinds have. */
export interface PointBase {
  /** The labels. */
  attributes: KeyValue[];
  /** Since when the point counts; `"0"` for unknown. */
  startTimeUnixNano: NanoTime;
  /** When the point was taken. */
  timeUnixNano: NanoTime;
  /** Bits, see {@linkcode FLAG_NO_RECORDED_VALUE}. */
  flags: number;
}

/** A point of a gauge or a sum. */
export interface NumberPoint extends PointBase {
  /** The value, `asDouble` or `asInt`; a bigint for an integer beyond 2^53. */
  value: Int64 | undefined;
  /** Examples. */
  exemplars: Exemplar[];
}

/** A point of a histogram with bounds. */
export interface HistogramPoint extends PointBase {
  /** How many values were observed. */
  count: Int64;
  /** Their sum. */
  sum: number | undefined;
  /** How many fell into each bucket: one more than there are bounds, or none. */
  bucketCounts: Int64[];
  /** The upper bounds of all buckets but the last, which has none. */
  explicitBounds: number[];
  /** The smallest value. */
  min: number | undefined;
  /** The largest value. */
  max: number | undefined;
  /** Examples. */
  exemplars: Exemplar[];
}

/** One side of an exponential histogram. */
export interface Buckets {
  /** The index of the first bucket. */
  offset: number;
  /** How many values fell into each bucket from there on. */
  bucketCounts: Int64[];
}

/** A point of an exponential histogram. */
export interface ExponentialPoint extends PointBase {
  /** How many values were observed. */
  count: Int64;
  /** Their sum. */
  sum: number | undefined;
  /** The resolution: bounds are powers of `2 ** (2 ** -scale)`. */
  scale: number;
  /** How many values were zero, or closer to zero than {@linkcode zeroThreshold}. */
  zeroCount: Int64;
  /** The values above zero. */
  positive: Buckets | undefined;
  /** The values below zero. */
  negative: Buckets | undefined;
  /** The smallest value. */
  min: number | undefined;
  /** The largest value. */
  max: number | undefined;
  /** Half the width of the bucket around zero. */
  zeroThreshold: number;
  /** Examples. */
  exemplars: Exemplar[];
}

/** One quantile of a summary. */
export interface Quantile {
  /** Which one, from 0 to 1. */
  quantile: number;
  /** Its value. */
  value: number;
}

/** A point of a summary. */
export interface SummaryPoint extends PointBase {
  /** How many values were observed. */
  count: Int64;
  /** Their sum. */
  sum: number;
  /** Quantiles, maybe none. */
  quantileValues: Quantile[];
}

/** The points of a gauge. */
export interface Gauge {
  /** Which kind it is. */
  kind: "gauge";
  /** Its points. */
  points: NumberPoint[];
}

/** The points of a sum. */
export interface Sum {
  /** Which kind it is. */
  kind: "sum";
  /** Its points. */
  points: NumberPoint[];
  /** See {@linkcode TEMPORALITY}. */
  temporality: number;
  /** Whether it never falls. */
  isMonotonic: boolean;
}

/** The points of a histogram. */
export interface Histogram {
  /** Which kind it is. */
  kind: "histogram";
  /** Its points. */
  points: HistogramPoint[];
  /** See {@linkcode TEMPORALITY}. */
  temporality: number;
}

/** The points of an exponential histogram. */
export interface ExponentialHistogram {
  /** Which kind it is. */
  kind: "exponential_histogram";
  /** Its points. */
  points: ExponentialPoint[];
  /** See {@linkcode TEMPORALITY}. */
  temporality: number;
}

/** The points of a summary. */
export interface Summary {
  /** Which kind it is. */
  kind: "summary";
  /** Its points. */
  points: SummaryPoint[];
}

/** The points of a metric, with what their kind adds. */
export type MetricData = Gauge | Sum | Histogram | ExponentialHistogram | Summary;

/** The kinds of metrics, as Parseable's column `metric_type` names them. */
export type MetricKind = MetricData["kind"];

/** A metric. */
export interface Metric {
  /** Its name. */
  name: string;
  /** What it says. */
  description: string;
  /** Its unit, as UCUM. */
  unit: string;
  /** Further metadata. */
  metadata: KeyValue[];
  /** Its points; `undefined` when it has none of a kind known here. */
  data: MetricData | undefined;
}

/** The instrumentation that made the metrics. */
export interface Scope {
  /** Its name. */
  name: string;
  /** Its version. */
  version: string;
  /** Its attributes. */
  attributes: KeyValue[];
  /** How many attributes were left out by the sender. */
  droppedAttributesCount: number;
}

/** The metrics of one scope. */
export interface ScopeMetrics {
  /** The scope. */
  scope: Scope | undefined;
  /** Its metrics. */
  metrics: Metric[];
  /** The schema of scope and metrics. */
  schemaUrl: string;
}

/** What is being measured. */
export interface Resource {
  /** Its attributes. */
  attributes: KeyValue[];
  /** How many attributes were left out by the sender. */
  droppedAttributesCount: number;
}

/** The metrics of one resource. */
export interface ResourceMetrics {
  /** The resource. */
  resource: Resource | undefined;
  /** Its metrics, by scope. */
  scopeMetrics: ScopeMetrics[];
  /** The schema of the resource. */
  schemaUrl: string;
}

/** An `ExportMetricsServiceRequest`. */
export interface MetricsRequest {
  /** The metrics, by resource. */
  resourceMetrics: ResourceMetrics[];
}

/**
 * How deep lists may be nested in an attribute value. Parseable's JSON reader
 * (serde_json) takes 127 levels; a point uses 15, each list up to 4 more.
 */
export const MAX_VALUE_DEPTH = 24;

/**
 * Says whether a value is a list of attributes.
 *
 * @param value The value of an attribute.
 * @returns Whether it is.
 */
export function isKeyValueList(value: AnyValue): value is KeyValueList {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array);
}
