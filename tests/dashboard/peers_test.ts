import { assertEquals } from "@std/assert";
import { findOutlier, type Outlier } from "../../lib/dashboard/peers.ts";

function find(values: readonly number[], minDifference = 4): Outlier | undefined {
  return findOutlier(
    values.map((value, index) => ({ name: `engine ${index}`, value })),
    minDifference,
  );
}

Deno.test("an outlier has twice the mean of the others or half of it", () => {
  assertEquals(find([10, 10, 21]), { name: "engine 2", value: 21, others: 10 });
  assertEquals(find([20, 9, 20]), { name: "engine 1", value: 9, others: 20 });
  assertEquals(find([10, 10, 19]), undefined);
  assertEquals(find([20, 11, 20]), undefined);
});

Deno.test("small differences do not matter", () => {
  assertEquals(find([1, 1, 4]), undefined);
  assertEquals(find([1, 1, 5]), { name: "engine 2", value: 5, others: 1 });
});

Deno.test("of two the greater is the outlier", () => {
  assertEquals(find([4, 12])?.name, "engine 1");
  assertEquals(find([12, 4])?.name, "engine 0");
  // The sum of these less one of them is not exactly the other.
  assertEquals(find([0.01558909001426093, 0.04972807530292816], 0.01)?.name, "engine 1");
});

Deno.test("a single one, or none, is no outlier", () => {
  assertEquals(find([100]), undefined);
  assertEquals(find([]), undefined);
});
