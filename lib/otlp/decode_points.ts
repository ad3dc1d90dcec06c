/** Points of gauges, sums and summaries, from protobuf (`opentelemetry/proto/metrics/v1/metrics.proto`). */

import { readAttribute } from "./decode_attributes.ts";
import { readNewExemplar } from "./decode_exemplar.ts";
import type { NumberPoint, Quantile, SummaryPoint } from "./model.ts";
import type { RequestReader } from "./request_reader.ts";
import { bytesTag, fixed64Tag, varintTag } from "./wire_tags.ts";

// Fields with the same number in both.
const START_TIME = fixed64Tag(2);
const TIME = fixed64Tag(3);

/**
 * Reads a field of a `NumberDataPoint`.
 *
 * @param reader Stands before the value.
 * @param tag The tag of the field.
 * @param point Where it goes.
 */
export function readNumberPoint(reader: RequestReader, tag: number, point: NumberPoint): void {
  switch (tag) {
    case START_TIME:
      point.startTimeUnixNano = reader.nanoTime();
      return;
    case TIME:
      point.timeUnixNano = reader.nanoTime();
      return;
    case fixed64Tag(4):
      point.value = reader.double();
      return;
    case bytesTag(5):
      point.exemplars.push(readNewExemplar(reader));
      return;
    case fixed64Tag(6):
      point.value = reader.sfixed64();
      return;
    case bytesTag(7):
      readAttribute(reader, point.attributes);
      return;
    case varintTag(8):
      point.flags = reader.uint32();
  }
}

/**
 * Reads a field of a `SummaryDataPoint`.
 *
 * @param reader Stands before the value.
 * @param tag The tag of the field.
 * @param point Where it goes.
 */
export function readSummaryPoint(reader: RequestReader, tag: number, point: SummaryPoint): void {
  switch (tag) {
    case START_TIME:
      point.startTimeUnixNano = reader.nanoTime();
      return;
    case TIME:
      point.timeUnixNano = reader.nanoTime();
      return;
    case fixed64Tag(4):
      point.count = reader.fixed64();
      return;
    case fixed64Tag(5):
      point.sum = reader.double();
      return;
    case bytesTag(6):
      point.quantileValues.push(reader.message(readQuantile, { quantile: 0, value: 0 }));
      return;
    case bytesTag(7):
      readAttribute(reader, point.attributes);
      return;
    case varintTag(8):
      point.flags = reader.uint32();
  }
}

function readQuantile(reader: RequestReader, tag: number, quantile: Quantile): void {
  if (tag === fixed64Tag(1)) quantile.quantile = reader.double();
  else if (tag === fixed64Tag(2)) quantile.value = reader.double();
}
