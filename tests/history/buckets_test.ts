import { assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bucket, quantileOf, shareUnder } from "../../lib/history/evaluate.ts";

function bucketsOf(...counts: readonly (readonly [number, number])[]): Bucket[] {
  return counts.map(([bound, count]) => ({ bound, count }));
}

const PLAIN = bucketsOf([1, 10], [2, 30], [4, 40], [Infinity, 40]);

Deno.test("a quantile is interpolated in its bucket", () => {
  assertEquals(quantileOf(0.5, PLAIN), 1.5);
  assertEquals(quantileOf(0.875, PLAIN), 3);
});

Deno.test("the lowest bucket begins at zero", () => {
  assertEquals(quantileOf(0.125, PLAIN), 0.5);
});

Deno.test("a lowest bucket that ends at or under zero gives its bound", () => {
  assertEquals(quantileOf(0.1, bucketsOf([-1, 10], [Infinity, 10])), -1);
});

Deno.test("a quantile in the last bucket is the bound before it", () => {
  assertEquals(quantileOf(0.99, bucketsOf([1, 5], [Infinity, 10])), 1);
});

Deno.test("no observations, no last bucket or only one bucket give nothing", () => {
  assertEquals(quantileOf(0.5, bucketsOf([1, 0], [Infinity, 0])), null);
  assertEquals(quantileOf(0.5, bucketsOf([1, 5], [2, 6])), null);
  assertEquals(quantileOf(0.5, bucketsOf([Infinity, 6])), null);
  assertEquals(quantileOf(0.5, []), null);
});

Deno.test("the quantile 0 of an empty lowest bucket is nothing, as 0/0 is", () => {
  assertEquals(quantileOf(0, bucketsOf([1, 0], [2, 5], [Infinity, 5])), null);
});

Deno.test("buckets are put in order, and counts that fall are lifted", () => {
  assertEquals(quantileOf(0.5, PLAIN.toReversed()), 1.5);
  const falling = bucketsOf([1, 10], [2, 8], [4, 20], [Infinity, 20]);
  assertEquals(quantileOf(0.75, falling), 3);
});

Deno.test("a difference of rounding is none", () => {
  const buckets = bucketsOf([1, 10], [2, 10 * (1 + 1e-15)], [Infinity, 10 * (1 + 1e-15)]);
  assertEquals(quantileOf(1, buckets), 1);
});

Deno.test("a share is interpolated in its bucket", () => {
  assertEquals(shareUnder(1, PLAIN), 0.25);
  assertEquals(shareUnder(1.5, PLAIN), 0.5);
  assertEquals(shareUnder(0.5, PLAIN), 0.125);
  assertEquals(shareUnder(3, PLAIN), 0.875);
});

Deno.test("nothing of the last bucket is under a bound, all is under Infinity", () => {
  const buckets = bucketsOf([1, 5], [Infinity, 10]);
  assertEquals(shareUnder(100, buckets), 0.5);
  assertEquals(shareUnder(Infinity, buckets), 1);
});

Deno.test("nothing is at or under a bound below zero", () => {
  assertEquals(shareUnder(-1, PLAIN), 0);
});

Deno.test("there is no share without observations", () => {
  assertEquals(shareUnder(1, bucketsOf([1, 0], [Infinity, 0])), null);
  assertEquals(shareUnder(1, []), null);
});

Deno.test("the share under a quantile is that quantile, where buckets hold something", () => {
  const counts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 });
  const q = fc.double({ min: 0.001, max: 1, noNaN: true });
  fc.assert(fc.property(counts, q, (inside, wanted) => {
    let sum = 0;
    const buckets = inside.map((count, index) => ({ bound: index + 1, count: sum += count }));
    const all = [...buckets, { bound: Infinity, count: sum }];
    const found = quantileOf(wanted, all) ?? NaN;
    assertAlmostEquals(shareUnder(found, all) ?? NaN, wanted, 1e-9);
  }));
});
