import { assertEquals } from "@std/assert";
import type { RelayCounts } from "../../lib/otlp/counts.ts";
import {
  dataOf,
  exponential,
  gauge,
  histogram,
  labelled,
  requestWith,
  summary,
} from "./messages.ts";
import {
  type AnyValue,
  cleanMetrics,
  countPoints,
  type Exemplar,
  type HistogramPoint,
  type MetricData,
} from "./plain.ts";

/** Cleans a metric, and gives what is left with the counts. */
function clean(data: MetricData | undefined): [MetricData | undefined, RelayCounts] {
  const request = requestWith(data);
  const counts = countPoints(request);
  return [dataOf(cleanMetrics(request, counts)), counts];
}

const BUCKETS = { count: 3, sum: 0.7, bucketCounts: [1, 1, 1], explicitBounds: [0.1, 0.5] };

function exemplar(value: number | bigint | undefined): Exemplar {
  return { filteredAttributes: [], timeUnixNano: "1", value, spanId: "", traceId: "" };
}

Deno.test("cleanMetrics() passes points on that are fine", () => {
  const points = gauge({ value: 1, attributes: labelled("x") }, { value: 2n ** 60n });
  const [cleaned, counts] = clean(points);

  assertEquals(cleaned, points);
  assertEquals(counts.droppedByReason, {});
  assertEquals(clean(histogram(BUCKETS))[0], histogram(BUCKETS));
});

Deno.test.each([NaN, Infinity, -Infinity])(
  "cleanMetrics() takes a gauge point of %d out and keeps the others",
  (value) => {
    const [cleaned, counts] = clean(gauge({ value: 1 }, { value }, { value: 2 }));

    assertEquals(cleaned, gauge({ value: 1 }, { value: 2 }));
    assertEquals(counts.droppedByReason, { value_not_finite: 1 });
    assertEquals(counts.pointsByKind.gauge, 3);
  },
);

Deno.test("cleanMetrics() keeps a point without a value only if its flag says so", () => {
  const [cleaned, counts] = clean(gauge({}, { flags: 1 }, { flags: 3, value: NaN }, { flags: 2 }));

  assertEquals(cleaned, gauge({ flags: 1 }, { flags: 3 }));
  assertEquals(counts.droppedByReason, { value_missing: 2 });
});

Deno.test("cleanMetrics() leaves out a metric, its scope and resource without points", () => {
  const request = requestWith(gauge({ value: NaN }));

  assertEquals(cleanMetrics(request, countPoints(request)), { resourceMetrics: [] });
  assertEquals(clean(gauge()), [undefined, countPoints(requestWith(gauge()))]);
});

Deno.test("cleanMetrics() counts a metric of a kind that it does not know", () => {
  assertEquals(clean(undefined)[1].droppedByReason, { unknown_kind: 1 });
});

Deno.test("cleanMetrics() takes only the sum and the extremes of a histogram out", () => {
  const [cleaned, counts] = clean(histogram(
    { ...BUCKETS, sum: NaN, min: -Infinity, max: Infinity },
    { ...BUCKETS, sum: undefined, min: 0, max: 1 },
  ));

  assertEquals(
    cleaned,
    histogram({ ...BUCKETS, sum: undefined }, { ...BUCKETS, sum: undefined, min: 0, max: 1 }),
  );
  assertEquals(counts.droppedByReason, { sum_not_finite: 1, extreme_not_finite: 2 });
});

Deno.test.each<{ what: string; point: Partial<HistogramPoint> }>([
  { what: "a bucket count that is none", point: { ...BUCKETS, bucketCounts: [1, -1, 1] } },
  { what: "a count that is none", point: { ...BUCKETS, count: -1 } },
  { what: "a bucket count over 2^63", point: { ...BUCKETS, bucketCounts: [1, 2n ** 63n, 1] } },
  { what: "a count over 2^63 and no buckets", point: { count: 2n ** 63n } },
  {
    what: "buckets that exceed 2^63 together",
    point: { ...BUCKETS, explicitBounds: [-Infinity, 1], bucketCounts: [2n ** 63n - 1n, 1, 1] },
  },
])("cleanMetrics() takes a histogram point out with $what", ({ point }) => {
  const [cleaned, counts] = clean(histogram(BUCKETS, point));

  assertEquals(cleaned, histogram(BUCKETS));
  assertEquals(counts.droppedByReason, { count_impossible: 1 });
});

Deno.test.each<[number[]]>([[[0.1, NaN]], [[Infinity, 0.5]], [[0.1, -Infinity]]])(
  "cleanMetrics() takes a histogram point out with the bounds %j",
  (explicitBounds) => {
    const [cleaned, counts] = clean(histogram({ ...BUCKETS, explicitBounds }, BUCKETS));

    assertEquals(cleaned, histogram(BUCKETS));
    assertEquals(counts.droppedByReason, { bound_not_finite: 1 });
  },
);

Deno.test.each<{ bounds: number[]; counts: number[]; becomes: [number[], number[]] }>([
  // A bound that OTLP leaves out, with a count for what is above infinity, and without.
  { bounds: [0.5, Infinity], counts: [1, 2, 0], becomes: [[0.5], [1, 2]] },
  { bounds: [0.5, Infinity], counts: [1, 2], becomes: [[0.5], [1, 2]] },
  { bounds: [-Infinity, 0.5], counts: [0, 1, 2], becomes: [[0.5], [1, 2]] },
  { bounds: [-Infinity, 0.5, Infinity], counts: [0, 1, 2, 0], becomes: [[0.5], [1, 2]] },
])("cleanMetrics() joins the bucket beyond infinity in $bounds with its neighbour", (row) => {
  const [cleaned, counts] = clean(
    histogram({ count: 3, explicitBounds: row.bounds, bucketCounts: row.counts }),
  );

  const [explicitBounds, bucketCounts] = row.becomes;
  assertEquals(cleaned, histogram({ count: 3, explicitBounds, bucketCounts }));
  assertEquals(counts.droppedByReason, {});
});

Deno.test("cleanMetrics() gives a histogram without buckets one that holds all", () => {
  const [cleaned, counts] = clean(histogram(
    { count: 3, sum: 6 },
    { count: 3, bucketCounts: [3], max: 4 },
    { count: 3, max: NaN },
  ));

  const all = { count: 3, bucketCounts: [3, 0], explicitBounds: [1e308] };
  assertEquals(
    cleaned,
    histogram({ ...all, sum: 6 }, { ...all, max: 4, explicitBounds: [4] }, all),
  );
  assertEquals(counts.droppedByReason, { extreme_not_finite: 1 });
});

Deno.test("cleanMetrics() counts bounds without counts and counts without bounds", () => {
  const [cleaned, counts] = clean(histogram(
    { count: 3, explicitBounds: [0.1, 0.5] },
    { count: 3, bucketCounts: [1, 2] },
  ));

  const all = { count: 3, bucketCounts: [3, 0], explicitBounds: [1e308] };
  assertEquals(cleaned, histogram(all, all));
  assertEquals(counts.droppedByReason, { buckets_incomplete: 2 });
});

Deno.test("cleanMetrics() passes on counts and bounds whose numbers do not match", () => {
  const odd = { count: 3, bucketCounts: [1, 2], explicitBounds: [0.1, 0.5, 1] };

  assertEquals(clean(histogram(odd))[0], histogram(odd));
});

Deno.test("cleanMetrics() cleans exponential histograms", () => {
  const fine = { count: 3, positive: { offset: 1, bucketCounts: [1, 2] } };
  const [cleaned, counts] = clean(exponential(
    { ...fine, negative: { offset: 2, bucketCounts: [] } },
    { ...fine, sum: NaN, min: NaN, zeroThreshold: Infinity },
    { ...fine, negative: { offset: 2, bucketCounts: [2n ** 63n] } },
    { ...fine, zeroCount: -1 },
  ));

  assertEquals(cleaned, exponential(fine, fine));
  assertEquals(counts.droppedByReason, {
    sum_not_finite: 1,
    extreme_not_finite: 2,
    count_impossible: 2,
  });
});

Deno.test("cleanMetrics() takes quantiles of nothing out of a summary, and keeps the rest", () => {
  const quantileValues = [
    { quantile: 0.5, value: NaN },
    { quantile: 0.9, value: 1 },
    { quantile: NaN, value: 1 },
  ];
  const [cleaned, counts] = clean(summary({ count: 1, sum: 1, quantileValues }));

  assertEquals(
    cleaned,
    summary({ count: 1, sum: 1, quantileValues: [{ quantile: 0.9, value: 1 }] }),
  );
  assertEquals(counts.droppedByReason, { quantile_not_finite: 2 });
});

Deno.test("cleanMetrics() takes a summary out whose sum Parseable would make 0", () => {
  const [cleaned, counts] = clean(summary({ count: 1, sum: NaN }, { count: -1 }, { count: 2 }));

  assertEquals(cleaned, summary({ count: 2 }));
  assertEquals(counts.droppedByReason, { summary_sum_not_finite: 1, count_impossible: 1 });
});

Deno.test("cleanMetrics() takes an exemplar out that is not finite, not its point", () => {
  const exemplars = [exemplar(1), exemplar(NaN), exemplar(undefined)];
  const [cleaned, counts] = clean(gauge({ value: 1, exemplars }));

  assertEquals(cleaned, gauge({ value: 1, exemplars: [exemplar(1), exemplar(undefined)] }));
  assertEquals(counts.droppedByReason, { exemplar_not_finite: 1 });
});

Deno.test.each<{ value: AnyValue; left: AnyValue; reason: string; dropped: number }>([
  { value: undefined, left: undefined, reason: "attribute_empty", dropped: 1 },
  { value: NaN, left: undefined, reason: "attribute_not_finite", dropped: 1 },
  { value: ["a", undefined, 1n], left: ["a", 1n], reason: "attribute_empty", dropped: 1 },
  { value: [[Infinity]], left: [[]], reason: "attribute_not_finite", dropped: 1 },
  {
    value: { entries: [{ key: "", value: "x" }, { key: "k", value: [undefined, undefined] }] },
    left: { entries: [{ key: "k", value: [] }] },
    reason: "attribute_empty",
    dropped: 3,
  },
])("cleanMetrics() takes $dropped of $reason out of attributes", (row) => {
  const attributes = [...labelled(row.value), { key: "engine", value: "0" }];
  const [cleaned, counts] = clean(gauge({ value: 1, attributes }));

  const left = row.left === undefined ? [] : labelled(row.left);
  assertEquals(
    cleaned,
    gauge({ value: 1, attributes: [...left, { key: "engine", value: "0" }] }),
  );
  assertEquals(counts.droppedByReason, { [row.reason]: row.dropped });
});

Deno.test("cleanMetrics() cleans the attributes of resource, scope, metric and exemplars", () => {
  const request = requestWith(
    gauge({ value: 1, exemplars: [{ ...exemplar(1), filteredAttributes: labelled(NaN) }] }),
  );
  const [resource] = request.resourceMetrics;
  const [scope] = resource?.scopeMetrics ?? [];
  const [metric] = scope?.metrics ?? [];
  if (resource === undefined || scope === undefined || metric === undefined) throw new Error();
  resource.resource = { attributes: labelled(undefined), droppedAttributesCount: 2 };
  scope.scope = { name: "s", version: "", attributes: labelled(NaN), droppedAttributesCount: 0 };
  metric.metadata = labelled(NaN);
  const counts = countPoints(request);

  const cleaned = cleanMetrics(request, counts);

  assertEquals(cleaned.resourceMetrics, [{
    resource: { attributes: [], droppedAttributesCount: 2 },
    scopeMetrics: [{
      scope: { name: "s", version: "", attributes: [], droppedAttributesCount: 0 },
      metrics: [{ ...metric, metadata: [], data: gauge({ value: 1, exemplars: [exemplar(1)] }) }],
      schemaUrl: "",
    }],
    schemaUrl: "",
  }]);
  assertEquals(counts.droppedByReason, { attribute_empty: 1, attribute_not_finite: 3 });
});
