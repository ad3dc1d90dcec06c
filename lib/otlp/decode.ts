/** A metrics request from protobuf. */

import { readAttribute } from "./decode_attributes.ts";
import type { DecodeOptions } from "./decode_options.ts";
import { readMetric } from "./decode_metric.ts";
import type { MetricsRequest, Resource, ResourceMetrics, Scope, ScopeMetrics } from "./model.ts";
import { RequestReader } from "./request_reader.ts";
import { bytesTag, varintTag } from "./wire_tags.ts";

/**
 * Decodes an `ExportMetricsServiceRequest` (OTLP 1.x, `metrics_service.proto`).
 * Unknown fields are passed over; packed and unpacked repeated fields are read.
 *
 * @param bytes The request body, without its content encoding. The model may refer to it.
 * @param options Bounds.
 * @returns The request.
 * @throws {DecodeError} When the bytes are malformed, with the byte offset.
 */
export function decodeMetrics(bytes: Uint8Array, options: DecodeOptions = {}): MetricsRequest {
  const reader = new RequestReader(bytes, options);
  // The text that all texts of the request are pieces of.
  reader.reserve(bytes.length);
  const request: MetricsRequest = { resourceMetrics: [] };
  reader.readAll(readRequest, request);
  return request;
}

function readRequest(reader: RequestReader, tag: number, request: MetricsRequest): void {
  if (tag !== bytesTag(1)) return;
  request.resourceMetrics.push(
    reader.message(readResourceMetrics, { resource: undefined, scopeMetrics: [], schemaUrl: "" }),
  );
}

function readResourceMetrics(reader: RequestReader, tag: number, metrics: ResourceMetrics): void {
  switch (tag) {
    case bytesTag(1):
      metrics.resource ??= { attributes: [], droppedAttributesCount: 0 };
      reader.message(readResource, metrics.resource);
      return;
    case bytesTag(2):
      metrics.scopeMetrics.push(
        reader.message(readScopeMetrics, { scope: undefined, metrics: [], schemaUrl: "" }),
      );
      return;
    case bytesTag(3):
      metrics.schemaUrl = reader.text();
  }
}

function readResource(reader: RequestReader, tag: number, resource: Resource): void {
  if (tag === bytesTag(1)) readAttribute(reader, resource.attributes);
  else if (tag === varintTag(2)) resource.droppedAttributesCount = reader.uint32();
}

function readScopeMetrics(reader: RequestReader, tag: number, metrics: ScopeMetrics): void {
  switch (tag) {
    case bytesTag(1):
      metrics.scope ??= { name: "", version: "", attributes: [], droppedAttributesCount: 0 };
      reader.message(readScope, metrics.scope);
      return;
    case bytesTag(2):
      metrics.metrics.push(
        reader.message(readMetric, {
          name: "",
          description: "",
          unit: "",
          metadata: [],
          data: undefined,
        }),
      );
      return;
    case bytesTag(3):
      metrics.schemaUrl = reader.text();
  }
}

function readScope(reader: RequestReader, tag: number, scope: Scope): void {
  if (tag === bytesTag(1)) scope.name = reader.text();
  else if (tag === bytesTag(2)) scope.version = reader.text();
  else if (tag === bytesTag(3)) readAttribute(reader, scope.attributes);
  else if (tag === varintTag(4)) scope.droppedAttributesCount = reader.uint32();
}
