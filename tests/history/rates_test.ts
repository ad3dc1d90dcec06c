import { assertEquals } from "@std/assert";
import { increases } from "../../lib/history/evaluate.ts";
import { grid, history, values } from "./scrapes.ts";

type Sample = readonly [seconds: number, value: number];

function increase(samples: readonly Sample[], end: number, range: number): number {
  const all = {
    times: Float64Array.from(samples, ([seconds]) => seconds * 1_000),
    intervals: new Float64Array(samples.length),
    values: Float64Array.from(samples, ([, value]) => value),
  };
  return increases(all, [{ endMs: end * 1_000, rangeMs: range * 1_000 }])[0] ?? NaN;
}

Deno.test("an increase reaches to both ends of the stretch when samples are close to them", () => {
  assertEquals(increase([[2, 100], [4, 110], [6, 120], [8, 130]], 9, 8), 40);
});

Deno.test("an increase ends half a distance beyond samples that are far from the ends", () => {
  assertEquals(increase([[10, 100], [12, 110], [14, 120]], 30, 30), 30);
});

Deno.test("an increase does not begin before the counter was zero", () => {
  assertEquals(increase([[2, 1], [4, 11]], 4, 4), 11);
});

Deno.test("a counter that fell has begun anew at zero", () => {
  assertEquals(increase([[0, 100], [2, 110], [4, 5], [6, 9]], 6, 6), 19);
});

Deno.test("one sample, or none, gives no increase", () => {
  assertEquals(increase([[5, 100]], 6, 6), NaN);
  assertEquals(increase([], 6, 6), NaN);
});

Deno.test("a sample at either end of the stretch is in it", () => {
  assertEquals(increase([[0, 100], [2, 104]], 2, 2), 4);
});

Deno.test("scrapes in which a series was absent count as if there were none", () => {
  assertEquals(increase([[2, 100], [4, NaN], [6, 120], [8, 130]], 8, 6), 30);
});

Deno.test("a rate is the increase by the seconds asked for", () => {
  const store = history({
    0: "vllm_prompt_tokens_total 1000\n",
    10: "vllm_prompt_tokens_total 1500\n",
    20: "vllm_prompt_tokens_total 2000\n",
  });
  const question = { metric: "prompt_tokens_total", grid: grid(20), rangeMs: 20_000 };
  assertEquals(values(store.rate(question)), [50]);
  assertEquals(values(store.increase(question)), [1_000]);
});

Deno.test("there is no rate before the second scrape, nor when scrapes lie too far back", () => {
  const store = history({
    0: "vllm_prompt_tokens_total 1\n",
    10: "vllm_prompt_tokens_total 1\n",
  });
  const question = { metric: "prompt_tokens_total", grid: grid(0, 40, 10), rangeMs: 20_000 };
  assertEquals(values(store.rate(question)), [null, 0, 0, null, null]);
});

Deno.test("a family that was never seen has no lines", () => {
  const store = history({ 0: "vllm_prompt_tokens_total 1\n" });
  assertEquals(store.rate({ metric: "never", grid: grid(0), rangeMs: 1_000 }), []);
});

/** Scrapes each two seconds of a counter that grows by 10 a second, within some seconds. */
function steady(...spans: readonly (readonly [number, number])[]): ReturnType<typeof history> {
  const seconds = spans.flatMap(([from, to]) =>
    Array.from({ length: (to - from) / 2 + 1 }, (_, index) => from + 2 * index)
  );
  return history(Object.fromEntries(
    seconds.map((at) => [at, `vllm_prompt_tokens_total ${1_000 + 10 * at}\n`]),
  ));
}

Deno.test("a rate is right from the second scrape on where gaps are asked for", () => {
  const question = { metric: "prompt_tokens_total", grid: grid(0, 10, 2), rangeMs: 60_000 };
  const store = steady([0, 10]);
  assertEquals(values(store.rate({ ...question, hasGaps: true })), [null, 10, 10, 10, 10, 10]);
  assertEquals(values(store.rate(question))[1], 30 / 60);
});

Deno.test("a rate neither falls nor rises at a gap where gaps are asked for", () => {
  const question = { metric: "prompt_tokens_total", grid: grid(60, 260, 10), rangeMs: 60_000 };
  const found = values(steady([0, 100], [200, 260]).rate({ ...question, hasGaps: true }));
  assertEquals(found.slice(0, 10), Array(10).fill(10));
  assertEquals(found.slice(-6), Array(6).fill(10));
});

Deno.test("a gap within the stretch of a rate is bridged, and a series that begins is no gap", () => {
  const question = { metric: "prompt_tokens_total", rangeMs: 60_000, hasGaps: true };
  const bridged = steady([0, 20], [50, 60]).rate({ ...question, grid: grid(60) });
  assertEquals(values(bridged), [10]);
  const begun = history({
    ...Object.fromEntries(Array.from({ length: 30 }, (_, index) => [2 * index, "vllm_x 1\n"])),
    60: "vllm_prompt_tokens_total 0\n",
    62: "vllm_prompt_tokens_total 60\n",
  });
  assertEquals(values(begun.rate({ ...question, grid: grid(62) })), [1]);
});
