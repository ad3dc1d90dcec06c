import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeMetrics as decodeLibrary } from "../../lib/otlp/decode.ts";
import { DecodeError } from "../../lib/otlp/limits.ts";
import { bytesOf, nested, requestOf, type Write } from "./messages.ts";
import { capture } from "./relay.ts";
import { decodeMetrics } from "./plain.ts";

/** Far more than any of these takes, in milliseconds; a hang is longer. */
const PATIENCE_MS = 5_000;

/** Decodes, and lets nothing but a DecodeError through; says whether it was one. */
function isRefused(bytes: Uint8Array): boolean {
  try {
    decodeMetrics(bytes);
    return false;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    assert("offset" in error.place && error.place.offset <= bytes.length);
    return true;
  }
}

/** A message in field `outer` with `bytes` zeros as the packed numbers of field `inner`. */
function packed(outer: number, inner: number, bytes: number): Write {
  const point: Write = (writer) => writer.writeBytesField(inner, new Uint8Array(bytes));
  return nested(outer, outer === 9 ? nested(1, point) : point);
}

Deno.test.each([
  { what: "a tag without a value", bytes: [0x0a], offset: 1 },
  { what: "a length beyond the end", bytes: [0x0a, 0x05, 0x12], offset: 1 },
  {
    what: "a nested length beyond its message",
    bytes: [0x0a, 2, 0x12, 2, 0x0a, 0, 0x0a, 0],
    offset: 3,
  },
  { what: "a value beyond its message", bytes: [0x0a, 1, 0x18, 0x00], offset: 3 },
  { what: "64 bits beyond their message", bytes: [0x0a, 2, 0x19, ...Array(9).fill(0)], offset: 3 },
  { what: "a length of 2^63", bytes: [0x0a, ...Array(8).fill(0xff), 0xff, 0x01], offset: 1 },
  { what: "a varint of eleven bytes", bytes: [0x08, ...Array(10).fill(0x80), 0x01], offset: 1 },
  { what: "a varint that ends early", bytes: [0x08, 0x80, 0x80], offset: 3 },
  { what: "64 bits that end early", bytes: [0x09, 1, 2, 3], offset: 1 },
  { what: "32 bits that end early", bytes: [0x0d, 1, 2, 3], offset: 1 },
  { what: "field number 0", bytes: [0x02, 0x00], offset: 0 },
  { what: "the start of a group", bytes: [0x0b], offset: 1 },
  { what: "the end of a group", bytes: [0x0c], offset: 1 },
  { what: "wire type 7", bytes: [0x0f], offset: 1 },
  { what: "a tag of 64 bits", bytes: [...Array(9).fill(0xff), 0x01], offset: 0 },
])("decodeMetrics() refuses $what with its offset", ({ bytes, offset }) => {
  const error = assertThrows(() => decodeMetrics(Uint8Array.from(bytes)), DecodeError);

  assertEquals(error.place, { offset });
  assert(error.message.startsWith(`Cannot decode OTLP metrics at byte ${offset}: `), error.message);
});

Deno.test("decodeMetrics() refuses packed items that do not fill their field", () => {
  const bytes = requestOf(nested(
    9,
    nested(1, (writer) => {
      writer.writeTag(6, 2);
      writer.writeBytes(new Uint8Array(9));
    }),
  ));

  assertThrows(() => decodeMetrics(bytes), DecodeError, "packed items");
});

Deno.test("decodeMetrics() refuses every request of Fluent Bit that was cut short", () => {
  const bytes = capture("nostats-after-load");

  for (let length = 1; length < bytes.length; length++) {
    assert(isRefused(bytes.subarray(0, length)), `cut at ${length}`);
  }
});

Deno.test("decodeMetrics() neither crashes nor hangs on random bytes", () => {
  const started = performance.now();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      isRefused(bytes);
    }),
    { numRuns: 5_000 },
  );
  assert(performance.now() - started < PATIENCE_MS);
});

Deno.test("decodeMetrics() neither crashes nor hangs on a request with bytes changed", () => {
  const original = capture("dp2-during-load");
  const change = fc.tuple(fc.nat(original.length - 1), fc.nat(255));
  const started = performance.now();
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
      const bytes = original.slice();
      for (const [at, byte] of changes) bytes[at] = byte;
      isRefused(bytes);
    }),
    { numRuns: 1_000 },
  );
  assert(performance.now() - started < PATIENCE_MS);
});

Deno.test("decodeMetrics() bounds how many points a small body makes", () => {
  // Two bytes a point: a body of 4 MB would become some 200 MB of points.
  const points = new Uint8Array(4_000_000);
  for (let at = 0; at < points.length; at += 2) points[at] = 0x0a;
  const bytes = requestOf((metric) => metric.writeBytesField(5, points));

  assertThrows(() => decodeMetrics(bytes), DecodeError, "more than 120000 data points");
});

Deno.test("decodeMetrics() bounds the numbers of a point, however they are written", () => {
  for (const bytes of [80_008, 40_008]) {
    const list: Write = (writer) => writer.writeBytesField(6, new Uint8Array(bytes));
    const lists = Array<Write>(Math.ceil(80_008 / bytes)).fill(list);
    const request = requestOf(nested(9, nested(1, ...lists)));

    assertThrows(() => decodeMetrics(request), DecodeError, "more than 10000 numbers");
  }
});

Deno.test.each<[what: string, bytes: Uint8Array, least: number]>([
  ["eight bytes a count", requestOf(packed(9, 6, 72_000)), 500_000],
  ["one byte a count", requestOf(nested(10, nested(1, packed(8, 2, 9_000)))), 500_000],
  ["empty metrics", bytesOf(nested(1, packed(2, 2, 0), ...Array(5).fill(nested(2)))), 1_500],
])("decodeMetrics() tells the memory of %s before it is taken", (_, bytes, least) => {
  const full = new Error("no memory");
  const reserve = (wanted: number): void => {
    assert(wanted > least && wanted < 100_000_000, `${wanted} bytes`);
    throw full;
  };
  assertEquals(assertThrows(() => decodeLibrary(bytes, reserve)), full);
});

Deno.test("decodeMetrics() refuses nesting without end", () => {
  let value: Uint8Array = new Uint8Array();
  for (let depth = 0; depth < 2_000; depth++) {
    const inner = value;
    value = bytesOf(nested(5, (array) => array.writeBytesField(1, inner)));
  }
  const request = requestOf(nested(12, (attribute) => attribute.writeBytesField(2, value)));

  assertThrows(() => decodeMetrics(request), DecodeError, "nested deeper");
});
