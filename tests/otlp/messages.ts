/** Requests to decode, written by hand with pbf's own writer. */

import { PbfWriter } from "pbf";
import type { AnyValue, MetricData, MetricsRequest } from "./plain.ts";
import {
  newExponentialPoint,
  newHistogramPoint,
  newNumberPoint,
  newSummaryPoint,
} from "./plain.ts";
import type { ExponentialPoint, HistogramPoint, NumberPoint, SummaryPoint } from "./plain.ts";

/** Writes the fields of a message. */
export type Write = (writer: PbfWriter) => void;

/** A nested message in field `field`. */
export function nested(field: number, ...writes: Write[]): Write {
  return (writer) =>
    writer.writeMessage(field, (_, inner) => writes.forEach((write) => write(inner)), undefined);
}

/** The bytes of a message. */
export function bytesOf(...writes: Write[]): Uint8Array {
  const writer = new PbfWriter();
  writes.forEach((write) => write(writer));
  return writer.finish();
}

/** The bytes of a request with one metric. */
export function requestOf(...metric: Write[]): Uint8Array {
  return bytesOf(nested(1, nested(2, nested(2, ...metric))));
}

/** A request with one metric. */
export function requestWith(data: MetricData | undefined): MetricsRequest {
  const metric = { name: "m", description: "", unit: "", metadata: [], data };
  const scopeMetrics = [{ scope: undefined, metrics: [metric], schemaUrl: "" }];
  return { resourceMetrics: [{ resource: undefined, scopeMetrics, schemaUrl: "" }] };
}

/** The points of the first metric of a request. */
export function dataOf(request: MetricsRequest): MetricData | undefined {
  return request.resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.data;
}

/** An attribute. */
export function labelled(value: AnyValue): { key: string; value: AnyValue }[] {
  return [{ key: "label", value }];
}

/** A gauge of points with these fields. */
export function gauge(...points: Partial<NumberPoint>[]): MetricData {
  return { kind: "gauge", points: points.map((point) => ({ ...newNumberPoint(), ...point })) };
}

/** A cumulative histogram of points with these fields. */
export function histogram(...points: Partial<HistogramPoint>[]): MetricData {
  return {
    kind: "histogram",
    points: points.map((point) => ({ ...newHistogramPoint(), ...point })),
    temporality: 2,
  };
}

/** A cumulative exponential histogram of points with these fields. */
export function exponential(...points: Partial<ExponentialPoint>[]): MetricData {
  return {
    kind: "exponential_histogram",
    points: points.map((point) => ({ ...newExponentialPoint(), ...point })),
    temporality: 2,
  };
}

/** A summary of points with these fields. */
export function summary(...points: Partial<SummaryPoint>[]): MetricData {
  return { kind: "summary", points: points.map((point) => ({ ...newSummaryPoint(), ...point })) };
}
