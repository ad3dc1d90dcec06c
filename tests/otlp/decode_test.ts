import { assertEquals, assertThrows } from "@std/assert";
import { bytesOf, dataOf, nested, requestOf, type Write } from "./messages.ts";
import { DecodeError, MAX_VALUE_DEPTH } from "../../lib/otlp/limits.ts";
import { decodeMetrics, type HistogramPoint } from "./plain.ts";

/** A `fixed64` as 8 bytes, which pbf writes exactly only up to 2^53. */
function fixed64(field: number, value: bigint): Write {
  return (writer) => {
    writer.writeTag(field, 1);
    writer.realloc(8);
    writer.dataView.setBigUint64(writer.pos, value, true);
    writer.pos += 8;
  };
}

function histogramPoint(...writes: Write[]): HistogramPoint | undefined {
  const data = dataOf(decodeMetrics(requestOf(nested(9, nested(1, ...writes)))));
  return data?.kind === "histogram" ? data.points[0] : undefined;
}

function text(field: number, value: string): Write {
  return (writer) => writer.writeStringField(field, value);
}

Deno.test("decodeMetrics() reads packed, unpacked and mixed repeated fields alike", () => {
  const packed = histogramPoint(
    (writer) => writer.writePackedFixed64(6, [1, 2, 3]),
    (writer) => writer.writePackedDouble(7, [0.5, 1]),
  );
  const unpacked = histogramPoint(
    ...[1, 2, 3].map((count) => fixed64(6, BigInt(count))),
    (writer) => writer.writeDoubleField(7, 0.5),
    (writer) => writer.writeDoubleField(7, 1),
  );
  const mixed = histogramPoint(
    (writer) => writer.writePackedFixed64(6, [1, 2]),
    (writer) => writer.writeDoubleField(7, 0.5),
    fixed64(6, 3n),
    (writer) => writer.writePackedDouble(7, [1]),
  );

  assertEquals(packed?.bucketCounts, [1, 2, 3]);
  assertEquals(packed?.explicitBounds, [0.5, 1]);
  assertEquals(unpacked, packed);
  assertEquals(mixed, packed);
});

Deno.test("decodeMetrics() keeps 64-bit counts and times exact", () => {
  const point = histogramPoint(
    fixed64(2, 2n ** 64n - 1n),
    fixed64(3, 1795493687995061749n),
    fixed64(4, 2n ** 53n + 1n),
    fixed64(6, 2n ** 53n - 1n),
    fixed64(6, 2n ** 53n),
    fixed64(6, 2n ** 64n - 1n),
  );

  assertEquals(point?.startTimeUnixNano, "18446744073709551615");
  assertEquals(point?.timeUnixNano, "1795493687995061749");
  assertEquals(point?.count, 9007199254740993n);
  assertEquals(point?.bucketCounts, [9007199254740991, 9007199254740992n, 2n ** 64n - 1n]);
});

/** A varint of so many bytes, which pbf writes exactly only up to 2^53. */
function varint(field: number, value: bigint, bytes: number): Write {
  return (writer) => {
    writer.writeTag(field, 0);
    writer.realloc(bytes);
    for (let left = bytes; left > 0; left--) {
      writer.buf[writer.pos++] = Number(value & 0x7fn) | (left > 1 ? 0x80 : 0);
      value >>= 7n;
    }
  };
}

Deno.test("decodeMetrics() keeps varint counts exact, and to 64 bits", () => {
  const data = dataOf(decodeMetrics(requestOf(nested(
    10,
    nested(
      1,
      nested(
        8,
        varint(2, 2n ** 49n - 1n, 7),
        varint(2, 2n ** 53n - 1n, 8),
        varint(2, 2n ** 53n, 8),
        varint(2, 2n ** 64n - 1n, 10),
        // Longer than need be, and with more than 64 bits.
        varint(2, 5n, 10),
        varint(2, 2n ** 69n + 5n, 10),
      ),
    ),
  ))));

  const [point] = data?.kind === "exponential_histogram" ? data.points : [];
  assertEquals(point?.positive?.bucketCounts, [
    2 ** 49 - 1,
    2 ** 53 - 1,
    2n ** 53n,
    2n ** 64n - 1n,
    5,
    5,
  ]);
});

Deno.test.each<bigint>([0n, -1n, 2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n, -(2n ** 63n)])(
  "decodeMetrics() reads the integer %s as a number where that is exact",
  (value) => {
    const point = nested(1, fixed64(6, BigInt.asUintN(64, value)));
    const data = dataOf(decodeMetrics(requestOf(nested(5, point))));

    const [read] = data?.kind === "gauge" ? data.points : [];
    assertEquals(read?.value, Number.isSafeInteger(Number(value)) ? Number(value) : value);
  },
);

Deno.test("decodeMetrics() reads negative enums, which other senders may come up with", () => {
  const data = dataOf(decodeMetrics(requestOf(nested(7, varint(2, 2n ** 64n - 1n, 10)))));

  assertEquals(data?.kind === "sum" ? data.temporality : undefined, -1);
});

Deno.test("decodeMetrics() passes over fields it does not know, of each wire type", () => {
  const unknown: Write[] = [
    (writer) => writer.writeVarintField(1000, 1),
    (writer) => writer.writeDoubleField(1001, 1),
    text(1002, "hi"),
    (writer) => writer.writeFixed32Field(1003, 1),
  ];
  const bytes = bytesOf(
    ...unknown,
    nested(1, ...unknown, nested(2, ...unknown, nested(2, ...unknown, text(1, "m"), ...unknown))),
  );

  assertEquals(decodeMetrics(bytes).resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.name, "m");
});

Deno.test("decodeMetrics() passes over a known field with another wire type", () => {
  const point = histogramPoint(
    (writer) => writer.writeVarintField(4, 7),
    text(5, "a text for a sum"),
    (writer) => writer.writeVarintField(6, 7),
    fixed64(4, 9n),
  );

  assertEquals(point?.count, 9);
  assertEquals(point?.sum, undefined);
  assertEquals(point?.bucketCounts, []);
});

Deno.test("decodeMetrics() takes the last of two kinds", () => {
  const point = nested(1, (writer) => writer.writeDoubleField(4, 1));
  const changed = dataOf(decodeMetrics(requestOf(nested(5, point), nested(11))));

  assertEquals(changed, { kind: "summary", points: [] });
});

Deno.test.each<[what: string, bytes: Uint8Array]>([
  ["a resource", bytesOf(nested(1, nested(1), nested(1)))],
  ["a scope", bytesOf(nested(1, nested(2, nested(1), nested(1))))],
  ["a gauge", requestOf(nested(5), nested(5))],
  ["a side of a histogram", requestOf(nested(10, nested(1, nested(8), nested(8))))],
  ["a value", requestOf(nested(12, nested(2), nested(2)))],
  ["a list in a value", requestOf(nested(12, nested(2, nested(5), nested(5))))],
])(
  "decodeMetrics() refuses %s that is sent twice: no sender does, and one would be lost",
  (_, bytes) => {
    assertThrows(() => decodeMetrics(bytes), DecodeError, "a second time in one message");
  },
);

Deno.test("decodeMetrics() tells attributes apart that differ in one byte, be it the first", () => {
  const data = dataOf(decodeMetrics(requestOf(nested(
    5,
    nested(1, nested(7, text(1, "k"))),
    nested(1, nested(7, text(9, "k"))),
    nested(1, nested(7, text(1, "l"))),
    nested(1, nested(7, text(1, "ll"))),
  ))));

  const keys = data?.points.map(({ attributes }) => attributes[0]?.key);
  assertEquals(keys, ["k", "", "l", "ll"]);
});

Deno.test("decodeMetrics() keeps a byte order mark and replaces what is not UTF-8", () => {
  const broken: Write = (writer) => writer.writeBytesField(2, Uint8Array.of(0x61, 0xff, 0x62));
  const request = decodeMetrics(requestOf(text(1, "\ufeffa longer name"), broken));

  const metric = request.resourceMetrics[0]?.scopeMetrics[0]?.metrics[0];
  assertEquals(metric?.name, "\ufeffa longer name");
  assertEquals(metric?.description, "a\ufffdb");
});

Deno.test("decodeMetrics() bounds how deep attribute values are nested", () => {
  const nestedLists = (depth: number): Write =>
    depth === 0 ? text(1, "x") : nested(5, nested(1, nestedLists(depth - 1)));
  const attribute = (depth: number): Uint8Array =>
    requestOf(nested(12, text(1, "k"), nested(2, nestedLists(depth))));

  decodeMetrics(attribute(MAX_VALUE_DEPTH));
  assertThrows(() => decodeMetrics(attribute(MAX_VALUE_DEPTH + 1)), DecodeError, "nested deeper");
});

Deno.test("decodeMetrics() takes an empty body for a request without metrics", () => {
  assertEquals(decodeMetrics(new Uint8Array()), { resourceMetrics: [] });
});

Deno.test("decodeMetrics() reads a request that lies within a larger buffer", () => {
  const bytes = requestOf(text(1, "name within"));
  const buffer = new Uint8Array(bytes.length + 20).fill(0xff);
  buffer.set(bytes, 7);

  const request = decodeMetrics(buffer.subarray(7, 7 + bytes.length));

  assertEquals(request, decodeMetrics(bytes));
});
