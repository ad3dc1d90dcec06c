/** A metric and its points, from protobuf (`opentelemetry/proto/metrics/v1/metrics.proto`). */

import { readAttribute } from "./decode_attributes.ts";
import { readExponentialPoint, readHistogramPoint } from "./decode_histogram_points.ts";
import { readNumberPoint, readSummaryPoint } from "./decode_points.ts";
import type { ExponentialHistogram, Gauge, Histogram, Metric, Sum, Summary } from "./model.ts";
import {
  newExponentialPoint,
  newHistogramPoint,
  newNumberPoint,
  newSummaryPoint,
} from "./new_points.ts";
import { MESSAGE_BYTES, type RequestReader } from "./request_reader.ts";
import { bytesTag, varintTag } from "./wire_tags.ts";

// Fields with the same number in all kinds of metrics.
const POINTS = bytesTag(1);
const TEMPORALITY = varintTag(2);

/**
 * Reads a field of a `Metric`. Of several kinds of points the last one sent
 * counts, and the same kind sent twice adds up, as protobuf has it.
 *
 * @param reader Stands before the value.
 * @param tag The tag of the field.
 * @param metric Where it goes.
 */
export function readMetric(reader: RequestReader, tag: number, metric: Metric): void {
  const { data } = metric;
  switch (tag) {
    case bytesTag(1):
      metric.name = reader.text();
      return;
    case bytesTag(2):
      metric.description = reader.text();
      return;
    case bytesTag(3):
      metric.unit = reader.text();
      return;
    case bytesTag(5):
      metric.data = data?.kind === "gauge" ? data : { kind: "gauge", points: [] };
      reader.message(readGauge, metric.data);
      return;
    case bytesTag(7):
      metric.data = data?.kind === "sum"
        ? data
        : { kind: "sum", points: [], temporality: 0, isMonotonic: false };
      reader.message(readSum, metric.data);
      return;
    case bytesTag(9):
      metric.data = data?.kind === "histogram"
        ? data
        : { kind: "histogram", points: [], temporality: 0 };
      reader.message(readHistogram, metric.data);
      return;
    case bytesTag(10):
      metric.data = data?.kind === "exponential_histogram"
        ? data
        : { kind: "exponential_histogram", points: [], temporality: 0 };
      reader.message(readExponential, metric.data);
      return;
    case bytesTag(11):
      metric.data = data?.kind === "summary" ? data : { kind: "summary", points: [] };
      reader.message(readSummary, metric.data);
      return;
    case bytesTag(12):
      readAttribute(reader, metric.metadata);
  }
}

function readGauge(reader: RequestReader, tag: number, gauge: Gauge): void {
  if (tag === POINTS) gauge.points.push(reader.message(readNumberPoint, newNumberPoint()));
}

function readSum(reader: RequestReader, tag: number, sum: Sum): void {
  if (tag === POINTS) sum.points.push(reader.message(readNumberPoint, newNumberPoint()));
  else if (tag === TEMPORALITY) sum.temporality = reader.int32();
  else if (tag === varintTag(3)) sum.isMonotonic = reader.bool();
}

function readHistogram(reader: RequestReader, tag: number, histogram: Histogram): void {
  if (tag === POINTS) {
    histogram.points.push(reader.message(readHistogramPoint, newHistogramPoint()));
  } else if (tag === TEMPORALITY) histogram.temporality = reader.int32();
}

function readExponential(
  reader: RequestReader,
  tag: number,
  histogram: ExponentialHistogram,
): void {
  if (tag === POINTS) {
    // It has more fields than others, and is copied to be cleaned.
    reader.reserve(3 * MESSAGE_BYTES);
    histogram.points.push(reader.message(readExponentialPoint, newExponentialPoint()));
  } else if (tag === TEMPORALITY) histogram.temporality = reader.int32();
}

function readSummary(reader: RequestReader, tag: number, summary: Summary): void {
  if (tag === POINTS) summary.points.push(reader.message(readSummaryPoint, newSummaryPoint()));
}
