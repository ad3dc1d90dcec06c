/** Metrics as the JSON that Parseable 2.9.5 reads. */

import type { MetricData } from "./counts.ts";
import type {
  AnyValue,
  Buckets,
  Exemplar,
  ExponentialHistogramDataPoint,
  HistogramDataPoint,
  InstrumentationScope,
  KeyValue,
  Metric,
  NumberDataPoint,
  Resource,
  ResourceMetrics,
  ScopeMetrics,
  SummaryDataPoint,
} from "./gen/metrics.ts";
import { MAX_BODY_BYTES, MAX_TEXT_LENGTH, TooLargeError } from "./limits.ts";

/** Opens a resource, up to its first scope. */
export function openResource({ resource, schemaUrl }: ResourceMetrics): string {
  let text = "{";
  if (resource !== undefined) text += `"resource":{${fieldList(attributed(resource))}},`;
  if (schemaUrl !== "") text += `"schemaUrl":${quoted(schemaUrl)},`;
  return `${text}"scopeMetrics":[`;
}

/** Opens a scope, up to its first metric. */
export function openScope({ scope, schemaUrl }: ScopeMetrics): string {
  let text = "{";
  if (scope !== undefined) {
    const fields = [textField("name", scope.name), textField("version", scope.version)];
    text += `"scope":{${fieldList([...fields, ...attributed(scope)])}},`;
  }
  if (schemaUrl !== "") text += `"schemaUrl":${quoted(schemaUrl)},`;
  return `${text}"metrics":[`;
}

/** Opens a metric, up to its first point. */
export function openMetric(metric: Metric, data: MetricData): string {
  let text = `{"name":${quoted(metric.name)}`;
  if (metric.description !== "") text += `,"description":${quoted(metric.description)}`;
  if (metric.unit !== "") text += `,"unit":${quoted(metric.unit)}`;
  if (metric.metadata.length > 0) text += `,"metadata":${attributeList(metric.metadata)}`;
  return `${text},"${data.$case}":{${dataFields(data)}"dataPoints":[`;
}

/** Enums are numbers: Parseable drops a metric that names its temporality. */
function dataFields(data: MetricData): string {
  if (data.$case === "gauge" || data.$case === "summary") return "";
  const temporality = `"aggregationTemporality":${data.value.aggregationTemporality},`;
  return data.$case === "sum"
    ? `${temporality}"isMonotonic":${data.value.isMonotonic},`
    : temporality;
}

function attributed(
  { attributes, droppedAttributesCount }: Resource | InstrumentationScope,
): string[] {
  return [
    attributes.length === 0 ? "" : `"attributes":${attributeList(attributes)}`,
    droppedAttributesCount === 0 ? "" : `"droppedAttributesCount":${droppedAttributesCount}`,
  ];
}

function textField(name: string, text: string): string {
  return text === "" ? "" : `"${name}":${quoted(text)}`;
}

function fieldList(fields: string[]): string {
  return fields.filter((field) => field !== "").join(",");
}

/** A JSON string; escapes make it up to six times as long as the text. */
function quoted(text: string): string {
  if (text.length > MAX_TEXT_LENGTH) {
    throw new TooLargeError(`a text is longer than ${MAX_TEXT_LENGTH} characters`);
  }
  return JSON.stringify(text);
}

/** A JSON list. */
function listOf<T>(items: readonly T[], textOf: (item: T, index: number) => string): string {
  let list = "";
  for (const [index, item] of items.entries()) {
    list += (index === 0 ? "" : ",") + textOf(item, index);
    // Stop before it is several times longer than a body.
    if (list.length > MAX_BODY_BYTES) {
      throw new TooLargeError(`a list is longer than ${MAX_BODY_BYTES} characters as JSON`);
    }
  }
  return `[${list}]`;
}

function attributeList(attributes: KeyValue[]): string {
  return listOf(attributes, attributeText);
}

function attributeText({ key, value }: KeyValue): string {
  return `{"key":${quoted(key)},"value":${value === undefined ? "{}" : valueText(value)}}`;
}

/** OTLP/JSON: 64-bit integers as text, bytes as base64. */
function valueText({ value }: AnyValue): string {
  switch (value?.$case) {
    case undefined:
      return "{}";
    case "stringValue":
      return `{"stringValue":${quoted(value.value)}}`;
    case "intValue":
      return `{"intValue":"${value.value}"}`;
    case "boolValue":
    case "doubleValue":
      return `{"${value.$case}":${value.value}}`;
    case "bytesValue":
      return `{"bytesValue":"${value.value.toBase64()}"}`;
    case "arrayValue":
      return `{"arrayValue":{"values":${listOf(value.value.values, valueText)}}}`;
    case "kvlistValue":
      return `{"kvlistValue":{"values":${attributeList(value.value.values)}}}`;
  }
}

/** A label of the previous point, and its JSON. */
interface Label {
  readonly key: string;
  readonly value: string;
  readonly text: string;
}

/** Writes data points. Most labels and times repeat those of the previous point. */
export class PointEncoder {
  readonly #labels: Label[] = [];
  #time = 0n;
  #timeText = "0";

  /**
   * Writes the points of a metric, one after the other.
   *
   * Fields with their default value are left out, but for exponential histograms
   * and exemplars: there Parseable's reader (opentelemetry-proto 0.32.0, serde)
   * demands every field.
   */
  *points(data: MetricData): Generator<string, void> {
    switch (data.$case) {
      case "gauge":
      case "sum":
        for (const point of data.value.dataPoints) yield this.#number(point);
        return;
      case "histogram":
        for (const point of data.value.dataPoints) yield this.#histogram(point);
        return;
      case "exponentialHistogram":
        for (const point of data.value.dataPoints) yield this.#exponential(point);
        return;
      case "summary":
        for (const point of data.value.dataPoints) yield this.#summary(point);
    }
  }

  /**
   * The value is always `asDouble`, a JSON number: Parseable loses an `asInt` in
   * text, which is the standard form (facts, finding 10). Integers beyond 2^53 are
   * rounded; Parseable keeps values as Float64 anyway.
   */
  #number(point: NumberDataPoint): string {
    let text = this.#open(point);
    if (point.value !== undefined) text += `,"asDouble":${double(point.value.value)}`;
    return text + this.#close(point.exemplars);
  }

  #histogram(point: HistogramDataPoint): string {
    return `${this.#open(point)},"count":"${point.count}"${statistics(point)}` +
      `,"bucketCounts":${countList(point.bucketCounts)}` +
      `,"explicitBounds":${JSON.stringify(point.explicitBounds)}` +
      this.#close(point.exemplars);
  }

  #exponential(point: ExponentialHistogramDataPoint): string {
    return `{"attributes":${this.#attributes(point.attributes)}` +
      `,"startTimeUnixNano":"${point.startTimeUnixNano}","timeUnixNano":"${point.timeUnixNano}"` +
      `,"flags":${point.flags},"count":"${point.count}"${statistics(point)}` +
      `,"scale":${point.scale},"zeroCount":"${point.zeroCount}"` +
      `,"zeroThreshold":${double(point.zeroThreshold)}` +
      `${side("positive", point.positive)}${side("negative", point.negative)}` +
      `,"exemplars":${exemplarList(point.exemplars)}}`;
  }

  #summary(point: SummaryDataPoint): string {
    const text = `${this.#open(point)},"count":"${point.count}","sum":${double(point.sum)}`;
    if (point.quantileValues.length === 0) return `${text}}`;
    const quantiles = listOf(
      point.quantileValues,
      ({ quantile, value }) => `{"quantile":${double(quantile)},"value":${double(value)}}`,
    );
    return `${text},"quantileValues":${quantiles}}`;
  }

  #open(point: NumberDataPoint | HistogramDataPoint | SummaryDataPoint): string {
    let text = "{";
    if (point.attributes.length > 0) text += `"attributes":${this.#attributes(point.attributes)},`;
    if (point.timeUnixNano !== this.#time) {
      this.#time = point.timeUnixNano;
      this.#timeText = String(point.timeUnixNano);
    }
    text += `"timeUnixNano":"${this.#timeText}"`;
    if (point.startTimeUnixNano !== 0n) text += `,"startTimeUnixNano":"${point.startTimeUnixNano}"`;
    if (point.flags !== 0) text += `,"flags":${point.flags}`;
    return text;
  }

  #close(exemplars: Exemplar[]): string {
    return exemplars.length === 0 ? "}" : `,"exemplars":${exemplarList(exemplars)}}`;
  }

  #attributes(attributes: KeyValue[]): string {
    return listOf(attributes, (attribute, place) => this.#attribute(attribute, place));
  }

  #attribute(attribute: KeyValue, place: number): string {
    const value = attribute.value?.value;
    if (value?.$case !== "stringValue" || place > MAX_REMEMBERED) return attributeText(attribute);
    const before = this.#labels[place];
    if (before?.key === attribute.key && before.value === value.value) return before.text;
    const text = attributeText(attribute);
    this.#labels[place] = { key: attribute.key, value: value.value, text };
    return text;
  }
}

/** Labels of a point that are remembered: those of vLLM are three or four. */
const MAX_REMEMBERED = 32;

/** The optional numbers of both kinds of histograms. */
function statistics({ sum, min, max }: HistogramDataPoint | ExponentialHistogramDataPoint): string {
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

function countList(counts: bigint[]): string {
  return counts.length === 0 ? "[]" : `["${counts.join('","')}"]`;
}

function exemplarList(exemplars: Exemplar[]): string {
  return listOf(exemplars, exemplarText);
}

/**
 * OTLP/JSON has the value of an exemplar beside its other fields. Parseable's
 * reader looks for it one level down and ignores the other, so both are written.
 */
function exemplarText(exemplar: Exemplar): string {
  const text = `{"filteredAttributes":${attributeList(exemplar.filteredAttributes)}` +
    `,"timeUnixNano":"${exemplar.timeUnixNano}"` +
    `,"spanId":"${exemplar.spanId.toHex()}","traceId":"${exemplar.traceId.toHex()}"`;
  if (exemplar.value === undefined) return `${text}}`;
  const value = `"asDouble":${double(exemplar.value.value)}`;
  return `${text},${value},"value":{${value}}}`;
}

/** A JSON number. What was not cleaned becomes `null`: `NaN` would cost the whole request. */
function double(value: number | bigint): string {
  const number = Number(value);
  return Number.isFinite(number) ? `${number}` : "null";
}
