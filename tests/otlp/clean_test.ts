import { assertEquals } from "@std/assert";
import { relayedMetric } from "./relay.ts";

/** What a point of each kind needs; `time` makes it one that is whole. */
const BUCKETS = {
  count: "3",
  sum: 0.7,
  bucketCounts: ["1", "1", "1"],
  explicitBounds: [0.1, 0.5],
};
const ALL = { count: "3", bucketCounts: ["3", "0"], explicitBounds: [1e308] };
const SIDE = { offset: 1, bucketCounts: ["1", "2"] };
const EXPONENTIAL = { count: "3", positive: SIDE, zeroCount: "0", zeroThreshold: 0 };
const OVER = String(2n ** 63n);

type Points = readonly Readonly<Record<string, unknown>>[];

/** Points of a kind go in, some come out, and what was dropped is counted. */
const CASES: readonly (readonly [
  what: string,
  kind: string,
  points: Points,
  left: Points,
  dropped: Readonly<Record<string, number>>,
])[] = [
  [
    "points that are fine pass",
    "gauge",
    [{ asDouble: 1, attributes: [{ key: "a", value: { stringValue: "x" } }] }, {
      asInt: String(2n ** 60n),
    }],
    [{ asDouble: 1, attributes: [{ key: "a", value: { stringValue: "x" } }] }, {
      asDouble: 2 ** 60,
    }],
    {},
  ],
  ["a histogram that is fine passes", "histogram", [BUCKETS], [BUCKETS], {}],
  ...["NaN", "Infinity", "-Infinity"].map((asDouble) =>
    [
      `a value of ${asDouble}`,
      "gauge",
      [{ asDouble: 1 }, { asDouble }, { asDouble: 2 }],
      [{ asDouble: 1 }, { asDouble: 2 }],
      { value_not_finite: 1 },
    ] as const
  ),
  [
    "no value, without the flag that says so",
    "gauge",
    [{}, { flags: 1 }, { flags: 3, asDouble: "NaN" }, { flags: 2 }],
    [{ flags: 1 }, { flags: 3 }],
    { value_missing: 2 },
  ],
  [
    "a time or a flag that is none",
    "gauge",
    [{ asDouble: 1, timeUnixNano: "soon" }, { asDouble: 2, startTimeUnixNano: "-5" }, {
      asDouble: 3,
      flags: "x",
    }, { asDouble: 4 }],
    [{ asDouble: 4 }],
    { field_impossible: 3 },
  ],
  [
    "the sum and the extremes of a histogram, alone",
    "histogram",
    [{ ...BUCKETS, sum: "NaN", min: "-Infinity", max: "Infinity" }, { ...BUCKETS, min: 0, max: 1 }],
    [
      { count: "3", bucketCounts: ["1", "1", "1"], explicitBounds: [0.1, 0.5] },
      { ...BUCKETS, min: 0, max: 1 },
    ],
    { sum_not_finite: 1, extreme_not_finite: 2 },
  ],
  ...[
    { ...BUCKETS, bucketCounts: ["1", "-1", "1"] },
    { ...BUCKETS, bucketCounts: ["1", "1.5", "1"] },
    { ...BUCKETS, bucketCounts: ["1", "NaN", "1"] },
    { ...BUCKETS, count: "-1" },
    { ...BUCKETS, count: 1e300 },
    { ...BUCKETS, bucketCounts: ["1", OVER, "1"] },
    { count: OVER },
    // Two buckets that are joined.
    { ...BUCKETS, explicitBounds: ["-Infinity", 1], bucketCounts: [String(2n ** 63n - 1n), 1, 1] },
  ].map((point) =>
    [
      `a count that is none: ${JSON.stringify(point)}`,
      "histogram",
      [BUCKETS, point],
      [BUCKETS],
      { count_impossible: 1 },
    ] as const
  ),
  ...[[0.1, "NaN"], ["Infinity", 0.5], [0.1, "-Infinity"]].map((explicitBounds) =>
    [
      `the bounds ${explicitBounds}`,
      "histogram",
      [{ ...BUCKETS, explicitBounds }, BUCKETS],
      [BUCKETS],
      { bound_not_finite: 1 },
    ] as const
  ),
  // A bound that OTLP leaves out, with a count for what is above infinity, and without.
  ...([
    [[0.5, "Infinity"], ["1", "2", "0"]],
    [[0.5, "Infinity"], ["1", "2"]],
    [["-Infinity", 0.5], ["0", "1", "2"]],
    [["-Infinity", 0.5, "Infinity"], ["0", "1", "2", "0"]],
  ] as const).map(([explicitBounds, bucketCounts]) =>
    [
      `the bucket beyond infinity of ${explicitBounds}, joined with its neighbor`,
      "histogram",
      [{ count: "3", explicitBounds, bucketCounts }],
      [{ count: "3", explicitBounds: [0.5], bucketCounts: ["1", "2"] }],
      {},
    ] as const
  ),
  [
    "a histogram without buckets gets one that holds all",
    "histogram",
    [{ count: 3, sum: 6 }, { count: 3, bucketCounts: [3], max: 4 }, { count: 3, max: "NaN" }],
    [{ ...ALL, sum: 6 }, { ...ALL, max: 4, explicitBounds: [4] }, ALL],
    { extreme_not_finite: 1 },
  ],
  [
    "bounds without counts, and counts without bounds",
    "histogram",
    [{ count: 3, explicitBounds: [0.1, 0.5] }, { count: 3, bucketCounts: [1, 2] }],
    [ALL, ALL],
    { buckets_incomplete: 2 },
  ],
  [
    "counts and bounds whose numbers do not match pass",
    "histogram",
    [{ count: "3", bucketCounts: ["1", "2"], explicitBounds: [0.1, 0.5, 1] }],
    [{ count: "3", bucketCounts: ["1", "2"], explicitBounds: [0.1, 0.5, 1] }],
    {},
  ],
  [
    "what is wrong in an exponential histogram",
    "exponentialHistogram",
    [
      { ...EXPONENTIAL, negative: { offset: 2, bucketCounts: [] } },
      { ...EXPONENTIAL, sum: "NaN", min: "NaN", zeroThreshold: "Infinity" },
      { ...EXPONENTIAL, negative: { offset: 2, bucketCounts: [OVER] } },
      { ...EXPONENTIAL, zeroCount: -1 },
    ],
    [EXPONENTIAL, EXPONENTIAL],
    { sum_not_finite: 1, extreme_not_finite: 2, count_impossible: 2 },
  ],
  [
    "quantiles of nothing, alone",
    "summary",
    [{
      count: "1",
      sum: 1,
      quantileValues: [
        { quantile: 0.5, value: "NaN" },
        { quantile: 0.9, value: 1 },
        { quantile: "NaN", value: 1 },
      ],
    }],
    [{ count: "1", sum: 1, quantileValues: [{ quantile: 0.9, value: 1 }] }],
    { quantile_not_finite: 2 },
  ],
  [
    "a summary whose sum Parseable would make 0",
    "summary",
    [{ count: 1, sum: "NaN" }, { count: -1 }, { count: 2 }],
    [{ count: "2", sum: 0 }],
    { summary_sum_not_finite: 1, count_impossible: 1 },
  ],
  [
    "an exemplar that is not finite, not its point",
    "gauge",
    [{ asDouble: 1, exemplars: [{ asDouble: 1 }, { asDouble: "NaN" }, {}] }],
    [{ asDouble: 1, exemplars: [{ asDouble: 1, value: { asDouble: 1 } }, {}] }],
    { exemplar_not_finite: 1 },
  ],
];

Deno.test.each(CASES.map((row) => [...row] as const))(
  "the relay leaves out: %s",
  (_, kind, points, left, dropped) => {
    const data = { dataPoints: points, aggregationTemporality: 2 };
    const { metric, counts } = relayedMetric({ name: "m", [kind]: data });

    assertEquals(metric, {
      name: "m",
      [kind]: { ...(/histo/i.test(kind) && { aggregationTemporality: 2 }), dataPoints: left },
    });
    assertEquals(counts.droppedByReason, dropped);
  },
);

const text = (stringValue: string): unknown => ({ stringValue });
const list = (...values: unknown[]): unknown => ({ arrayValue: { values } });

Deno.test.each<[value: unknown, left: unknown, reason: string, dropped: number]>([
  [undefined, undefined, "attribute_empty", 1],
  [{}, undefined, "attribute_empty", 1],
  [{ doubleValue: "NaN" }, undefined, "attribute_not_finite", 1],
  [
    list(text("a"), {}, { intValue: "1" }),
    list(text("a"), { intValue: "1" }),
    "attribute_empty",
    1,
  ],
  [list(list({ doubleValue: "Infinity" })), list(list()), "attribute_not_finite", 1],
  [
    { kvlistValue: { values: [{ key: "", value: text("x") }, { key: "k", value: list({}, {}) }] } },
    { kvlistValue: { values: [{ key: "k", value: list() }] } },
    "attribute_empty",
    3,
  ],
])("attributes that Parseable cannot read are left out: %j", (value, left, reason, dropped) => {
  const engine = { key: "engine", value: text("0") };
  const attributes = [{ key: "label", value }, engine];

  const { bodies: [body = ""], counts } = relayedMetric({
    gauge: { dataPoints: [{ asDouble: 1, attributes }] },
  });

  const point = JSON.parse(body).resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0];
  const wanted = left === undefined ? [engine] : [{ key: "label", value: left }, engine];
  assertEquals(point.attributes, wanted);
  assertEquals(counts.droppedByReason, { [reason]: dropped });
});

Deno.test("a metric, scope or resource without points is left out, and so is one of no known kind", () => {
  assertEquals(relayedMetric({ gauge: { dataPoints: [{ asDouble: "NaN" }] } }).bodies, []);
  assertEquals(relayedMetric({ gauge: { dataPoints: [] } }).bodies, []);
  assertEquals(relayedMetric({ name: "m" }).counts.droppedByReason, { unknown_kind: 1 });
});
