/** Data points as the JSON that Parseable 2.9.5 reads. */

import type { AttributeEncoder } from "./encode_attributes.ts";
import type {
  Buckets,
  Exemplar,
  ExponentialPoint,
  HistogramPoint,
  Int64,
  MetricData,
  NumberPoint,
  PointBase,
  SummaryPoint,
} from "./model.ts";

/**
 * Writes the points of a metric, one after the other.
 *
 * Fields with their default value are left out, but for exponential histograms
 * and exemplars: there Parseable's reader (opentelemetry-proto 0.32.0, serde)
 * demands every field that is not optional, empty arrays included, and drops the
 * metric without them. Those arrays make no column.
 *
 * @param data The points, cleaned.
 * @param attributes Writes their attributes.
 * @returns The JSON of each point.
 */
export function* encodePoints(
  data: MetricData,
  attributes: AttributeEncoder,
): Generator<string, void> {
  switch (data.kind) {
    case "gauge":
    case "sum":
      for (const point of data.points) yield numberPoint(point, attributes);
      return;
    case "histogram":
      for (const point of data.points) yield histogramPoint(point, attributes);
      return;
    case "exponential_histogram":
      for (const point of data.points) yield exponentialPoint(point, attributes);
      return;
    case "summary":
      for (const point of data.points) yield summaryPoint(point, attributes);
  }
}

/**
 * The value is always `asDouble`, a JSON number: Parseable loses an `asInt` in
 * text, which is the standard form (facts, finding 10). Integers beyond 2^53 are
 * rounded; Parseable keeps values as Float64 anyway.
 */
function numberPoint(point: NumberPoint, attributes: AttributeEncoder): string {
  let text = openPoint(point, attributes);
  if (point.value !== undefined) text += `,"asDouble":${double(point.value)}`;
  return text + closePoint(point.exemplars, attributes);
}

function histogramPoint(point: HistogramPoint, attributes: AttributeEncoder): string {
  return `${openPoint(point, attributes)},"count":"${point.count}"${statistics(point)}` +
    `,"bucketCounts":${countList(point.bucketCounts)}` +
    `,"explicitBounds":${JSON.stringify(point.explicitBounds)}` +
    closePoint(point.exemplars, attributes);
}

function exponentialPoint(point: ExponentialPoint, attributes: AttributeEncoder): string {
  return `{"attributes":${attributes.list(point.attributes)}` +
    `,"startTimeUnixNano":"${point.startTimeUnixNano}","timeUnixNano":"${point.timeUnixNano}"` +
    `,"flags":${point.flags},"count":"${point.count}"${statistics(point)}` +
    `,"scale":${point.scale},"zeroCount":"${point.zeroCount}"` +
    `,"zeroThreshold":${double(point.zeroThreshold)}` +
    `${side("positive", point.positive)}${side("negative", point.negative)}` +
    `,"exemplars":${exemplarList(point.exemplars, attributes)}}`;
}

function summaryPoint(point: SummaryPoint, attributes: AttributeEncoder): string {
  const text = openPoint(point, attributes) +
    `,"count":"${point.count}","sum":${double(point.sum)}`;
  if (point.quantileValues.length === 0) return `${text}}`;
  const quantiles = point.quantileValues.map(({ quantile, value }) =>
    `{"quantile":${double(quantile)},"value":${double(value)}}`
  );
  return `${text},"quantileValues":[${quantiles.join(",")}]}`;
}

function openPoint(point: PointBase, attributes: AttributeEncoder): string {
  let text = "{";
  if (point.attributes.length > 0) text += `"attributes":${attributes.list(point.attributes)},`;
  text += `"timeUnixNano":"${point.timeUnixNano}"`;
  if (point.startTimeUnixNano !== "0") text += `,"startTimeUnixNano":"${point.startTimeUnixNano}"`;
  if (point.flags !== 0) text += `,"flags":${point.flags}`;
  return text;
}

function closePoint(exemplars: Exemplar[], attributes: AttributeEncoder): string {
  return exemplars.length === 0 ? "}" : `,"exemplars":${exemplarList(exemplars, attributes)}}`;
}

/** The optional numbers of both kinds of histograms. */
function statistics({ sum, min, max }: HistogramPoint | ExponentialPoint): string {
  let text = "";
  if (sum !== undefined) text += `,"sum":${double(sum)}`;
  if (min !== undefined) text += `,"min":${double(min)}`;
  if (max !== undefined) text += `,"max":${double(max)}`;
  return text;
}

function side(name: "positive" | "negative", buckets: Buckets | undefined): string {
  if (buckets === undefined) return "";
  return `,"${name}":{"offset":${buckets.offset},"bucketCounts":${
    countList(buckets.bucketCounts)
  }}`;
}

// Half the time of `join`.
function countList(counts: Int64[]): string {
  let list = "[";
  let separator = '"';
  for (const count of counts) {
    list += separator + count;
    separator = '","';
  }
  return counts.length === 0 ? "[]" : `${list}"]`;
}

function exemplarList(exemplars: Exemplar[], attributes: AttributeEncoder): string {
  return `[${exemplars.map((exemplar) => exemplarText(exemplar, attributes)).join(",")}]`;
}

/**
 * OTLP/JSON has the value of an exemplar beside its other fields. Parseable's
 * reader looks for it one level down and ignores the other, so both are written.
 */
function exemplarText(exemplar: Exemplar, attributes: AttributeEncoder): string {
  const text = `{"filteredAttributes":${attributes.list(exemplar.filteredAttributes)}` +
    `,"timeUnixNano":"${exemplar.timeUnixNano}"` +
    `,"spanId":"${exemplar.spanId}","traceId":"${exemplar.traceId}"`;
  if (exemplar.value === undefined) return `${text}}`;
  const value = `"asDouble":${double(exemplar.value)}`;
  return `${text},${value},"value":{${value}}}`;
}

/** A JSON number. What was not cleaned becomes `null`: `NaN` would cost the whole request. */
function double(value: Int64): string {
  if (typeof value === "bigint") return `${Number(value)}`;
  return Number.isFinite(value) ? `${value}` : "null";
}
