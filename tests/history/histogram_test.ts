import { assertEquals } from "@std/assert";
import { buckets, grid, history, values } from "./scrapes.ts";

const TTFT = "time_to_first_token_seconds";
const QUESTION = { metric: TTFT, grid: grid(10), rangeMs: 10_000 };

function engine(number: number, ...counts: readonly (readonly [number, number])[]): string {
  return buckets(TTFT, counts, `engine="${number}",`);
}

Deno.test("a quantile is that of the buckets added over engines, not a mean of quantiles", () => {
  const store = history({
    0: engine(0, [1, 0], [2, 0], [Infinity, 0]) + engine(1, [1, 0], [2, 0], [Infinity, 0]),
    10: engine(0, [1, 90], [2, 90], [Infinity, 90]) + engine(1, [1, 0], [2, 10], [Infinity, 10]),
  });
  assertEquals(values(store.quantiles([0.9], QUESTION).flat()), [1]);
  assertEquals(store.quantiles([0.5], { ...QUESTION, by: ["engine"] }).flat(), [
    { labels: { engine: "0" }, values: [0.5] },
    { labels: { engine: "1" }, values: [1.5] },
  ]);
});

Deno.test("engines with other buckets are added bound by bound, and what falls is lifted", () => {
  // Added by bound: ≤1: 10, ≤2: 30 of the second only, ≤4: 10 of the first only, all: 40.
  const store = history({
    0: engine(0, [1, 0], [4, 0], [Infinity, 0]) + engine(1, [2, 0], [Infinity, 0]),
    10: engine(0, [1, 10], [4, 10], [Infinity, 10]) + engine(1, [2, 30], [Infinity, 30]),
  });
  assertEquals(values(store.quantiles([0.5], QUESTION).flat()), [1.5]);
});

Deno.test("without observations in the stretch there is no quantile, share or mean", () => {
  const text = engine(0, [1, 5], [Infinity, 5]) +
    `vllm_${TTFT}_sum{engine="0"} 3\nvllm_${TTFT}_count{engine="0"} 5\n`;
  const store = history({ 0: text, 10: text });
  assertEquals(values(store.quantiles([0.5], QUESTION).flat()), [null]);
  assertEquals(values(store.share(1, QUESTION)), [null]);
  assertEquals(values(store.mean(QUESTION)), [null]);
});

Deno.test("a mean is the rate of the sum by that of the count, by labels", () => {
  const text = (sum: number, count: number): string =>
    `vllm_${TTFT}_sum{engine="0"} ${sum}\nvllm_${TTFT}_count{engine="0"} ${count}\n`;
  const store = history({ 0: text(100, 100), 10: text(120, 110) });
  assertEquals(values(store.mean(QUESTION)), [2]);
  assertEquals(store.mean({ ...QUESTION, by: ["engine"] }), [
    { labels: { engine: "0" }, values: [2] },
  ]);
});

Deno.test("a share counts what is at or under the bound", () => {
  const store = history({
    0: engine(0, [1, 0], [2, 0], [Infinity, 0]),
    10: engine(0, [1, 6], [2, 8], [Infinity, 10]),
  });
  assertEquals(values(store.share(1, QUESTION)), [0.6]);
});

Deno.test("a heat map has the observations of each bucket since the time before", () => {
  const store = history({
    0: engine(0, [1, 100], [2, 100], [Infinity, 100]),
    10: engine(0, [1, 103], [2, 107], [Infinity, 108]),
    20: engine(0, [1, 103], [2, 107], [Infinity, 108]),
  });
  assertEquals(store.buckets({ metric: TTFT, grid: grid(0, 20, 10) }), {
    bounds: [1, 2, Infinity],
    counts: [null, [3, 4, 1], [0, 0, 0]],
  });
});
