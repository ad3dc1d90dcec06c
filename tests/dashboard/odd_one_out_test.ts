import { assertEquals } from "@std/assert";
import { type Odd, oddOneOut } from "../../lib/dashboard/odd_one_out.ts";

function find(values: readonly number[], minDifference = 4): Odd | undefined {
  return oddOneOut(
    values.map((value, index) => ({ name: `engine ${index}`, value })),
    minDifference,
  );
}

Deno.test("the odd one has twice the mean of the others or half of it", () => {
  assertEquals(find([10, 10, 21]), { name: "engine 2", value: 21, others: 10 });
  assertEquals(find([20, 9, 20]), { name: "engine 1", value: 9, others: 20 });
  assertEquals(find([10, 10, 19]), undefined);
  assertEquals(find([20, 11, 20]), undefined);
});

Deno.test("small differences do not matter", () => {
  assertEquals(find([1, 1, 4]), undefined);
  assertEquals(find([1, 1, 5]), { name: "engine 2", value: 5, others: 1 });
});

Deno.test("of two the greater is the odd one", () => {
  assertEquals(find([4, 12])?.name, "engine 1");
  assertEquals(find([12, 4])?.name, "engine 0");
  // The sum of these less one of them is not exactly the other.
  assertEquals(find([0.01558909001426093, 0.04972807530292816], 0.01)?.name, "engine 1");
});

Deno.test("one alone, or none, is not odd", () => {
  assertEquals(find([100]), undefined);
  assertEquals(find([]), undefined);
});
