/** Reading the numbers of protobuf exactly. */

import { toInt64 } from "./int64.ts";
import type { Int64 } from "./model.ts";
import { WireReader } from "./wire_reader.ts";

/** Upper half from which 64 bits reach 2^53 and need a bigint. */
const UNSAFE_HIGH = 0x20_0000;

/** Bytes that a number in a list becomes: itself, its copy once repaired, and its text. */
export const NUMBER_BYTES = 80;

/** A reader of all number types that OTLP uses. */
export class NumberReader extends WireReader {
  /** Reads a `double`. */
  double(): number {
    return this.view.getFloat64(this.take64(), true);
  }

  /** Reads a `fixed64`. */
  fixed64(): Int64 {
    const at = this.take64();
    const high = this.view.getUint32(at + 4, true);
    if (high >= UNSAFE_HIGH) return this.view.getBigUint64(at, true);
    return high * 0x1_0000_0000 + this.view.getUint32(at, true);
  }

  /** Reads an `sfixed64`. */
  sfixed64(): Int64 {
    const at = this.take64();
    const high = this.view.getInt32(at + 4, true);
    if (high >= UNSAFE_HIGH || high <= -UNSAFE_HIGH) {
      return toInt64(this.view.getBigInt64(at, true));
    }
    return high * 0x1_0000_0000 + this.view.getUint32(at, true);
  }

  /** Reads packed `fixed64` items to the end of `into`. */
  fixed64s(into: Int64[]): void {
    const end = this.#end64s();
    while (this.pos < end) into.push(this.fixed64());
  }

  /** Reads packed `double` items to the end of `into`. */
  doubles(into: number[]): void {
    const end = this.#end64s();
    while (this.pos < end) into.push(this.double());
  }

  /** Reads packed `uint64` items to the end of `into`. */
  uint64s(into: Int64[]): void {
    const outerEnd = this.messageEnd;
    this.messageEnd = this.valueEnd();
    this.reserve((this.messageEnd - this.pos) * NUMBER_BYTES);
    while (this.pos < this.messageEnd) into.push(this.uint64());
    this.messageEnd = outerEnd;
  }

  /** Reads a `uint64`. */
  uint64(): Int64 {
    const value = this.varint();
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  /** Reads an `int64`. */
  int64(): bigint {
    return BigInt.asIntN(64, BigInt(this.varint()));
  }

  /** Reads a `uint32`. */
  uint32(): number {
    const value = this.varint();
    if (typeof value === "number" && value <= 0xffff_ffff) return value;
    return Number(BigInt.asUintN(32, BigInt(value)));
  }

  /** Reads an `int32` or an enum. */
  int32(): number {
    return this.uint32() | 0;
  }

  /** Reads a `sint32`. */
  sint32(): number {
    const value = this.uint32();
    return value >>> 1 ^ -(value & 1);
  }

  /** Reads a `bool`. */
  bool(): boolean {
    return this.varint() > 0;
  }

  #end64s(): number {
    const end = this.valueEnd();
    if ((end - this.pos) % 8 !== 0) this.fail("packed items of 8 bytes do not fill their field");
    this.reserve((end - this.pos) / 8 * NUMBER_BYTES);
    return end;
  }
}
