/** Points of both kinds of histograms, from protobuf (`opentelemetry/proto/metrics/v1/metrics.proto`). */

import { readAttribute } from "./decode_attributes.ts";
import { readNewExemplar } from "./decode_exemplar.ts";
import type { Buckets, ExponentialPoint, HistogramPoint } from "./model.ts";
import { NUMBER_BYTES } from "./number_reader.ts";
import type { RequestReader } from "./request_reader.ts";
import { bytesTag, fixed64Tag, varintTag } from "./wire_tags.ts";

// Fields with the same number in both.
const START_TIME = fixed64Tag(2);
const TIME = fixed64Tag(3);
const COUNT = fixed64Tag(4);
const SUM = fixed64Tag(5);

/**
 * Reads a field of a `HistogramDataPoint`.
 *
 * @param reader Stands before the value.
 * @param tag The tag of the field.
 * @param point Where it goes.
 */
export function readHistogramPoint(
  reader: RequestReader,
  tag: number,
  point: HistogramPoint,
): void {
  switch (tag) {
    case START_TIME:
      point.startTimeUnixNano = reader.nanoTime();
      return;
    case TIME:
      point.timeUnixNano = reader.nanoTime();
      return;
    case COUNT:
      point.count = reader.fixed64();
      return;
    case SUM:
      point.sum = reader.double();
      return;
    case bytesTag(6):
      reader.fixed64s(point.bucketCounts);
      return;
    case fixed64Tag(6):
      reader.reserve(NUMBER_BYTES);
      point.bucketCounts.push(reader.fixed64());
      return;
    case bytesTag(7):
      reader.doubles(point.explicitBounds);
      return;
    case fixed64Tag(7):
      reader.reserve(NUMBER_BYTES);
      point.explicitBounds.push(reader.double());
      return;
    case bytesTag(8):
      point.exemplars.push(readNewExemplar(reader));
      return;
    case bytesTag(9):
      readAttribute(reader, point.attributes);
      return;
    case varintTag(10):
      point.flags = reader.uint32();
      return;
    case fixed64Tag(11):
      point.min = reader.double();
      return;
    case fixed64Tag(12):
      point.max = reader.double();
  }
}

/**
 * Reads a field of an `ExponentialHistogramDataPoint`.
 *
 * @param reader Stands before the value.
 * @param tag The tag of the field.
 * @param point Where it goes.
 */
export function readExponentialPoint(
  reader: RequestReader,
  tag: number,
  point: ExponentialPoint,
): void {
  switch (tag) {
    case bytesTag(1):
      readAttribute(reader, point.attributes);
      return;
    case START_TIME:
      point.startTimeUnixNano = reader.nanoTime();
      return;
    case TIME:
      point.timeUnixNano = reader.nanoTime();
      return;
    case COUNT:
      point.count = reader.fixed64();
      return;
    case SUM:
      point.sum = reader.double();
      return;
    case varintTag(6):
      point.scale = reader.sint32();
      return;
    case fixed64Tag(7):
      point.zeroCount = reader.fixed64();
      return;
    case bytesTag(8):
      point.positive = reader.message(readBuckets, point.positive ?? newBuckets());
      return;
    case bytesTag(9):
      point.negative = reader.message(readBuckets, point.negative ?? newBuckets());
      return;
    case varintTag(10):
      point.flags = reader.uint32();
      return;
    case bytesTag(11):
      point.exemplars.push(readNewExemplar(reader));
      return;
    case fixed64Tag(12):
      point.min = reader.double();
      return;
    case fixed64Tag(13):
      point.max = reader.double();
      return;
    case fixed64Tag(14):
      point.zeroThreshold = reader.double();
  }
}

function newBuckets(): Buckets {
  return { offset: 0, bucketCounts: [] };
}

function readBuckets(reader: RequestReader, tag: number, buckets: Buckets): void {
  if (tag === varintTag(1)) buckets.offset = reader.sint32();
  else if (tag === bytesTag(2)) reader.uint64s(buckets.bucketCounts);
  else if (tag === varintTag(2)) {
    reader.reserve(NUMBER_BYTES);
    buckets.bucketCounts.push(reader.uint64());
  }
}
