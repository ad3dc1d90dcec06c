/** Reading the messages of a metrics request. */

import { type DecodeOptions, DEFAULT_MAX_MESSAGES } from "./decode_options.ts";
import type { KeyValue, NanoTime } from "./model.ts";
import { NumberReader } from "./number_reader.ts";

/**
 * Reads the value of the field `tag` into `target`. A field that it does not
 * know, or that has another wire type than it should, it leaves alone: the
 * reader passes over it, as protobuf demands.
 */
export type ReadField<T> = (reader: RequestReader, tag: number, target: T) => void;

/** Bytes that a message becomes in memory: measured for points and attributes. */
export const MESSAGE_BYTES = 256;

/** An attribute read before, and where its bytes lie. */
export interface AttributeBefore {
  /** Its first byte. */
  start: number;
  /** The byte after its last. */
  end: number;
  /** What it was read as. */
  attribute: KeyValue;
}

/** A reader of nested messages that bounds how many there are. */
export class RequestReader extends NumberReader {
  /** What was last read as first, second, … attribute; most points repeat it. */
  readonly attributesBefore: (AttributeBefore | undefined)[] = [];
  /** How deep the attribute value being read is nested. */
  valueDepth = 0;
  #messagesLeft: number;
  #timeLow = 0;
  #timeHigh = 0;
  #time: NanoTime = "0";

  /**
   * Starts at the first field.
   *
   * @param bytes The request.
   * @param options How many nested messages it may hold, and who counts the memory.
   */
  constructor(bytes: Uint8Array, options: DecodeOptions) {
    super(bytes, options.reserve);
    this.#messagesLeft = options.maxMessages ?? DEFAULT_MAX_MESSAGES;
  }

  /**
   * Reads all fields up to `end`.
   *
   * @param readField Reads one field.
   * @param target Where it reads them to.
   * @param end Where the message ends.
   * @throws {DecodeError} When its fields do not end there.
   */
  readAll<T>(readField: ReadField<T>, target: T, end: number = this.messageEnd): void {
    const outerEnd = this.messageEnd;
    this.messageEnd = end;
    while (this.pos < end) {
      const tag = this.tag();
      const valueStart = this.pos;
      readField(this, tag, target);
      if (this.pos === valueStart) this.skipValue(tag);
    }
    this.messageEnd = outerEnd;
  }

  /**
   * Reads a nested message into `target`.
   *
   * @param readField Reads one field.
   * @param target Where it reads them to.
   * @returns `target`.
   * @throws {DecodeError} When it is malformed, or one message too many.
   */
  message<T>(readField: ReadField<T>, target: T): T {
    const end = this.valueEnd();
    if (--this.#messagesLeft < 0) this.fail("more points and attributes than one request may hold");
    this.reserve(MESSAGE_BYTES);
    this.readAll(readField, target, end);
    return target;
  }

  /**
   * Reads a `fixed64` that is a time; most points of a request have the same.
   *
   * @returns The nanoseconds as text.
   * @throws {DecodeError} When the message ends within it.
   */
  nanoTime(): NanoTime {
    const at = this.take64();
    const low = this.view.getUint32(at, true);
    const high = this.view.getUint32(at + 4, true);
    if (low !== this.#timeLow || high !== this.#timeHigh) {
      this.#timeLow = low;
      this.#timeHigh = high;
      this.#time = this.view.getBigUint64(at, true).toString();
    }
    return this.#time;
  }
}
