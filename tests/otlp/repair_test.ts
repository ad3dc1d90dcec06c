import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { dataOf, histogram, requestWith } from "./messages.ts";
import {
  countPoints,
  type HistogramPoint,
  type Int64,
  type MetricData,
  repairHistograms,
} from "./plain.ts";

interface Outcome {
  bucketCounts: Int64[][];
  temporality: number | undefined;
  repaired: number;
  unrepairable: number;
}

/** Repairs one histogram whose points have these `bucketCounts` and `count`. */
function repair(temporality: number, ...points: [Int64[], Int64][]): Outcome {
  const data = histogram(...points.map(([bucketCounts, count]) => ({ bucketCounts, count })));
  const request = requestWith({ ...data, temporality } as MetricData);
  const counts = countPoints(request);
  const repaired = dataOf(repairHistograms(request, counts));
  return {
    bucketCounts: (repaired?.points as HistogramPoint[]).map((point) => point.bucketCounts),
    temporality: repaired?.kind === "histogram" ? repaired.temporality : undefined,
    repaired: counts.repaired,
    unrepairable: counts.unrepairable,
  };
}

Deno.test("repairHistograms() turns le counts without temporality into counts per bucket", () => {
  assertEquals(repair(0, [[1, 3, 3, 4], 4]), {
    bucketCounts: [[1, 2, 0, 1]],
    temporality: 2,
    repaired: 1,
    unrepairable: 0,
  });
});

Deno.test("repairHistograms() leaves counts per bucket untouched, and their temporality", () => {
  assertEquals(repair(0, [[1, 2, 0, 1], 4]), {
    bucketCounts: [[1, 2, 0, 1]],
    temporality: 0,
    repaired: 0,
    unrepairable: 0,
  });
});

Deno.test.each([1, 2, 7])("repairHistograms() leaves temporality %d untouched", (temporality) => {
  assertEquals(repair(temporality, [[1, 3, 4], 4]), {
    bucketCounts: [[1, 3, 4]],
    temporality,
    repaired: 0,
    unrepairable: 0,
  });
});

Deno.test.each<[string, Int64[], Int64]>([
  ["fall and do not add up", [3, 1, 4], 4],
  ["rise to less than count", [1, 2, 3], 4],
  ["rise to more than count", [1, 2, 5], 4],
])("repairHistograms() passes on counts that %s, and counts them", (_, bucketCounts, count) => {
  assertEquals(repair(0, [bucketCounts, count]), {
    bucketCounts: [bucketCounts],
    temporality: 0,
    repaired: 0,
    unrepairable: 1,
  });
});

Deno.test.each<[string, Int64[], Int64]>([
  ["nothing observed", [0, 0, 0], 0],
  ["all in the last bucket", [0, 0, 5], 5],
  ["one bucket", [5], 5],
])("repairHistograms() changes only the temporality for %s", (_, bucketCounts, count) => {
  assertEquals(repair(0, [bucketCounts, count]), {
    bucketCounts: [bucketCounts],
    temporality: 2,
    repaired: 1,
    unrepairable: 0,
  });
});

Deno.test("repairHistograms() lets the other points of a metric decide about such counts", () => {
  assertEquals(repair(0, [[0, 5], 5], [[1, 3], 4]), {
    bucketCounts: [[0, 5], [1, 3]],
    temporality: 0,
    repaired: 0,
    unrepairable: 0,
  });
  assertEquals(repair(0, [[0, 5], 5], [[1, 4], 4]), {
    bucketCounts: [[0, 5], [1, 3]],
    temporality: 2,
    repaired: 2,
    unrepairable: 0,
  });
});

Deno.test("repairHistograms() leaves the temporality open when points contradict each other", () => {
  assertEquals(repair(0, [[1, 4], 4], [[1, 3], 4]), {
    bucketCounts: [[1, 3], [1, 3]],
    temporality: 0,
    repaired: 1,
    unrepairable: 0,
  });
});

Deno.test("repairHistograms() repairs what it can beside a point that fits nothing", () => {
  assertEquals(repair(0, [[1, 4], 4], [[5, 1], 4]), {
    bucketCounts: [[1, 3], [5, 1]],
    temporality: 2,
    repaired: 1,
    unrepairable: 1,
  });
});

Deno.test("repairHistograms() takes no side for points without buckets", () => {
  assertEquals(repair(0, [[], 4]), {
    bucketCounts: [[]],
    temporality: 0,
    repaired: 0,
    unrepairable: 0,
  });
  assertEquals(repair(0, [[], 4], [[1, 4], 4]).temporality, 2);
});

Deno.test("repairHistograms() subtracts exactly beyond 2^53", () => {
  const big = 2n ** 63n;

  assertEquals(repair(0, [[1, big - 1n, big, big + 2n], big + 2n]).bucketCounts, [
    [1, big - 2n, 1, 2],
  ]);
});

Deno.test("repairHistograms() finds the counts per bucket of any histogram again", () => {
  const perBucket = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(perBucket, (own) => {
      let sum = 0;
      const le = own.map((count) => sum += count);

      assertEquals(repair(0, [le, sum]).bucketCounts, [own]);
      assertEquals(repair(0, [own, sum]).bucketCounts, [own]);
    }),
  );
});
