/** A metrics request from OTLP/JSON. */

import { DecodeError } from "./decode_error.ts";
import { attributesOf } from "./decode_json_attributes.ts";
import {
  exponentialPointOf,
  histogramPointOf,
  numberPointOf,
  summaryPointOf,
} from "./decode_json_points.ts";
import { type DecodeOptions, DEFAULT_MAX_MESSAGES } from "./decode_options.ts";
import { type JsonObject, JsonReader } from "./json_reader.ts";
import { parseExact } from "./json_integers.ts";
import { jsonMemory } from "./json_memory.ts";
import {
  type Metric,
  type MetricData,
  type MetricsRequest,
  type ResourceMetrics,
  type ScopeMetrics,
  TEMPORALITY,
} from "./model.ts";

// Takes a byte order mark off, and what is not UTF-8 becomes U+FFFD.
const TEXT_DECODER = new TextDecoder();

/** The names of the temporality; OTLP/JSON has numbers, but the JSON mapping of proto3 names. */
const TEMPORALITY_NAMES: ReadonlyMap<unknown, number> = new Map([
  ["AGGREGATION_TEMPORALITY_UNSPECIFIED", TEMPORALITY.unspecified],
  ["AGGREGATION_TEMPORALITY_DELTA", TEMPORALITY.delta],
  ["AGGREGATION_TEMPORALITY_CUMULATIVE", TEMPORALITY.cumulative],
]);

/**
 * Decodes an `ExportMetricsServiceRequest` in OTLP/JSON (OTLP 1.x, "JSON Protobuf
 * Encoding"): lowerCamelCase names, others ignored, 64-bit integers as text or
 * number, enums as number (or name), trace and span in hex.
 *
 * @param bytes The request body, without its content encoding.
 * @param options Bounds.
 * @returns The request, the same as {@linkcode decodeMetrics} gives for its protobuf.
 * @throws {DecodeError} When it is not JSON, or not OTLP metrics, with the path to the mistake.
 */
export function decodeMetricsJson(bytes: Uint8Array, options: DecodeOptions = {}): MetricsRequest {
  const reader = new JsonReader(options.maxMessages ?? DEFAULT_MAX_MESSAGES);
  options.reserve?.(jsonMemory(bytes));
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
    resource: reader.nested(metrics, "resource", (resource) => ({
      attributes: attributesOf(reader, resource, "attributes"),
      droppedAttributesCount: reader.uint32(resource, "droppedAttributesCount"),
    })),
    scopeMetrics: reader.list(metrics, "scopeMetrics", (it) => scopeMetricsOf(reader, it)),
    schemaUrl: reader.text(metrics, "schemaUrl"),
  };
}

function scopeMetricsOf(reader: JsonReader, metrics: JsonObject): ScopeMetrics {
  return {
    scope: reader.nested(metrics, "scope", (scope) => ({
      name: reader.text(scope, "name"),
      version: reader.text(scope, "version"),
      attributes: attributesOf(reader, scope, "attributes"),
      droppedAttributesCount: reader.uint32(scope, "droppedAttributesCount"),
    })),
    metrics: reader.list(metrics, "metrics", (it) => metricOf(reader, it)),
    schemaUrl: reader.text(metrics, "schemaUrl"),
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

function dataOf(reader: JsonReader, metric: JsonObject): MetricData | undefined {
  return reader.nested(metric, "gauge", (gauge): MetricData => ({
    kind: "gauge",
    points: reader.list(gauge, "dataPoints", (it) => numberPointOf(reader, it)),
  })) ?? reader.nested(metric, "sum", (sum): MetricData => ({
    kind: "sum",
    points: reader.list(sum, "dataPoints", (it) => numberPointOf(reader, it)),
    temporality: temporalityOf(reader, sum),
    isMonotonic: reader.bool(sum, "isMonotonic"),
  })) ?? reader.nested(metric, "histogram", (histogram): MetricData => ({
    kind: "histogram",
    points: reader.list(histogram, "dataPoints", (it) => histogramPointOf(reader, it)),
    temporality: temporalityOf(reader, histogram),
  })) ?? reader.nested(metric, "exponentialHistogram", (histogram): MetricData => ({
    kind: "exponential_histogram",
    points: reader.list(histogram, "dataPoints", (it) => exponentialPointOf(reader, it)),
    temporality: temporalityOf(reader, histogram),
  })) ?? reader.nested(metric, "summary", (summary): MetricData => ({
    kind: "summary",
    points: reader.list(summary, "dataPoints", (it) => summaryPointOf(reader, it)),
  }));
}

function temporalityOf(reader: JsonReader, data: JsonObject): number {
  const name = "aggregationTemporality";
  return TEMPORALITY_NAMES.get(data[name]) ?? reader.int32(data, name);
}
