import { assert, assertEquals } from "@std/assert";
import { windowRanges, windowsOf } from "../../lib/dashboard/query_range.ts";

const NOW_MS = 1_795_492_696_276;

Deno.test("a month can be chosen only when the history is kept in a file", () => {
  assertEquals(windowsOf(false), [300, 900, 3_600, 10_800, 21_600, 86_400]);
  assertEquals(windowsOf(true), [...windowsOf(false), 604_800, 2_592_000]);
});

Deno.test("each window has 144 to 180 steps, aligned to the step", () => {
  for (const seconds of windowsOf(true)) {
    const { startMs, endMs, stepMs } = windowRanges(seconds, NOW_MS, 2_000).chart.grid;
    const steps = (endMs - startMs) / stepMs;
    assert(steps >= 144 && steps <= 180, `${seconds} s: ${steps} steps`);
    assertEquals([startMs % stepMs, endMs % stepMs], [0, 0]);
    assert(endMs <= NOW_MS && NOW_MS - endMs < stepMs);
  }
});

Deno.test("points stay where they are from one update to the next", () => {
  const first = windowRanges(3_600, 1_000_000, 2_000).chart.grid;
  assertEquals(windowRanges(3_600, 1_019_999, 2_000).chart.grid, first);
  assertEquals(windowRanges(3_600, 1_020_000, 2_000).chart.grid, {
    startMs: first.startMs + 20_000,
    endMs: first.endMs + 20_000,
    stepMs: 20_000,
  });
});

Deno.test("a rate spans a minute, the step, or four intervals, whichever is longest", () => {
  const range = (seconds: number, intervalMs: number): number =>
    windowRanges(seconds, NOW_MS, intervalMs).chart.rangeMs;
  assertEquals(range(300, 2_000), 60_000);
  assertEquals(range(86_400, 2_000), 600_000);
  assertEquals(range(300, 30_000), 120_000);
});
