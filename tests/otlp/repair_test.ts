import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodeMetricsJson } from "../../lib/otlp/decode.ts";
import { requestJson } from "./messages.ts";
import { relayed } from "./relay.ts";

type Count = number | bigint;

/** The counts of points after the relay, the temporality, and what was counted. */
interface Outcome {
  readonly bucketCounts: Count[][];
  readonly temporality: number;
  readonly repaired: number;
  readonly unrepairable: number;
}

/** Relays one histogram whose points have these `bucketCounts` and `count`. */
function repair(temporality: number, ...points: [Count[], Count][]): Outcome {
  const dataPoints = points.map(([bucketCounts, count]) => ({
    count: String(count),
    bucketCounts: bucketCounts.map(String),
    explicitBounds: bucketCounts.slice(1).map((_, index) => index),
  }));
  const histogram = { dataPoints, aggregationTemporality: temporality };
  const json = new TextEncoder().encode(requestJson({ name: "m", histogram }));
  const { bodies: [body = ""], counts } = relayed(decodeMetricsJson(json));
  const sent = JSON.parse(body).resourceMetrics[0].scopeMetrics[0].metrics[0].histogram;
  return {
    bucketCounts: sent.dataPoints.map((point: { bucketCounts: string[] }) =>
      point.bucketCounts.map((count) => Number(count) > 2 ** 53 ? BigInt(count) : Number(count))
    ),
    temporality: sent.aggregationTemporality,
    repaired: counts.repaired,
    unrepairable: counts.unrepairable,
  };
}

const BIG = 2n ** 62n;

Deno.test.each<[what: string, temporality: number, points: [Count[], Count][], outcome: Outcome]>([
  ["le counts become counts per bucket", 0, [[[1, 3, 3, 4], 4]], {
    bucketCounts: [[1, 2, 0, 1]],
    temporality: 2,
    repaired: 1,
    unrepairable: 0,
  }],
  ["counts per bucket stay, with their temporality", 0, [[[1, 2, 0, 1], 4]], {
    bucketCounts: [[1, 2, 0, 1]],
    temporality: 0,
    repaired: 0,
    unrepairable: 0,
  }],
  ...[1, 2].map((temporality): [string, number, [Count[], Count][], Outcome] => [
    `temporality ${temporality} stays`,
    temporality,
    [[[1, 3, 4], 4]],
    { bucketCounts: [[1, 3, 4]], temporality, repaired: 0, unrepairable: 0 },
  ]),
  ...([
    ["fall and do not add up", [3, 1, 4]],
    ["rise to less than count", [1, 2, 3]],
    ["rise to more than count", [1, 2, 5]],
  ] as [string, number[]][]).map(([what, own]): [string, number, [Count[], Count][], Outcome] => [
    `counts that ${what} are passed on and counted`,
    0,
    [[own, 4]],
    { bucketCounts: [own], temporality: 0, repaired: 0, unrepairable: 1 },
  ]),
  ["nothing observed: only the temporality changes", 0, [[[0, 0, 0], 0]], {
    bucketCounts: [[0, 0, 0]],
    temporality: 2,
    repaired: 1,
    unrepairable: 0,
  }],
  ["all in the last bucket: only the temporality changes", 0, [[[0, 0, 5], 5]], {
    bucketCounts: [[0, 0, 5]],
    temporality: 2,
    repaired: 1,
    unrepairable: 0,
  }],
  ["the other points decide about such counts: per bucket", 0, [[[0, 5], 5], [[1, 3], 4]], {
    bucketCounts: [[0, 5], [1, 3]],
    temporality: 0,
    repaired: 0,
    unrepairable: 0,
  }],
  ["the other points decide about such counts: le", 0, [[[0, 5], 5], [[1, 4], 4]], {
    bucketCounts: [[0, 5], [1, 3]],
    temporality: 2,
    repaired: 2,
    unrepairable: 0,
  }],
  ["points that contradict each other leave the temporality open", 0, [
    [[1, 4], 4],
    [[1, 3], 4],
  ], { bucketCounts: [[1, 3], [1, 3]], temporality: 0, repaired: 1, unrepairable: 0 }],
  ["what can be repaired is, beside a point that fits nothing", 0, [[[1, 4], 4], [[5, 1], 4]], {
    bucketCounts: [[1, 3], [5, 1]],
    temporality: 2,
    repaired: 1,
    unrepairable: 1,
  }],
  ["points without buckets take no side", 0, [[[], 4], [[1, 4], 4]], {
    bucketCounts: [[4, 0], [1, 3]],
    temporality: 2,
    repaired: 1,
    unrepairable: 0,
  }],
  ["subtraction is exact beyond 2^53", 0, [[[1, BIG - 1n, BIG, BIG + 2n], BIG + 2n]], {
    bucketCounts: [[1, BIG - 2n, 1, 2]],
    temporality: 2,
    repaired: 1,
    unrepairable: 0,
  }],
])("histograms without a temporality: %s", (_, temporality, points, outcome) => {
  assertEquals(repair(temporality, ...points), outcome);
});

Deno.test("the counts per bucket of any histogram are found again", () => {
  const perBucket = fc.array(fc.nat(1_000_000), { minLength: 2, maxLength: 30 });
  fc.assert(
    fc.property(perBucket, (own) => {
      let sum = 0;
      const le = own.map((count) => sum += count);

      assertEquals(repair(0, [le, sum]).bucketCounts, [own]);
      assertEquals(repair(0, [own, sum]).bucketCounts, [own]);
    }),
  );
});
