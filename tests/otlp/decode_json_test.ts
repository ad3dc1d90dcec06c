import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeMetricsJson as decodeLibrary } from "../../lib/otlp/decode_json.ts";
import { dataOf } from "./messages.ts";
import { DecodeError, MAX_VALUE_DEPTH } from "../../lib/otlp/limits.ts";
import { decodeMetricsJson, type MetricsRequest } from "./plain.ts";

/** Far more than any of these takes, in milliseconds; a hang is longer. */
const PATIENCE_MS = 5_000;

function decode(json: string): MetricsRequest {
  return decodeMetricsJson(new TextEncoder().encode(json));
}

/** A request with one metric, given as JSON text of its fields. */
function metricJson(fields: string): string {
  return `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{${fields}}]}]}]}`;
}

function pointJson(kind: string, fields: string): string {
  return metricJson(`"${kind}":{"dataPoints":[{${fields}}]}`);
}

function firstPoint(kind: string, fields: string): unknown {
  return dataOf(decode(pointJson(kind, fields)))?.points[0];
}

Deno.test.each([
  ['"asDouble":1.5', 1.5],
  ['"asDouble":"-1.5e3"', -1500],
  ['"asDouble":"NaN"', NaN],
  ['"asDouble":"-Infinity"', -Infinity],
  ['"asInt":"7"', 7],
  ['"asInt":7', 7],
  ['"asInt":"9007199254740993"', 9007199254740993n],
  ['"asInt":9007199254740993', 9007199254740993n],
  ['"asInt":-9223372036854775808', -(2n ** 63n)],
  ['"asDouble":null,"asInt":3', 3],
  ['"asDouble":null', undefined],
])("decodeMetricsJson() reads the value of %s", (fields, value) => {
  const point = firstPoint("gauge", fields as string);

  assertEquals((point as { value: unknown }).value, value);
});

Deno.test("decodeMetricsJson() keeps long integers exact that stand without quotes", () => {
  const point = firstPoint(
    "histogram",
    '"timeUnixNano": 1795493687995061749, "count" :18446744073709551615,' +
      '"bucketCounts":[9007199254740993,"9007199254740993",1],"explicitBounds":[1,12345678901234567890]',
  );

  assertEquals(point, {
    attributes: [],
    startTimeUnixNano: "0",
    timeUnixNano: "1795493687995061749",
    flags: 0,
    count: 2n ** 64n - 1n,
    sum: undefined,
    bucketCounts: [9007199254740993n, 9007199254740993n, 1],
    explicitBounds: [1, 12345678901234567000],
    min: undefined,
    max: undefined,
    exemplars: [],
  });
});

Deno.test("decodeMetricsJson() leaves long digits within texts and doubles alone", () => {
  const name = 'a \\"quote\\", 1234567890123456789, [1234567890123456789';
  const request = decode(
    metricJson(`"name":"${name}","gauge":{"dataPoints":[{"asDouble":0.1234567890123456789}]}`),
  );

  const metric = request.resourceMetrics[0]?.scopeMetrics[0]?.metrics[0];
  assertEquals(metric?.name, 'a "quote", 1234567890123456789, [1234567890123456789');
  assertEquals(metric?.data?.points.map((point) => "value" in point && point.value), [
    0.12345678901234568,
  ]);
});

Deno.test("decodeMetricsJson() reads spans in hex, bytes in base64, or in what proto3 has", () => {
  const exemplars = '"exemplars":[' +
    '{"spanId":"00F067AA0BA902B7","traceId":"4bf92f3577b34da6a3ce929d0e0e4736"},' +
    '{"spanId":"APBnqgupArc=","traceId":"S/kvNXezTaajzpKdDg5HNg=="}]';
  const bytes = '"attributes":[{"key":"b","value":{"bytesValue":"-_8"}}]';

  const point = firstPoint("sum", `${exemplars},${bytes}`);

  const { attributes, exemplars: read } = point as {
    attributes: { value: unknown }[];
    exemplars: { spanId: string; traceId: string }[];
  };
  assertEquals(attributes[0]?.value, Uint8Array.of(0xfb, 0xff));
  assertEquals(read.map(({ spanId, traceId }) => [spanId, traceId]), [
    ["00f067aa0ba902b7", "4bf92f3577b34da6a3ce929d0e0e4736"],
    ["00f067aa0ba902b7", "4bf92f3577b34da6a3ce929d0e0e4736"],
  ]);
});

Deno.test.each([
  ['"aggregationTemporality":2', 2],
  ['"aggregationTemporality":"2"', 2],
  ['"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA"', 1],
  ['"aggregationTemporality":null', 0],
])("decodeMetricsJson() reads %s", (field, temporality) => {
  const data = dataOf(decode(metricJson(`"histogram":{"dataPoints":[],${field}}`)));

  assertEquals(data, { kind: "histogram", points: [], temporality: temporality as number });
});

Deno.test("decodeMetricsJson() ignores unknown fields and names with underscores", () => {
  assertEquals(decode('{"resource_metrics":[{}],"more":{"x":[1]}}'), { resourceMetrics: [] });
});

Deno.test("decodeMetricsJson() makes texts Unicode that are not", () => {
  const request = decode(metricJson(String.raw`"name":"a\ud800b"`));

  assertEquals(request.resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.name, "a\ufffdb");
});

Deno.test.each(["-1", "1.5", '"-1"', "18446744073709551616", "1e300", '"NaN"', '"1.5"'])(
  "decodeMetricsJson() leaves a count of %s to the cleaning",
  (count) => {
    const point = firstPoint("histogram", `"bucketCounts":[${count}],"count":${count}`);

    assertEquals((point as { bucketCounts: unknown }).bucketCounts, [-1]);
    assertEquals((point as { count: unknown }).count, -1);
  },
);

const METRIC = "resourceMetrics[0].scopeMetrics[0].metrics[0]";

Deno.test.each([
  ["", "the request"],
  ["[]", "the request"],
  ["null", "the request"],
  ['{"resourceMetrics":[', "the request"],
  ['{"resourceMetrics":{}}', "resourceMetrics"],
  ['{"resourceMetrics":[{},7]}', "resourceMetrics[1]"],
  ['{"resourceMetrics":[{"resource":{},"schemaUrl":7}]}', "resourceMetrics[0].schemaUrl"],
  [metricJson('"name":7'), `${METRIC}.name`],
  [metricJson('"gauge":[]'), `${METRIC}.gauge`],
  [metricJson('"sum":{"isMonotonic":"yes"}'), `${METRIC}.sum.isMonotonic`],
  [metricJson('"sum":{"aggregationTemporality":"X"}'), `${METRIC}.sum.aggregationTemporality`],
  [pointJson("gauge", '"asDouble":"x"'), `${METRIC}.gauge.dataPoints[0].asDouble`],
  [pointJson("gauge", '"asDouble":""'), `${METRIC}.gauge.dataPoints[0].asDouble`],
  [pointJson("gauge", '"asInt":true'), `${METRIC}.gauge.dataPoints[0].asInt`],
  [pointJson("gauge", '"timeUnixNano":"-5"'), `${METRIC}.gauge.dataPoints[0].timeUnixNano`],
  [pointJson("gauge", '"timeUnixNano":"soon"'), `${METRIC}.gauge.dataPoints[0].timeUnixNano`],
  [
    pointJson("histogram", '"bucketCounts":["1","x"]'),
    `${METRIC}.histogram.dataPoints[0].bucketCounts[1]`,
  ],
  [
    pointJson("exponentialHistogram", '"positive":{"offset":0.5}'),
    `${METRIC}.exponentialHistogram.dataPoints[0].positive.offset`,
  ],
  [pointJson("gauge", '"flags":-1'), `${METRIC}.gauge.dataPoints[0].flags`],
  [
    pointJson("exponentialHistogram", '"scale":"2147483648"'),
    `${METRIC}.exponentialHistogram.dataPoints[0].scale`,
  ],
  [
    pointJson("gauge", '"exemplars":[{"traceId":"%"}]'),
    `${METRIC}.gauge.dataPoints[0].exemplars[0].traceId`,
  ],
  [
    pointJson("gauge", '"attributes":[{"key":"k","value":{"intValue":"1.5"}}]'),
    `${METRIC}.gauge.dataPoints[0].attributes[0].value.intValue`,
  ],
])("decodeMetricsJson() refuses %s with the path", (json, path) => {
  const error = assertThrows(() => decode(json), DecodeError);

  assertEquals(error.place, { path });
  assert(error.message.startsWith(`Cannot decode OTLP metrics at "${path}": `), error.message);
});

Deno.test("decodeMetricsJson() bounds how deep attribute values are nested", () => {
  const value = (depth: number): string =>
    `${'{"arrayValue":{"values":['.repeat(depth)}{"stringValue":"x"}${"]}}".repeat(depth)}`;
  const json = (depth: number): string =>
    metricJson(`"metadata":[{"key":"k","value":${value(depth)}}]`);

  decode(json(MAX_VALUE_DEPTH));
  assertThrows(() => decode(json(MAX_VALUE_DEPTH + 1)), DecodeError, "nested deeper");
  assertThrows(() => decode(json(100_000)), DecodeError, "nested deeper");
});

Deno.test("decodeMetricsJson() bounds how many points a body has", () => {
  const json = metricJson(`"gauge":{"dataPoints":[${"{},".repeat(120_000)}{}]}`);

  assertThrows(() => decode(json), DecodeError, "more than 120000 data points");
});

Deno.test("decodeMetricsJson() tells the memory of a body before it is parsed", () => {
  for (const json of ["[".repeat(100_000), `[${"0,".repeat(100_000)}`, `{"a":0,`.repeat(50_000)]) {
    const bytes = new TextEncoder().encode(json);
    const full = new Error("no memory");
    const reserve = (wanted: number): void => {
      assert(wanted > 5_000_000, `${wanted} bytes`);
      throw full;
    };
    assertEquals(assertThrows(() => decodeLibrary(bytes, reserve)), full);
  }
});

Deno.test("decodeMetricsJson() takes no longer for texts that do not end", () => {
  const started = performance.now();
  assertThrows(() => decode(`{"a":12345678901234567,"b":"${'\\"'.repeat(200_000)}`), DecodeError);
  assertThrows(() => decode(`[1234567890123456789${",    ".repeat(200_000)}`), DecodeError);
  assertThrows(() => decode("[".repeat(1_000_000)), DecodeError);
  assert(performance.now() - started < PATIENCE_MS);
});

Deno.test("decodeMetricsJson() throws nothing but a DecodeError, whatever the JSON", () => {
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
  fc.assert(
    fc.property(tree, (value) => {
      try {
        decode(JSON.stringify(value));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }),
    { numRuns: 3_000 },
  );
});
