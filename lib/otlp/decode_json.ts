/** A metrics request from OTLP/JSON. */

import type { Reserve } from "./decode.ts";
import type {
  AnyValue,
  Buckets,
  Exemplar,
  ExponentialHistogramDataPoint,
  ExportMetricsServiceRequest,
  HistogramDataPoint,
  KeyValue,
  Metric,
  NumberDataPoint,
  ResourceMetrics,
  ScopeMetrics,
  SummaryDataPoint,
} from "./gen/metrics.ts";
import { jsonMemory, type JsonObject, JsonReader, parseExact } from "./json_reader.ts";
import { DecodeError, MAX_VALUE_DEPTH } from "./limits.ts";

// Takes a byte order mark off, and what is not UTF-8 becomes U+FFFD.
const TEXT_DECODER = new TextDecoder();

/** The names of the temporality; OTLP/JSON has numbers, but the JSON mapping of proto3 names. */
const TEMPORALITY_NAMES: ReadonlyMap<unknown, number> = new Map([
  ["AGGREGATION_TEMPORALITY_UNSPECIFIED", 0],
  ["AGGREGATION_TEMPORALITY_DELTA", 1],
  ["AGGREGATION_TEMPORALITY_CUMULATIVE", 2],
]);

/**
 * Decodes an `ExportMetricsServiceRequest` in OTLP/JSON (OTLP 1.x, "JSON Protobuf
 * Encoding"): lowerCamelCase names, others ignored, 64-bit integers as text or
 * number, enums as number (or name), trace and span in hex.
 *
 * @throws {DecodeError} When it is not JSON, or not OTLP metrics, with the path to the mistake.
 */
export function decodeMetricsJson(
  bytes: Uint8Array,
  reserve: Reserve = () => {},
): ExportMetricsServiceRequest {
  reserve(jsonMemory(bytes));
  const reader = new JsonReader();
  const request = reader.object(parse(TEXT_DECODER.decode(bytes)));
  return {
    resourceMetrics: reader.list(request, "resourceMetrics", (it) => resourceMetricsOf(reader, it)),
  };
}

function parse(text: string): unknown {
  try {
    return parseExact(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new DecodeError({ path: "the request" }, `not JSON (${cause.message})`, { cause });
  }
}

function resourceMetricsOf(reader: JsonReader, metrics: JsonObject): ResourceMetrics {
  return {
    resource: reader.nested(metrics, "resource", (resource) => attributedOf(reader, resource)),
    scopeMetrics: reader.list(metrics, "scopeMetrics", (it) => scopeMetricsOf(reader, it)),
    schemaUrl: reader.text(metrics, "schemaUrl"),
  };
}

function scopeMetricsOf(reader: JsonReader, metrics: JsonObject): ScopeMetrics {
  return {
    scope: reader.nested(metrics, "scope", (scope) => ({
      name: reader.text(scope, "name"),
      version: reader.text(scope, "version"),
      ...attributedOf(reader, scope),
    })),
    metrics: reader.list(metrics, "metrics", (it) => metricOf(reader, it)),
    schemaUrl: reader.text(metrics, "schemaUrl"),
  };
}

function attributedOf(
  reader: JsonReader,
  object: JsonObject,
): { attributes: KeyValue[]; droppedAttributesCount: number } {
  return {
    attributes: attributesOf(reader, object, "attributes"),
    droppedAttributesCount: reader.uint32(object, "droppedAttributesCount"),
  };
}

function metricOf(reader: JsonReader, metric: JsonObject): Metric {
  return {
    name: reader.text(metric, "name"),
    description: reader.text(metric, "description"),
    unit: reader.text(metric, "unit"),
    metadata: attributesOf(reader, metric, "metadata"),
    data: dataOf(reader, metric),
  };
}

function dataOf(reader: JsonReader, metric: JsonObject): Metric["data"] {
  const kind = <T>(name: string, read: (data: JsonObject) => T): T | undefined =>
    reader.nested(metric, name, read);
  return kind("gauge", (gauge): Metric["data"] => ({
    $case: "gauge",
    value: { dataPoints: reader.points(gauge, (it) => numberPointOf(reader, it)) },
  })) ?? kind("sum", (sum) => ({
    $case: "sum",
    value: {
      dataPoints: reader.points(sum, (it) => numberPointOf(reader, it)),
      aggregationTemporality: temporalityOf(reader, sum),
      isMonotonic: reader.bool(sum, "isMonotonic"),
    },
  })) ?? kind("histogram", (histogram) => ({
    $case: "histogram",
    value: {
      dataPoints: reader.points(histogram, (it) => histogramPointOf(reader, it)),
      aggregationTemporality: temporalityOf(reader, histogram),
    },
  })) ?? kind("exponentialHistogram", (histogram) => ({
    $case: "exponentialHistogram",
    value: {
      dataPoints: reader.points(histogram, (it) => exponentialPointOf(reader, it)),
      aggregationTemporality: temporalityOf(reader, histogram),
    },
  })) ?? kind("summary", (summary) => ({
    $case: "summary",
    value: { dataPoints: reader.points(summary, (it) => summaryPointOf(reader, it)) },
  }));
}

function temporalityOf(reader: JsonReader, data: JsonObject): number {
  const name = "aggregationTemporality";
  return TEMPORALITY_NAMES.get(data[name]) ?? reader.int32(data, name);
}

function numberPointOf(reader: JsonReader, point: JsonObject): NumberDataPoint {
  return {
    ...pointOf(reader, point),
    value: numberOf(reader, point),
    exemplars: exemplarsOf(reader, point),
  };
}

function histogramPointOf(reader: JsonReader, point: JsonObject): HistogramDataPoint {
  return {
    ...pointOf(reader, point),
    ...statisticsOf(reader, point),
    bucketCounts: reader.counts(point, "bucketCounts"),
    explicitBounds: reader.doubles(point, "explicitBounds"),
    exemplars: exemplarsOf(reader, point),
  };
}

function exponentialPointOf(reader: JsonReader, point: JsonObject): ExponentialHistogramDataPoint {
  return {
    ...pointOf(reader, point),
    ...statisticsOf(reader, point),
    scale: reader.int32(point, "scale"),
    zeroCount: reader.count(point, "zeroCount"),
    positive: reader.nested(point, "positive", (side) => bucketsOf(reader, side)),
    negative: reader.nested(point, "negative", (side) => bucketsOf(reader, side)),
    zeroThreshold: reader.double(point, "zeroThreshold") ?? 0,
    exemplars: exemplarsOf(reader, point),
  };
}

function summaryPointOf(reader: JsonReader, point: JsonObject): SummaryDataPoint {
  return {
    ...pointOf(reader, point),
    count: reader.count(point, "count"),
    sum: reader.double(point, "sum") ?? 0,
    quantileValues: reader.list(point, "quantileValues", (quantile) => ({
      quantile: reader.double(quantile, "quantile") ?? 0,
      value: reader.double(quantile, "value") ?? 0,
    })),
  };
}

/** The fields that all points have. */
function pointOf(
  reader: JsonReader,
  point: JsonObject,
): Pick<NumberDataPoint, "attributes" | "startTimeUnixNano" | "timeUnixNano" | "flags"> {
  return {
    attributes: attributesOf(reader, point, "attributes"),
    startTimeUnixNano: reader.nanoTime(point, "startTimeUnixNano"),
    timeUnixNano: reader.nanoTime(point, "timeUnixNano"),
    flags: reader.uint32(point, "flags"),
  };
}

/** The fields that the points of both kinds of histograms have. */
function statisticsOf(
  reader: JsonReader,
  point: JsonObject,
): Pick<HistogramDataPoint, "count" | "sum" | "min" | "max"> {
  return {
    count: reader.count(point, "count"),
    sum: reader.double(point, "sum"),
    min: reader.double(point, "min"),
    max: reader.double(point, "max"),
  };
}

function numberOf(reader: JsonReader, object: JsonObject): NumberDataPoint["value"] {
  const double = reader.double(object, "asDouble");
  if (double !== undefined) return { $case: "asDouble", value: double };
  if (!has(object, "asInt")) return undefined;
  const value = reader.integer(object, "asInt");
  return typeof value === "bigint" ? { $case: "asInt", value } : { $case: "asDouble", value };
}

function bucketsOf(reader: JsonReader, side: JsonObject): Buckets {
  return {
    offset: reader.int32(side, "offset"),
    bucketCounts: reader.counts(side, "bucketCounts"),
  };
}

function exemplarsOf(reader: JsonReader, point: JsonObject): Exemplar[] {
  return reader.list(point, "exemplars", (exemplar) => ({
    filteredAttributes: attributesOf(reader, exemplar, "filteredAttributes"),
    timeUnixNano: reader.nanoTime(exemplar, "timeUnixNano"),
    value: numberOf(reader, exemplar),
    spanId: reader.hex(exemplar, "spanId"),
    traceId: reader.hex(exemplar, "traceId"),
  }));
}

function attributesOf(reader: JsonReader, parent: JsonObject, name: string): KeyValue[] {
  return reader.list(parent, name, (attribute) => keyValueOf(reader, attribute, 0));
}

function keyValueOf(reader: JsonReader, attribute: JsonObject, depth: number): KeyValue {
  return {
    key: reader.text(attribute, "key"),
    value: reader.nested(attribute, "value", (value) => anyValueOf(reader, value, depth)),
  };
}

function anyValueOf(reader: JsonReader, any: JsonObject, depth: number): AnyValue {
  return { value: valueOf(reader, any, depth) };
}

function valueOf(reader: JsonReader, any: JsonObject, depth: number): AnyValue["value"] {
  if (has(any, "stringValue")) {
    return { $case: "stringValue", value: reader.text(any, "stringValue") };
  }
  if (has(any, "boolValue")) return { $case: "boolValue", value: reader.bool(any, "boolValue") };
  if (has(any, "intValue")) return { $case: "intValue", value: reader.int64(any, "intValue") };
  const double = reader.double(any, "doubleValue");
  if (double !== undefined) return { $case: "doubleValue", value: double };
  if (has(any, "bytesValue")) {
    return { $case: "bytesValue", value: reader.base64(any, "bytesValue") };
  }
  if (depth >= MAX_VALUE_DEPTH && (has(any, "arrayValue") || has(any, "kvlistValue"))) {
    reader.fail(`an attribute value nested deeper than ${MAX_VALUE_DEPTH} lists`);
  }
  return reader.nested(any, "arrayValue", (array): AnyValue["value"] => ({
    $case: "arrayValue",
    value: { values: reader.list(array, "values", (it) => anyValueOf(reader, it, depth + 1)) },
  })) ?? reader.nested(any, "kvlistValue", (list) => ({
    $case: "kvlistValue",
    value: { values: reader.list(list, "values", (it) => keyValueOf(reader, it, depth + 1)) },
  }));
}

function has(object: JsonObject, name: string): boolean {
  return object[name] !== undefined && object[name] !== null;
}
