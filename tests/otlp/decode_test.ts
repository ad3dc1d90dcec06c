import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeMetrics, decodeMetricsJson } from "../../lib/otlp/decode.ts";
import type {
  ExportMetricsServiceRequest,
  HistogramDataPoint,
  Metric,
} from "../../lib/otlp/gen/metrics.ts";
import { RequestError } from "../../lib/otlp/http.ts";
import { bytesOf, nested, requestJson, requestOf, type Write } from "./messages.ts";
import { capture, relayedMetric, tidy } from "./relay.ts";

/** Far more than any of these takes, in milliseconds; a hang is longer. */
const PATIENCE_MS = 5_000;

function metricIn({ resourceMetrics: [resource] }: ExportMetricsServiceRequest): Metric {
  const metric = resource?.scopeMetrics[0]?.metrics[0];
  if (metric === undefined) throw new Error("There is no metric");
  return metric;
}

/** Decodes, and lets nothing but a refusal through; says whether it was one. */
function isRefused(bytes: Uint8Array, decode = decodeMetrics): boolean {
  try {
    decode(bytes);
    return false;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return true;
  }
}

/** A `fixed64` as 8 bytes, which pbf writes exactly only up to 2^53. */
function fixed64(field: number, value: bigint): Write {
  return (writer) => {
    writer.writeTag(field, 1);
    writer.realloc(8);
    writer.dataView.setBigUint64(writer.pos, value, true);
    writer.pos += 8;
  };
}

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

function text(field: number, value: string): Write {
  return (writer) => writer.writeStringField(field, value);
}

function histogramPoint(...writes: Write[]): HistogramDataPoint | undefined {
  const request = decodeMetrics(requestOf(nested(9, nested(1, ...writes))));
  return metricIn(request).histogram?.dataPoints[0];
}

Deno.test("packed, unpacked and mixed repeated fields of protobuf are read alike", () => {
  const packed = histogramPoint(
    (writer) => writer.writePackedFixed64(6, [1, 2, 3]),
    (writer) => writer.writePackedDouble(7, [0.5, 1]),
  );
  const unpacked = histogramPoint(
    ...[1n, 2n, 3n].map((count) => fixed64(6, count)),
    (writer) => writer.writeDoubleField(7, 0.5),
    (writer) => writer.writeDoubleField(7, 1),
  );
  const mixed = histogramPoint(
    (writer) => writer.writePackedFixed64(6, [1, 2]),
    (writer) => writer.writeDoubleField(7, 0.5),
    fixed64(6, 3n),
    (writer) => writer.writePackedDouble(7, [1]),
  );

  assertEquals(packed?.bucketCounts, ["1", "2", "3"]);
  assertEquals(packed?.explicitBounds, [0.5, 1]);
  assertEquals([unpacked, mixed], [packed, packed]);
});

Deno.test("64-bit counts and times of protobuf are exact", () => {
  const point = histogramPoint(
    fixed64(2, 2n ** 64n - 1n),
    fixed64(3, 1795493687995061749n),
    fixed64(4, 2n ** 53n + 1n),
    ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n].map((count) => fixed64(6, count)),
  );
  const side = nested(
    8,
    varint(2, 2n ** 53n, 8),
    varint(2, 2n ** 64n - 1n, 10),
    // Longer than need be, and with more than 64 bits.
    varint(2, 5n, 10),
    varint(2, 2n ** 69n + 5n, 10),
  );
  const exponential = metricIn(decodeMetrics(requestOf(nested(10, nested(1, side)))));
  const sum = metricIn(decodeMetrics(requestOf(nested(7, varint(2, 2n ** 64n - 1n, 10)))));

  assertEquals([point?.startTimeUnixNano, point?.timeUnixNano, point?.count], [
    "18446744073709551615",
    "1795493687995061749",
    "9007199254740993",
  ]);
  assertEquals(point?.bucketCounts, [
    "9007199254740991",
    "9007199254740992",
    "18446744073709551615",
  ]);
  assertEquals(exponential.exponentialHistogram?.dataPoints[0]?.positive?.bucketCounts, [
    "9007199254740992",
    "18446744073709551615",
    "5",
    "5",
  ]);
  assertEquals(sum.sum?.aggregationTemporality, -1);
});

Deno.test.each([0n, -1n, 2n ** 53n, -(2n ** 63n)].map((value): [bigint] => [value]))(
  "the integer %s of protobuf is read",
  (value) => {
    const bytes = requestOf(nested(5, nested(1, fixed64(6, BigInt.asUintN(64, value)))));

    assertEquals(metricIn(decodeMetrics(bytes)).gauge?.dataPoints[0]?.asInt, String(value));
  },
);

Deno.test("unknown fields of each wire type, and known ones of another, are passed over", () => {
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
  const point = histogramPoint(
    (writer) => writer.writeVarintField(4, 7),
    text(5, "a text for a sum"),
    (writer) => writer.writeVarintField(6, 7),
    fixed64(4, 9n),
  );

  assertEquals(metricIn(decodeMetrics(bytes)).name, "m");
  assertEquals([point?.count, point?.sum, point?.bucketCounts], ["9", undefined, []]);
});

Deno.test("protobuf keeps a byte order mark, and what is not UTF-8 is replaced", () => {
  const broken: Write = (writer) => writer.writeBytesField(2, Uint8Array.of(0x61, 0xff, 0x62));
  const bytes = requestOf(text(1, "\ufeffa longer name"), broken);
  const buffer = new Uint8Array(bytes.length + 20).fill(0xff);
  buffer.set(bytes, 7);

  // A part of a larger buffer.
  const { name, description } = metricIn(decodeMetrics(buffer.subarray(7, 7 + bytes.length)));

  assertEquals([name, description], ["\ufeffa longer name", "a\ufffdb"]);
  assertEquals(decodeMetrics(new Uint8Array()), { resourceMetrics: [] });
});

Deno.test.each([
  { what: "a tag without a value", bytes: [0x0a] },
  { what: "a length beyond the end", bytes: [0x0a, 0x05, 0x12] },
  { what: "a nested length beyond its message", bytes: [0x0a, 2, 0x12, 2, 0x0a, 0, 0x0a, 0] },
  { what: "a value beyond its message", bytes: [0x0a, 1, 0x18, 0x00] },
  { what: "64 bits beyond their message", bytes: [0x0a, 2, 0x19, ...Array(9).fill(0)] },
  { what: "a length of 2^63", bytes: [0x0a, ...Array(8).fill(0xff), 0xff, 0x01] },
  { what: "a varint that ends early", bytes: [0x08, 0x80, 0x80] },
  { what: "64 bits that end early", bytes: [0x09, 1, 2, 3] },
  { what: "32 bits that end early", bytes: [0x0d, 1, 2, 3] },
  { what: "field number 0", bytes: [0x02, 0x00] },
  { what: "the end of a group", bytes: [0x0c] },
  { what: "wire type 7", bytes: [0x0f] },
  { what: "a tag of 64 bits", bytes: [...Array(9).fill(0xff), 0x01] },
])("protobuf with $what is refused with its place", ({ bytes }) => {
  const error = assertThrows(() => decodeMetrics(Uint8Array.from(bytes)), RequestError);

  assertEquals(error.status, 400);
  assertMatch(error.message, /^Cannot decode OTLP metrics at byte \d+: ./);
});

Deno.test("every request of Fluent Bit that was cut short is refused", () => {
  const bytes = capture("nostats-after-load");

  for (let length = 1; length < bytes.length; length++) {
    assert(isRefused(bytes.subarray(0, length)), `cut at ${length}`);
  }
});

Deno.test("random and changed bytes, and random JSON, are read or refused", () => {
  const original = capture("dp2-during-load");
  const change = fc.tuple(fc.nat(original.length - 1), fc.nat(255));
  const names = ["resourceMetrics", "scopeMetrics", "metrics", "gauge", "histogram", "dataPoints"];
  const fields = ["attributes", "key", "value", "count", "bucketCounts", "asDouble", "exemplars"];
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 9 },
      fc.oneof(fc.integer(), fc.double(), fc.string(), fc.boolean(), fc.constant(null)),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names, ...fields), tie("tree"), { maxKeys: 4 }),
    ),
  }));
  const started = performance.now();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void isRefused(bytes)),
    { numRuns: 3_000 },
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
      const bytes = original.slice();
      for (const [at, byte] of changes) bytes[at] = byte;
      isRefused(bytes);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(tree, (value) => {
      isRefused(new TextEncoder().encode(JSON.stringify(value)), decodeMetricsJson);
    }),
    { numRuns: 2_000 },
  );
  assert(performance.now() - started < PATIENCE_MS);
});

Deno.test("nesting without end is refused", () => {
  let value: Uint8Array = new Uint8Array();
  for (let depth = 0; depth < 2_000; depth++) {
    const inner = value;
    value = bytesOf(nested(5, (array) => array.writeBytesField(1, inner)));
  }
  const deep = (depth: number, open: string, close: string): Uint8Array =>
    new TextEncoder().encode(
      requestJson("x").replace(
        '"x"',
        `{"metadata":[{"value":${open.repeat(depth)}{}${close.repeat(depth)}}]}`,
      ),
    );

  assert(isRefused(requestOf(nested(12, (attribute) => attribute.writeBytesField(2, value)))));
  assert(isRefused(deep(100_000, '{"arrayValue":{"values":[', "]}}"), decodeMetricsJson));
});

/** A message in field `outer` with `bytes` zeros as the packed numbers of field `inner`. */
function packed(outer: number, inner: number, bytes: number): Write {
  const point: Write = (writer) => writer.writeBytesField(inner, new Uint8Array(bytes));
  return nested(outer, outer === 9 ? nested(1, point) : point);
}

const utf8 = (json: string): Uint8Array => new TextEncoder().encode(json);

Deno.test.each<[what: string, bytes: Uint8Array, least: number, decode: typeof decodeMetrics]>([
  ["eight bytes a count", requestOf(packed(9, 6, 72_000)), 500_000, decodeMetrics],
  [
    "one byte a count",
    requestOf(nested(10, nested(1, packed(8, 2, 9_000)))),
    500_000,
    decodeMetrics,
  ],
  [
    "empty metrics",
    bytesOf(nested(1, packed(2, 2, 0), ...Array(5).fill(nested(2)))),
    1_500,
    decodeMetrics,
  ],
  ["JSON lists", utf8("[".repeat(100_000)), 5_000_000, decodeMetricsJson],
  ["JSON numbers", utf8(`[${"0,".repeat(100_000)}`), 5_000_000, decodeMetricsJson],
  ["JSON objects", utf8(`{"a":0,`.repeat(50_000)), 5_000_000, decodeMetricsJson],
])("the memory of %s is reserved before it is taken", (_, bytes, least, decode) => {
  const full = new RequestError(503, "no memory");
  const reserve = (wanted: number): void => {
    assert(wanted > least && wanted < 100_000_000, `${wanted} bytes`);
    throw full;
  };
  assertEquals(assertThrows(() => decode(bytes, reserve)), full);
});

/** The first point of the only metric, of JSON with these fields. */
function pointOf(kind: "gauge" | "histogram", fields: string): Record<string, unknown> {
  const json = requestJson({ [kind]: { dataPoints: ["x"] } }).replace('"x"', `{${fields}}`);
  return { ...metricIn(decodeMetricsJson(utf8(json)))[kind]?.dataPoints[0] };
}

Deno.test.each([
  ['"asDouble":1.5', { asDouble: 1.5 }],
  ['"asDouble":"-1.5e3"', { asDouble: -1500 }],
  ['"asDouble":"NaN"', { asDouble: NaN }],
  ['"asDouble":"-Infinity"', { asDouble: -Infinity }],
  ['"asInt":"7"', { asInt: "7" }],
  ['"asInt":7', { asInt: "7" }],
  ['"asInt":9007199254740993', { asInt: "9007199254740993" }],
  ['"asInt":-9223372036854775808', { asInt: "-9223372036854775808" }],
  ['"asDouble":null,"asInt":3', { asInt: "3" }],
  ['"asDouble":null', {}],
])("JSON has the value %s", (fields, value) => {
  const { asDouble, asInt } = pointOf("gauge", fields);

  assertEquals({ asDouble, asInt }, { asDouble: undefined, asInt: undefined, ...value });
});

Deno.test("long integers without quotes stay exact, long digits within texts and doubles as they are", () => {
  const point = pointOf(
    "histogram",
    '"timeUnixNano": 1795493687995061749, "count" :18446744073709551615,' +
      '"bucketCounts":[9007199254740993,"9007199254740993",1],' +
      '"explicitBounds":[1,12345678901234567890]',
  );
  const name = 'a "quote", 1234567890123456789, [1234567890123456789';
  const { metric } = relayedMetric({ name, gauge: { dataPoints: [{ asDouble: 0.123456789 }] } });

  assertEquals(tidy(point), {
    timeUnixNano: "1795493687995061749",
    count: "18446744073709551615",
    sum: undefined,
    min: undefined,
    max: undefined,
    bucketCounts: ["9007199254740993", "9007199254740993", "1"],
    explicitBounds: [1, 12345678901234567000],
  });
  assertEquals(metric, { name, gauge: { dataPoints: [{ asDouble: 0.123456789 }] } });
});

Deno.test.each([
  ["2", 2],
  ['"AGGREGATION_TEMPORALITY_DELTA"', 1],
  ["null", 0],
])("JSON has the temporality %s", (json, temporality) => {
  const histogram = `{"histogram":{"dataPoints":[],"aggregationTemporality":${json}}}`;
  const request = decodeMetricsJson(utf8(requestJson("x").replace('"x"', histogram)));

  assertEquals(metricIn(request).histogram?.aggregationTemporality, temporality);
});

Deno.test.each(["", "null", "[]", "7", '{"resourceMetrics":[', '{"resourceMetrics":[null]}'])(
  "%j is refused as no OTLP/JSON",
  (json) => {
    const error = assertThrows(() => decodeMetricsJson(utf8(json)), RequestError);

    assertEquals(error.status, 400);
    assertMatch(error.message, /^Cannot decode OTLP metrics: ./);
  },
);

Deno.test("JSON texts that do not end take no longer", () => {
  const started = performance.now();
  assert(
    isRefused(utf8(`{"a":12345678901234567,"b":"${'\\"'.repeat(200_000)}`), decodeMetricsJson),
  );
  assert(isRefused(utf8(`[1234567890123456789${",    ".repeat(200_000)}`), decodeMetricsJson));
  assert(isRefused(utf8("[".repeat(1_000_000)), decodeMetricsJson));
  assert(performance.now() - started < PATIENCE_MS);
});
