/** The JSON around the data points of a request. */

import { AttributeEncoder } from "./encode_attributes.ts";
import type {
  KeyValue,
  Metric,
  MetricData,
  Resource,
  ResourceMetrics,
  Scope,
  ScopeMetrics,
} from "./model.ts";

/** What opens a request body. */
export const OPEN_REQUEST = '{"resourceMetrics":[';

/** What closes the points of a metric, and the metric. */
export const CLOSE_METRIC = "]}}";

/** What closes a scope, all its metrics being closed. */
export const CLOSE_SCOPE = "]}";

/** What closes a resource, all its scopes being closed. */
export const CLOSE_RESOURCE = "]}";

/** What closes a request body, all its resources being closed. */
export const CLOSE_REQUEST = "]}";

/**
 * Opens a resource, up to its first scope.
 *
 * @param metrics The resource.
 * @returns The JSON.
 */
export function openResource({ resource, schemaUrl }: ResourceMetrics): string {
  let text = "{";
  if (resource !== undefined) text += `"resource":{${fieldList(attributed(resource))}},`;
  if (schemaUrl !== "") text += `"schemaUrl":${JSON.stringify(schemaUrl)},`;
  return `${text}"scopeMetrics":[`;
}

/**
 * Opens a scope, up to its first metric.
 *
 * @param metrics The scope.
 * @returns The JSON.
 */
export function openScope({ scope, schemaUrl }: ScopeMetrics): string {
  let text = "{";
  if (scope !== undefined) {
    const fields = [textField("name", scope.name), textField("version", scope.version)];
    text += `"scope":{${fieldList([...fields, ...attributed(scope)])}},`;
  }
  if (schemaUrl !== "") text += `"schemaUrl":${JSON.stringify(schemaUrl)},`;
  return `${text}"metrics":[`;
}

/**
 * Opens a metric, up to its first point.
 *
 * @param metric The metric.
 * @param data Its points.
 * @returns The JSON.
 */
export function openMetric(metric: Metric, data: MetricData): string {
  let text = `{"name":${JSON.stringify(metric.name)}`;
  if (metric.description !== "") text += `,"description":${JSON.stringify(metric.description)}`;
  if (metric.unit !== "") text += `,"unit":${JSON.stringify(metric.unit)}`;
  if (metric.metadata.length > 0) text += `,${attributeField("metadata", metric.metadata)}`;
  return `${text},${openData(data)}"dataPoints":[`;
}

/** Enums are numbers: Parseable drops a metric that names its temporality. */
function openData(data: MetricData): string {
  switch (data.kind) {
    case "gauge":
      return '"gauge":{';
    case "sum":
      return `"sum":{"aggregationTemporality":${data.temporality},"isMonotonic":${data.isMonotonic},`;
    case "histogram":
      return `"histogram":{"aggregationTemporality":${data.temporality},`;
    case "exponential_histogram":
      return `"exponentialHistogram":{"aggregationTemporality":${data.temporality},`;
    case "summary":
      return '"summary":{';
  }
}

function attributed({ attributes, droppedAttributesCount }: Resource | Scope): string[] {
  return [
    attributes.length === 0 ? "" : attributeField("attributes", attributes),
    droppedAttributesCount === 0 ? "" : `"droppedAttributesCount":${droppedAttributesCount}`,
  ];
}

function attributeField(name: string, attributes: KeyValue[]): string {
  return `"${name}":${new AttributeEncoder().list(attributes)}`;
}

function textField(name: string, text: string): string {
  return text === "" ? "" : `"${name}":${JSON.stringify(text)}`;
}

function fieldList(fields: string[]): string {
  return fields.filter((field) => field !== "").join(",");
}
