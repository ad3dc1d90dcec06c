/** Reading protobuf without trust in its bytes. */

import { Buffer } from "node:buffer";
import { PbfReader } from "pbf";
import { DecodeError } from "./decode_error.ts";
import type { Int64 } from "./model.ts";
import { WIRE_TYPE } from "./wire_tags.ts";

/** Longest varint, in bytes: 64 bits in groups of seven. */
const MAX_VARINT_BYTES = 10;

/** Longest varint that `pbf` reads exactly, in bytes: its 49 bits fit a double. */
const MAX_EXACT_VARINT_BYTES = 7;

// pbf's own decoder would take a byte order mark off the start of a text.
const TEXT_DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Adds to `pbf` what it leaves to its caller: no value reaches beyond the message
 * that holds it, and a length is checked before anything is allocated. Every
 * method throws a {@linkcode DecodeError} with the byte offset when the bytes are
 * not what it reads.
 */
export class WireReader {
  /** The outermost message. */
  readonly bytes: Uint8Array;
  /** Its bytes as numbers. */
  readonly view: DataView;
  /** The byte to read next. */
  pos = 0;
  /** Where the message being read ends. */
  messageEnd: number;
  /** Is told of memory before it is taken, in bytes. */
  readonly reserve: (bytes: number) => void;
  readonly #pbf: PbfReader;
  #latin1: string | undefined;

  /**
   * Starts at the first field.
   *
   * @param bytes The outermost message.
   * @param reserve Is told of memory before it is taken, in bytes, and may throw.
   */
  constructor(bytes: Uint8Array, reserve: (bytes: number) => void = () => {}) {
    this.bytes = bytes;
    this.reserve = reserve;
    this.#pbf = new PbfReader(bytes);
    this.view = this.#pbf.dataView;
    this.messageEnd = bytes.length;
  }

  /** Reads the tag of a field. */
  tag(): number {
    const start = this.pos;
    const tag = this.varint();
    if (tag < 1 << 3 || tag > 0xffff_ffff) this.fail(`${tag} is not the tag of a field`, start);
    return Number(tag);
  }

  /** Reads the length of a value and returns the position of its end. */
  valueEnd(): number {
    const start = this.pos;
    const bytes = this.varint();
    if (bytes > this.messageEnd - this.pos) {
      this.fail(`a field of ${bytes} bytes runs past its message`, start);
    }
    return this.pos + Number(bytes);
  }

  /** Reads a varint as 64 bits without a sign; a bigint when it has more than seven bytes. */
  varint(): Int64 {
    const start = this.pos;
    const first = this.bytes[start] ?? 0;
    if (first < 0x80 && start < this.messageEnd) {
      this.pos = start + 1;
      return first;
    }
    while ((this.bytes[this.#take(1)] ?? 0) >= 0x80) {
      if (this.pos - start >= MAX_VARINT_BYTES) this.fail("a varint of over ten bytes", start);
    }
    const end = this.pos;
    if (end - start <= MAX_EXACT_VARINT_BYTES) {
      this.#pbf.pos = start;
      return this.#pbf.readVarint();
    }
    let value = 0n;
    for (let at = end - 1; at >= start; at--) {
      value = value << 7n | BigInt((this.bytes[at] ?? 0) & 0x7f);
    }
    return BigInt.asUintN(64, value);
  }

  /** Reads a `string`; what is not UTF-8 becomes U+FFFD, for the rest is worth keeping. */
  text(): string {
    const { bytes } = this;
    const end = this.valueEnd();
    const start = this.pos;
    this.pos = end;
    let at = start;
    while (at < end && (bytes[at] ?? 0) < 0x80) at++;
    if (at < end) return TEXT_DECODER.decode(bytes.subarray(start, end));
    // A piece of one large text costs a tenth of a text of its own.
    this.#latin1 ??= Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    return this.#latin1.slice(start, end);
  }

  /** Reads `bytes`, without a copy. */
  slice(): Uint8Array {
    const end = this.valueEnd();
    const slice = this.bytes.subarray(this.pos, end);
    this.pos = end;
    return slice;
  }

  /** Passes over the value of a field that is not known. */
  skipValue(tag: number): void {
    const type = tag & 7;
    if (type === WIRE_TYPE.varint) this.varint();
    else if (type === WIRE_TYPE.fixed64) this.take64();
    else if (type === WIRE_TYPE.bytes) this.pos = this.valueEnd();
    else if (type === WIRE_TYPE.fixed32) this.#take(4);
    else this.fail(`no OTLP message has the wire type ${type}`);
  }

  /** Passes over 64 bits and returns where they are. */
  take64(): number {
    return this.#take(8);
  }

  /** Gives up with what is wrong at the byte offset `at`. */
  fail(problem: string, at: number = this.pos): never {
    throw new DecodeError({ offset: at }, problem);
  }

  #take(bytes: number): number {
    const at = this.pos;
    if (at + bytes > this.messageEnd) this.fail("the message ends within a value");
    this.pos = at + bytes;
    return at;
  }
}
