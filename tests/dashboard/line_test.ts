import { assertEquals } from "@std/assert";
import { add, divide, isEmpty, isZero, meanOf, round } from "../../lib/dashboard/line.ts";

Deno.test("a value keeps five significant digits", () => {
  assertEquals([0, 0.123456789, 123_456.789, -2.00000001].map(round), [0, 0.12346, 123_460, -2]);
});

Deno.test("a line by another has gaps where either has one or the lower is 0", () => {
  assertEquals(divide([1, null, 3, 4], [2, 2, null, 0]), [0.5, null, null, null]);
});

Deno.test("lines add up, with gaps only where all have one", () => {
  assertEquals(add([[1, null, null], [2, 5, null]]), [3, 5, null]);
  assertEquals(add([]), []);
});

Deno.test("the mean leaves gaps out", () => {
  assertEquals(meanOf([1, null, 3]), 2);
  assertEquals(meanOf([null]), null);
});

Deno.test("gaps are nothing, zeros are not empty", () => {
  assertEquals([isZero([0, null]), isZero([0, 1]), isEmpty([null]), isEmpty([0])], [
    true,
    false,
    true,
    false,
  ]);
});
