/** Exemplars, from protobuf (`opentelemetry/proto/metrics/v1/metrics.proto`). */

import { readAttribute } from "./decode_attributes.ts";
import type { Exemplar } from "./model.ts";
import type { RequestReader } from "./request_reader.ts";
import { bytesTag, fixed64Tag } from "./wire_tags.ts";

/**
 * Reads an `Exemplar`.
 *
 * @param reader Stands before it.
 * @returns A new exemplar.
 * @throws {DecodeError} When it is malformed.
 */
export function readNewExemplar(reader: RequestReader): Exemplar {
  return reader.message(readExemplar, {
    filteredAttributes: [],
    timeUnixNano: "0",
    value: undefined,
    spanId: "",
    traceId: "",
  });
}

function readExemplar(reader: RequestReader, tag: number, exemplar: Exemplar): void {
  switch (tag) {
    case fixed64Tag(2):
      exemplar.timeUnixNano = reader.nanoTime();
      return;
    case fixed64Tag(3):
      exemplar.value = reader.double();
      return;
    case bytesTag(4):
      exemplar.spanId = reader.slice().toHex();
      return;
    case bytesTag(5):
      exemplar.traceId = reader.slice().toHex();
      return;
    case fixed64Tag(6):
      exemplar.value = reader.sfixed64();
      return;
    case bytesTag(7):
      readAttribute(reader, exemplar.filteredAttributes);
  }
}
