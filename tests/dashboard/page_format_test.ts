import { assertEquals } from "@std/assert";
import {
  formatAxisTime,
  formatMoment,
  formatSpan,
  formatText,
  formatTick,
} from "../../lib/dashboard/page/format.ts";
import type { Unit } from "../../lib/dashboard/view.ts";

Deno.test.each<[number | null, Unit, string]>([
  [null, "seconds", "–"],
  [0, "seconds", "0 s"],
  [0.000_4, "seconds", "0.40 ms"],
  [0.024_3, "seconds", "24.3 ms"],
  [0.85, "seconds", "850 ms"],
  [0.999_4, "seconds", "999 ms"],
  [0.999_6, "seconds", "1.00 s"],
  [1.234, "seconds", "1.23 s"],
  [9.999, "seconds", "10.0 s"],
  [59.99, "seconds", "1:00 min"],
  [125, "seconds", "2:05 min"],
  [3_660, "seconds", "1:01 h"],
  [0, "share", "0%"],
  [0.000_2, "share", "<0.1%"],
  [0.412, "share", "41.2%"],
  [0.999_9, "share", ">99.9%"],
  [1, "share", "100%"],
  [0, "requests/s", "0 req/s"],
  [0.003_4, "events/s", "0.003 /s"],
  [0.52, "requests/s", "0.52 req/s"],
  [12.34, "requests/s", "12.3 req/s"],
  [48, "requests", "48 req"],
  [999.6, "tokens/s", "1.00k tok/s"],
  [1_236, "tokens/s", "1.24k tok/s"],
  [18_400, "tokens/s", "18.4k tok/s"],
  [2_500_000, "tokens", "2.50M tok"],
  [7, "count", "7"],
])("%j as %s reads %s", (value, unit, text) => {
  assertEquals(formatText(value, unit), text);
});

Deno.test.each<[number, Unit, string]>([
  [0, "share", "0"],
  [0.25, "share", "25%"],
  [0.125, "share", "12.5%"],
  [0.25, "seconds", "250 ms"],
  [2, "seconds", "2 s"],
  [2.5, "seconds", "2.5 s"],
  [5_000, "tokens/s", "5k"],
  [12_500, "tokens/s", "12.5k"],
  [100, "requests", "100"],
])("%j at an axis of %s reads %s", (value, unit, text) => {
  assertEquals(formatTick(value, unit), text);
});

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
