/** The data points of all kinds, from OTLP/JSON. */

import { attributesOf } from "./decode_json_attributes.ts";
import type { JsonObject, JsonReader } from "./json_reader.ts";
import type {
  Buckets,
  Exemplar,
  ExponentialPoint,
  HistogramPoint,
  NumberPoint,
  PointBase,
  SummaryPoint,
} from "./model.ts";

/**
 * Reads a `NumberDataPoint`.
 *
 * @param reader Reads the fields.
 * @param point The JSON object.
 * @returns The point.
 * @throws {DecodeError} When something has the wrong type.
 */
export function numberPointOf(reader: JsonReader, point: JsonObject): NumberPoint {
  return {
    ...baseOf(reader, point),
    value: reader.double(point, "asDouble") ?? reader.int64(point, "asInt"),
    exemplars: exemplarsOf(reader, point),
  };
}

/**
 * Reads a `HistogramDataPoint`.
 *
 * @param reader Reads the fields.
 * @param point The JSON object.
 * @returns The point.
 * @throws {DecodeError} When something has the wrong type.
 */
export function histogramPointOf(reader: JsonReader, point: JsonObject): HistogramPoint {
  return {
    ...baseOf(reader, point),
    count: reader.count(point, "count"),
    sum: reader.double(point, "sum"),
    bucketCounts: reader.counts(point, "bucketCounts"),
    explicitBounds: reader.doubles(point, "explicitBounds"),
    min: reader.double(point, "min"),
    max: reader.double(point, "max"),
    exemplars: exemplarsOf(reader, point),
  };
}

/**
 * Reads an `ExponentialHistogramDataPoint`.
 *
 * @param reader Reads the fields.
 * @param point The JSON object.
 * @returns The point.
 * @throws {DecodeError} When something has the wrong type.
 */
export function exponentialPointOf(reader: JsonReader, point: JsonObject): ExponentialPoint {
  return {
    ...baseOf(reader, point),
    count: reader.count(point, "count"),
    sum: reader.double(point, "sum"),
    scale: reader.int32(point, "scale"),
    zeroCount: reader.count(point, "zeroCount"),
    positive: reader.nested(point, "positive", (side) => bucketsOf(reader, side)),
    negative: reader.nested(point, "negative", (side) => bucketsOf(reader, side)),
    min: reader.double(point, "min"),
    max: reader.double(point, "max"),
    zeroThreshold: reader.double(point, "zeroThreshold") ?? 0,
    exemplars: exemplarsOf(reader, point),
  };
}

/**
 * Reads a `SummaryDataPoint`.
 *
 * @param reader Reads the fields.
 * @param point The JSON object.
 * @returns The point.
 * @throws {DecodeError} When something has the wrong type.
 */
export function summaryPointOf(reader: JsonReader, point: JsonObject): SummaryPoint {
  return {
    ...baseOf(reader, point),
    count: reader.count(point, "count"),
    sum: reader.double(point, "sum") ?? 0,
    quantileValues: reader.list(point, "quantileValues", (quantile) => ({
      quantile: reader.double(quantile, "quantile") ?? 0,
      value: reader.double(quantile, "value") ?? 0,
    })),
  };
}

function baseOf(reader: JsonReader, point: JsonObject): PointBase {
  return {
    attributes: attributesOf(reader, point, "attributes"),
    startTimeUnixNano: reader.nanoTime(point, "startTimeUnixNano"),
    timeUnixNano: reader.nanoTime(point, "timeUnixNano"),
    flags: reader.uint32(point, "flags"),
  };
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
    value: reader.double(exemplar, "asDouble") ?? reader.int64(exemplar, "asInt"),
    spanId: reader.hex(exemplar, "spanId"),
    traceId: reader.hex(exemplar, "traceId"),
  }));
}
