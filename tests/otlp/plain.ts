/**
 * Requests in the form that the tests write and compare: 64-bit integers as numbers
 * where those are exact, times as text, values without wrapping. It is the tests'
 * own, so that they do not change with the messages that the code works on.
 */

import { encodeMetrics as encode, type EncodeOptions } from "../../lib/otlp/bodies.ts";
import { cleanMetrics as clean } from "../../lib/otlp/clean.ts";
import { countPoints as count, type RelayCounts } from "../../lib/otlp/counts.ts";
import { decodeMetrics as decode } from "../../lib/otlp/decode.ts";
import { decodeMetricsJson as decodeJson } from "../../lib/otlp/decode_json.ts";
import type * as gen from "../../lib/otlp/gen/metrics.ts";
import { repairHistograms as repair } from "../../lib/otlp/repair.ts";

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
  entries: KeyValue[];
}

/** An attribute. */
export interface KeyValue {
  key: string;
  value: AnyValue;
}

/** The aggregation temporality of a sum or histogram; other numbers pass through. */
export const TEMPORALITY = { unspecified: 0, delta: 1, cumulative: 2 } as const;

/** The flag of a point that says "nothing was recorded here" (a stale series). */
export const FLAG_NO_RECORDED_VALUE = 1;

/** An example that stands behind a point. */
export interface Exemplar {
  filteredAttributes: KeyValue[];
  timeUnixNano: NanoTime;
  value: Int64 | undefined;
  spanId: string;
  traceId: string;
}

/** What the points of all kinds have. */
export interface PointBase {
  attributes: KeyValue[];
  startTimeUnixNano: NanoTime;
  timeUnixNano: NanoTime;
  flags: number;
}

/** A point of a gauge or a sum. */
export interface NumberPoint extends PointBase {
  value: Int64 | undefined;
  exemplars: Exemplar[];
}

/** A point of a histogram with bounds. */
export interface HistogramPoint extends PointBase {
  count: Int64;
  sum: number | undefined;
  bucketCounts: Int64[];
  explicitBounds: number[];
  min: number | undefined;
  max: number | undefined;
  exemplars: Exemplar[];
}

/** One side of an exponential histogram. */
export interface Buckets {
  offset: number;
  bucketCounts: Int64[];
}

/** A point of an exponential histogram. */
export interface ExponentialPoint extends PointBase {
  count: Int64;
  sum: number | undefined;
  scale: number;
  zeroCount: Int64;
  positive: Buckets | undefined;
  negative: Buckets | undefined;
  min: number | undefined;
  max: number | undefined;
  zeroThreshold: number;
  exemplars: Exemplar[];
}

/** One quantile of a summary. */
export interface Quantile {
  quantile: number;
  value: number;
}

/** A point of a summary. */
export interface SummaryPoint extends PointBase {
  count: Int64;
  sum: number;
  quantileValues: Quantile[];
}

/** The points of a gauge. */
export interface Gauge {
  kind: "gauge";
  points: NumberPoint[];
}

/** The points of a sum. */
export interface Sum {
  kind: "sum";
  points: NumberPoint[];
  temporality: number;
  isMonotonic: boolean;
}

/** The points of a histogram. */
export interface Histogram {
  kind: "histogram";
  points: HistogramPoint[];
  temporality: number;
}

/** The points of an exponential histogram. */
export interface ExponentialHistogram {
  kind: "exponential_histogram";
  points: ExponentialPoint[];
  temporality: number;
}

/** The points of a summary. */
export interface Summary {
  kind: "summary";
  points: SummaryPoint[];
}

/** The points of a metric, with what their kind adds. */
export type MetricData = Gauge | Sum | Histogram | ExponentialHistogram | Summary;

/** The kinds of metrics, as Parseable's column `metric_type` names them. */
export type MetricKind = MetricData["kind"];

/** A metric. */
export interface Metric {
  name: string;
  description: string;
  unit: string;
  metadata: KeyValue[];
  data: MetricData | undefined;
}

/** The instrumentation that made the metrics. */
export interface Scope {
  name: string;
  version: string;
  attributes: KeyValue[];
  droppedAttributesCount: number;
}

/** The metrics of one scope. */
export interface ScopeMetrics {
  scope: Scope | undefined;
  metrics: Metric[];
  schemaUrl: string;
}

/** What is being measured. */
export interface Resource {
  attributes: KeyValue[];
  droppedAttributesCount: number;
}

/** The metrics of one resource. */
export interface ResourceMetrics {
  resource: Resource | undefined;
  scopeMetrics: ScopeMetrics[];
  schemaUrl: string;
}

/** An `ExportMetricsServiceRequest`. */
export interface MetricsRequest {
  resourceMetrics: ResourceMetrics[];
}

export function isKeyValueList(value: AnyValue): value is KeyValueList {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export function newNumberPoint(): NumberPoint {
  return {
    attributes: [],
    startTimeUnixNano: "0",
    timeUnixNano: "0",
    flags: 0,
    value: undefined,
    exemplars: [],
  };
}

export function newHistogramPoint(): HistogramPoint {
  return {
    attributes: [],
    startTimeUnixNano: "0",
    timeUnixNano: "0",
    flags: 0,
    count: 0,
    sum: undefined,
    bucketCounts: [],
    explicitBounds: [],
    min: undefined,
    max: undefined,
    exemplars: [],
  };
}

export function newExponentialPoint(): ExponentialPoint {
  return {
    attributes: [],
    startTimeUnixNano: "0",
    timeUnixNano: "0",
    flags: 0,
    count: 0,
    sum: undefined,
    scale: 0,
    zeroCount: 0,
    positive: undefined,
    negative: undefined,
    min: undefined,
    max: undefined,
    zeroThreshold: 0,
    exemplars: [],
  };
}

export function newSummaryPoint(): SummaryPoint {
  return {
    attributes: [],
    startTimeUnixNano: "0",
    timeUnixNano: "0",
    flags: 0,
    count: 0,
    sum: 0,
    quantileValues: [],
  };
}

/** Decodes a protobuf request. */
export function decodeMetrics(bytes: Uint8Array): MetricsRequest {
  return plainOf(decode(bytes));
}

/** Decodes an OTLP/JSON request. */
export function decodeMetricsJson(bytes: Uint8Array): MetricsRequest {
  return plainOf(decodeJson(bytes));
}

/** Counts the points of a request. */
export function countPoints(request: MetricsRequest): RelayCounts {
  return count(messagesOf(request));
}

/** Repairs a copy of a request. */
export function repairHistograms(request: MetricsRequest, counts: RelayCounts): MetricsRequest {
  const messages = messagesOf(request);
  repair(messages, counts);
  return plainOf(messages);
}

/** Cleans a copy of a request. */
export function cleanMetrics(request: MetricsRequest, counts: RelayCounts): MetricsRequest {
  const messages = messagesOf(request);
  clean(messages, counts);
  return plainOf(messages);
}

/** Encodes a request, all bodies at once. */
export function encodeMetrics(
  request: MetricsRequest,
  counts: RelayCounts,
  options: EncodeOptions = {},
): Uint8Array[] {
  return [...encode(messagesOf(request), counts, options)];
}

/** The plain form of a request. */
export function plainOf({ resourceMetrics }: gen.ExportMetricsServiceRequest): MetricsRequest {
  return {
    resourceMetrics: resourceMetrics.map(({ resource, scopeMetrics, schemaUrl }) => ({
      resource: resource && { ...resource, attributes: plainAttributes(resource.attributes) },
      scopeMetrics: scopeMetrics.map(({ scope, metrics, schemaUrl }) => ({
        scope: scope && { ...scope, attributes: plainAttributes(scope.attributes) },
        metrics: metrics.map((metric) => ({
          ...metric,
          metadata: plainAttributes(metric.metadata),
          data: plainData(metric.data),
        })),
        schemaUrl,
      })),
      schemaUrl,
    })),
  };
}

/** The messages of a request in plain form. */
export function messagesOf({ resourceMetrics }: MetricsRequest): gen.ExportMetricsServiceRequest {
  return {
    resourceMetrics: resourceMetrics.map(({ resource, scopeMetrics, schemaUrl }) => ({
      resource: resource && { ...resource, attributes: attributesOf(resource.attributes) },
      scopeMetrics: scopeMetrics.map(({ scope, metrics, schemaUrl }) => ({
        scope: scope && { ...scope, attributes: attributesOf(scope.attributes) },
        metrics: metrics.map((metric) => ({
          ...metric,
          metadata: attributesOf(metric.metadata),
          data: dataOf(metric.data),
        })),
        schemaUrl,
      })),
      schemaUrl,
    })),
  };
}

function plainData(data: gen.Metric["data"]): MetricData | undefined {
  switch (data?.$case) {
    case undefined:
      return undefined;
    case "gauge":
      return { kind: "gauge", points: data.value.dataPoints.map(plainNumber) };
    case "sum":
      return {
        kind: "sum",
        points: data.value.dataPoints.map(plainNumber),
        temporality: data.value.aggregationTemporality,
        isMonotonic: data.value.isMonotonic,
      };
    case "histogram":
      return {
        kind: "histogram",
        points: data.value.dataPoints.map((point) => ({
          ...plainBase(point),
          count: int64(point.count),
          sum: point.sum,
          bucketCounts: point.bucketCounts.map(int64),
          explicitBounds: point.explicitBounds,
          min: point.min,
          max: point.max,
          exemplars: point.exemplars.map(plainExemplar),
        })),
        temporality: data.value.aggregationTemporality,
      };
    case "exponentialHistogram":
      return {
        kind: "exponential_histogram",
        points: data.value.dataPoints.map((point) => ({
          ...plainBase(point),
          count: int64(point.count),
          sum: point.sum,
          scale: point.scale,
          zeroCount: int64(point.zeroCount),
          min: point.min,
          max: point.max,
          zeroThreshold: point.zeroThreshold,
          positive: plainBuckets(point.positive),
          negative: plainBuckets(point.negative),
          exemplars: point.exemplars.map(plainExemplar),
        })),
        temporality: data.value.aggregationTemporality,
      };
    case "summary":
      return {
        kind: "summary",
        points: data.value.dataPoints.map((point) => ({
          ...point,
          ...plainBase(point),
          count: int64(point.count),
        })),
      };
  }
}

function dataOf(data: MetricData | undefined): gen.Metric["data"] {
  switch (data?.kind) {
    case undefined:
      return undefined;
    case "gauge":
      return { $case: "gauge", value: { dataPoints: data.points.map(numberOf) } };
    case "sum":
      return {
        $case: "sum",
        value: {
          dataPoints: data.points.map(numberOf),
          aggregationTemporality: data.temporality,
          isMonotonic: data.isMonotonic,
        },
      };
    case "histogram":
      return {
        $case: "histogram",
        value: {
          dataPoints: data.points.map((point) => ({
            ...point,
            ...baseOf(point),
            count: BigInt(point.count),
            bucketCounts: point.bucketCounts.map(BigInt),
            explicitBounds: [...point.explicitBounds],
            exemplars: point.exemplars.map(exemplarOf),
          })),
          aggregationTemporality: data.temporality,
        },
      };
    case "exponential_histogram":
      return {
        $case: "exponentialHistogram",
        value: {
          dataPoints: data.points.map((point) => ({
            ...point,
            ...baseOf(point),
            count: BigInt(point.count),
            zeroCount: BigInt(point.zeroCount),
            positive: bucketsOf(point.positive),
            negative: bucketsOf(point.negative),
            exemplars: point.exemplars.map(exemplarOf),
          })),
          aggregationTemporality: data.temporality,
        },
      };
    case "summary":
      return {
        $case: "summary",
        value: {
          dataPoints: data.points.map((point) => ({
            ...point,
            ...baseOf(point),
            count: BigInt(point.count),
            quantileValues: [...point.quantileValues],
          })),
        },
      };
  }
}

function plainBase(point: Omit<gen.NumberDataPoint, "value" | "exemplars">): PointBase {
  return {
    attributes: plainAttributes(point.attributes),
    startTimeUnixNano: `${point.startTimeUnixNano}`,
    timeUnixNano: `${point.timeUnixNano}`,
    flags: point.flags,
  };
}

function baseOf(point: PointBase): Omit<gen.NumberDataPoint, "value" | "exemplars"> {
  return {
    attributes: attributesOf(point.attributes),
    startTimeUnixNano: BigInt(point.startTimeUnixNano),
    timeUnixNano: BigInt(point.timeUnixNano),
    flags: point.flags,
  };
}

function plainNumber(point: gen.NumberDataPoint): NumberPoint {
  return {
    ...plainBase(point),
    value: plainValue(point.value),
    exemplars: point.exemplars.map(plainExemplar),
  };
}

function numberOf(point: NumberPoint): gen.NumberDataPoint {
  return {
    ...baseOf(point),
    value: valueOf(point.value),
    exemplars: point.exemplars.map(exemplarOf),
  };
}

function plainValue(value: gen.NumberDataPoint["value"]): Int64 | undefined {
  return typeof value?.value === "bigint" ? int64(value.value) : value?.value;
}

function valueOf(value: Int64 | undefined): gen.NumberDataPoint["value"] {
  if (value === undefined) return undefined;
  return typeof value === "bigint" ? { $case: "asInt", value } : { $case: "asDouble", value };
}

function plainExemplar(exemplar: gen.Exemplar): Exemplar {
  return {
    filteredAttributes: plainAttributes(exemplar.filteredAttributes),
    timeUnixNano: `${exemplar.timeUnixNano}`,
    value: plainValue(exemplar.value),
    spanId: exemplar.spanId.toHex(),
    traceId: exemplar.traceId.toHex(),
  };
}

function exemplarOf(exemplar: Exemplar): gen.Exemplar {
  return {
    filteredAttributes: attributesOf(exemplar.filteredAttributes),
    timeUnixNano: BigInt(exemplar.timeUnixNano),
    value: valueOf(exemplar.value),
    spanId: Uint8Array.fromHex(exemplar.spanId),
    traceId: Uint8Array.fromHex(exemplar.traceId),
  };
}

function plainBuckets(buckets: gen.Buckets | undefined): Buckets | undefined {
  return buckets && { ...buckets, bucketCounts: buckets.bucketCounts.map(int64) };
}

function bucketsOf(buckets: Buckets | undefined): gen.Buckets | undefined {
  return buckets && { ...buckets, bucketCounts: buckets.bucketCounts.map(BigInt) };
}

function plainAttributes(attributes: gen.KeyValue[]): KeyValue[] {
  return attributes.map(({ key, value }) => ({ key, value: plainAny(value) }));
}

function plainAny(any: gen.AnyValue | undefined): AnyValue {
  const value = any?.value;
  if (value?.$case === "arrayValue") return value.value.values.map(plainAny);
  if (value?.$case === "kvlistValue") return { entries: plainAttributes(value.value.values) };
  return value?.value;
}

function attributesOf(attributes: KeyValue[]): gen.KeyValue[] {
  return attributes.map(({ key, value }) => ({ key, value: anyOf(value) }));
}

function anyOf(value: AnyValue): gen.AnyValue {
  if (value === undefined) return { value };
  if (typeof value === "string") return { value: { $case: "stringValue", value } };
  if (typeof value === "boolean") return { value: { $case: "boolValue", value } };
  if (typeof value === "bigint") return { value: { $case: "intValue", value } };
  if (typeof value === "number") return { value: { $case: "doubleValue", value } };
  if (value instanceof Uint8Array) {
    return { value: { $case: "bytesValue", value: new Uint8Array(value) } };
  }
  if (isKeyValueList(value)) {
    return { value: { $case: "kvlistValue", value: { values: attributesOf(value.entries) } } };
  }
  return { value: { $case: "arrayValue", value: { values: value.map(anyOf) } } };
}

function int64(value: bigint): Int64 {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
