import { assertEquals } from "@std/assert";
import { formatAxisTime, formatMoment, formatSpan } from "../../lib/dashboard/page/text.ts";

Deno.test.each([
  [-3, "0 s"],
  [59.9, "59 s"],
  [300, "5 min"],
  [3_600, "1 h"],
  [86_400, "24 h"],
  [2_592_000, "30 days"],
])("%d seconds last %s", (seconds, text) => {
  assertEquals(formatSpan(seconds), text);
});

Deno.test("a moment of another day has its day", () => {
  const noon = new Date(2026, 2, 4, 12, 0, 5).getTime();
  assertEquals(formatMoment(noon, noon + 3_600_000), "12:00:05");
  assertEquals(formatMoment(noon, noon + 86_400_000), "4 Mar 12:00:05");
});

Deno.test("times at an axis are as long as its steps need", () => {
  const at = (hour: number, second = 0): number =>
    new Date(2026, 2, 4, hour, 0, second).getTime() / 1_000;
  assertEquals(formatAxisTime(at(12, 30), 30), "12:00:30");
  assertEquals(formatAxisTime(at(12), 60), "12:00");
  assertEquals(formatAxisTime(at(0), 7_200), "4 Mar");
  assertEquals(formatAxisTime(at(12), 86_400), "4 Mar");
});
