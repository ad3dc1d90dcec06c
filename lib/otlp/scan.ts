/** Checks a protobuf request before the generated code decodes it. */

import { DecodeError, MAX_NUMBERS, MAX_POINTS, MAX_VALUE_DEPTH } from "./limits.ts";

/** Wire types (protobuf encoding guide, "message structure"); groups are in no OTLP message. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Longest varint, in bytes: 64 bits in groups of seven. */
const MAX_VARINT_BYTES = 10;

/** Bytes of memory for a number in a list: a bigint, a slot, and what its text leaves behind. */
const NUMBER_BYTES = 100;

/** A message type: what is nested in it, and what one costs. */
interface MessageType {
  /** Bytes of memory for one, measured with its list and the objects for its values. */
  readonly bytes: number;
  /** The messages in it, by field number. */
  readonly messages: Readonly<Record<number, MessageType>>;
  /** Fields of `messages` that are not repeated. Generated code would keep only the last of two. */
  readonly once?: readonly number[];
  /** The lists of numbers in it, by field number: their wire type. */
  readonly numbers?: Readonly<Record<number, typeof FIXED64 | typeof VARINT>>;
  readonly isPoint?: true;
  readonly isValueList?: true;
}

// The fields of gen/metrics.proto that hold messages or lists of numbers.
const VALUE_MESSAGES: Record<number, MessageType> = {};
const VALUE: MessageType = { bytes: 100, messages: VALUE_MESSAGES, once: [5, 6] };
const ATTRIBUTE: MessageType = { bytes: 100, messages: { 2: VALUE }, once: [2] };
VALUE_MESSAGES[5] = { bytes: 200, messages: { 1: VALUE }, isValueList: true };
VALUE_MESSAGES[6] = { bytes: 200, messages: { 1: ATTRIBUTE }, isValueList: true };
const EXEMPLAR: MessageType = { bytes: 400, messages: { 7: ATTRIBUTE } };
const NUMBER_POINT: MessageType = {
  bytes: 300,
  messages: { 5: EXEMPLAR, 7: ATTRIBUTE },
  isPoint: true,
};
const HISTOGRAM_POINT: MessageType = {
  bytes: 400,
  messages: { 8: EXEMPLAR, 9: ATTRIBUTE },
  numbers: { 6: FIXED64, 7: FIXED64 },
  isPoint: true,
};
const BUCKETS: MessageType = { bytes: 200, messages: {}, numbers: { 2: VARINT } };
const EXPONENTIAL_POINT: MessageType = {
  bytes: 400,
  messages: { 1: ATTRIBUTE, 8: BUCKETS, 9: BUCKETS, 11: EXEMPLAR },
  once: [8, 9],
  isPoint: true,
};
const QUANTILE: MessageType = { bytes: 100, messages: {} };
const SUMMARY_POINT: MessageType = {
  bytes: 300,
  messages: { 6: QUANTILE, 7: ATTRIBUTE },
  isPoint: true,
};
const NUMBERS: MessageType = { bytes: 300, messages: { 1: NUMBER_POINT } };
const METRIC: MessageType = {
  bytes: 300,
  messages: {
    5: NUMBERS,
    7: NUMBERS,
    9: { bytes: 300, messages: { 1: HISTOGRAM_POINT } },
    10: { bytes: 300, messages: { 1: EXPONENTIAL_POINT } },
    11: { bytes: 300, messages: { 1: SUMMARY_POINT } },
    12: ATTRIBUTE,
  },
  once: [5, 7, 9, 10, 11],
};
const SCOPE: MessageType = { bytes: 300, messages: { 3: ATTRIBUTE } };
const SCOPE_METRICS: MessageType = { bytes: 300, messages: { 1: SCOPE, 2: METRIC }, once: [1] };
const RESOURCE: MessageType = { bytes: 300, messages: { 1: ATTRIBUTE } };
const RESOURCE_METRICS: MessageType = {
  bytes: 300,
  messages: { 1: RESOURCE, 2: SCOPE_METRICS },
  once: [1],
};
const REQUEST: MessageType = { bytes: 0, messages: { 1: RESOURCE_METRICS } };

/**
 * Checks that no value reaches beyond the message that holds it, and bounds what a
 * request becomes. Nothing is allocated.
 *
 * @throws {DecodeError} When the bytes are malformed, with the byte offset.
 */
export function scanRequest(bytes: Uint8Array): number {
  const scanner = new Scanner(bytes);
  scanner.message(REQUEST, bytes.length);
  // The text that all texts of the request are slices of.
  return scanner.memory + bytes.length;
}

class Scanner {
  memory = 0;
  readonly #bytes: Uint8Array;
  #pos = 0;
  #points = 0;
  #valueDepth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Walks over the fields of a message that ends at `end`. */
  message(type: MessageType, end: number): void {
    this.memory += type.bytes;
    if (type.isPoint && ++this.#points > MAX_POINTS) {
      this.#fail(`more than ${MAX_POINTS} data points`);
    }
    if (type.isValueList && ++this.#valueDepth > MAX_VALUE_DEPTH) {
      this.#fail(`an attribute value nested deeper than ${MAX_VALUE_DEPTH} lists`);
    }
    let seen = 0;
    let numbers = 0;
    while (this.#pos < end) {
      const start = this.#pos;
      const tag = this.#varint(end);
      if (tag < 1 << 3 || tag > 0xffff_ffff) this.#fail(`${tag} is not the tag of a field`, start);
      const field = Math.floor(tag / 8);
      const wireType = tag & 7;
      const nested = wireType === BYTES ? type.messages[field] : undefined;
      if (nested === undefined) {
        numbers += this.#value(wireType, type.numbers?.[field], end);
        if (numbers > MAX_NUMBERS) this.#fail(`more than ${MAX_NUMBERS} numbers in a data point`);
        continue;
      }
      if (type.once?.includes(field)) {
        if (seen >> field & 1) this.#fail(`field ${field} a second time in one message`, start);
        seen |= 1 << field;
      }
      this.message(nested, this.#end(end));
    }
    this.memory += numbers * NUMBER_BYTES;
    if (type.isValueList) this.#valueDepth--;
  }

  /** Walks over a value that is no message. */
  #value(wireType: number, items: number | undefined, end: number): number {
    let numbers = items === wireType ? 1 : 0;
    if (wireType === VARINT) this.#varint(end);
    else if (wireType === FIXED64) this.#skip(8, end);
    else if (wireType === FIXED32) this.#skip(4, end);
    else if (wireType !== BYTES) this.#fail(`no OTLP message has the wire type ${wireType}`);
    else {
      const valueEnd = this.#end(end);
      if (items === VARINT) {
        for (; this.#pos < valueEnd; this.#varint(valueEnd)) numbers++;
      } else if (items === FIXED64) {
        numbers = (valueEnd - this.#pos) / 8;
        if (numbers % 1 !== 0) this.#fail("packed items of 8 bytes do not fill their field");
      }
      this.#pos = valueEnd;
    }
    return numbers;
  }

  /** Reads the length of a value; gives where that ends. */
  #end(messageEnd: number): number {
    const start = this.#pos;
    const length = this.#varint(messageEnd);
    if (length > messageEnd - this.#pos) {
      this.#fail(`a field of ${length} bytes runs past its message`, start);
    }
    return this.#pos + length;
  }

  /** Reads a varint; inexact beyond 2^53, where it is only compared. */
  #varint(end: number): number {
    const start = this.#pos;
    let value = 0;
    let unit = 1;
    for (;;) {
      if (this.#pos >= end) this.#fail("the message ends within a value");
      const byte = this.#bytes[this.#pos++] ?? 0;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      if (this.#pos - start >= MAX_VARINT_BYTES) this.#fail("a varint of over ten bytes", start);
      unit *= 0x80;
    }
  }

  #skip(length: number, end: number): void {
    if (this.#pos + length > end) this.#fail("the message ends within a value");
    this.#pos += length;
  }

  #fail(problem: string, offset: number = this.#pos): never {
    throw new DecodeError({ offset }, problem);
  }
}
