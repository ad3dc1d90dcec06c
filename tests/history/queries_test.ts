import { assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bucket, quantileOf, shareUnder } from "../../lib/history/evaluate.ts";
import { addAt, buckets, grid, history, historyOf, SERVER, values } from "./scrapes.ts";

const RUNNING = "num_requests_running";

function running(value: number, labels = ""): string {
  return `vllm_num_requests_running{${labels}} ${value}\n`;
}

Deno.test("a gauge holds until the next scrape", () => {
  const store = history({ 0: running(1), 10: running(2) });
  assertEquals(values(store.gauge({ metric: RUNNING, grid: grid(0, 15, 5) })), [1, 1, 2, 2]);
});

Deno.test("a gauge is stale after five minutes", () => {
  const store = history({ 0: running(1) });
  assertEquals(values(store.gauge({ metric: RUNNING, grid: grid(298, 301) })), [1, 1, null, null]);
});

Deno.test("a gauge holds for a few scrapes where gaps are asked for", () => {
  const store = history({ 0: running(1), 2: running(1), 4: running(1), 40: running(2) });
  const question = { metric: RUNNING, grid: grid(16, 44, 4), hasGaps: true };
  assertEquals(values(store.gauge(question)), [1, null, null, null, null, null, 2, 2]);
});

Deno.test("readers that come seldom, or one soon after the other, leave no gaps", () => {
  const store = history(
    Object.fromEntries([0, 60, 63, 120, 123, 180].map((seconds) => [seconds, running(1)])),
  );
  const question = { metric: RUNNING, grid: grid(60, 200, 10), hasGaps: true };
  assertEquals(values(store.gauge(question)), Array(15).fill(1));
});

Deno.test("a scrape in which a series is missing makes it stale at once", () => {
  const store = history({ 0: running(1), 2: "vllm_prompt_tokens_total 1\n", 4: running(3) });
  assertEquals(values(store.gauge({ metric: RUNNING, grid: grid(1, 4) })), [1, null, null, 3]);
});

Deno.test("a failed scrape makes all series stale at once", () => {
  const store = history({ 0: running(1), 2: { error: "refused" }, 4: running(3) });
  assertEquals(values(store.gauge({ metric: RUNNING, grid: grid(1, 4) })), [1, null, null, 3]);
});

Deno.test("series become one line: added, or the highest, the lowest, the mean", () => {
  const store = history({ 0: running(1, 'engine="0"') + running(5, 'engine="1"') });
  const question = { metric: RUNNING, grid: grid(0) };
  assertEquals(values(store.gauge(question)), [6]);
  assertEquals(values(store.gauge({ ...question, aggregate: "max" })), [5]);
  assertEquals(values(store.gauge({ ...question, aggregate: "min" })), [1]);
  assertEquals(values(store.gauge({ ...question, aggregate: "mean" })), [3]);
});

Deno.test("there is a line for each set of values of the labels asked for", () => {
  const store = history({
    0: running(1, 'engine="0",model_name="b"') + running(2, 'engine="1",model_name="b"') +
      running(4, 'engine="0",model_name="a"'),
  });
  assertEquals(store.gauge({ metric: RUNNING, grid: grid(0), by: ["model_name"] }), [
    { labels: { model_name: "a" }, values: [4] },
    { labels: { model_name: "b" }, values: [3] },
  ]);
});

Deno.test("a selection takes server, model and engine; series without the label stay", () => {
  const store = historyOf({ instances: ["a:1", "b:1"] });
  for (const [index, instance] of ["a:1", "b:1"].entries()) {
    const text = running(1 + index, 'engine="0",model_name="m"') +
      running(10 + index, 'engine="1",model_name="m"') +
      'vllm_admission_rejections_total{model_name="m",reason="x"} 5\n';
    addAt(store, 0, text, instance);
  }
  const question = { metric: RUNNING, grid: grid(0) };
  assertEquals(values(store.gauge({ ...question, selection: { instance: "b:1" } })), [13]);
  assertEquals(values(store.gauge({ ...question, selection: { engine: "1" } })), [21]);
  assertEquals(values(store.gauge({ ...question, selection: { model: "m" } })), [24]);
  assertEquals(store.gauge({ ...question, selection: { model: "other" } }), []);
  const rejections = { ...question, metric: "admission_rejections_total" };
  assertEquals(values(store.gauge({ ...rejections, selection: { engine: "1" } })), [10]);
});

Deno.test("labels tell what can be chosen", () => {
  const store = history({
    0: running(1, 'engine="1",model_name="m"') + running(1, 'engine="0",model_name="n"'),
  });
  assertEquals(store.labelValues("engine"), ["0", "1"]);
  assertEquals(store.labelValues("model_name"), ["m", "n"]);
  assertEquals(store.labelValues("engine", { model: "m" }), ["1"]);
  assertEquals(store.labelValues("instance"), [SERVER]);
});

Deno.test("label sets are those of the newest scrape, the highest value first", () => {
  const info = (blocks: string, value: number): string =>
    `vllm_cache_config_info{num_gpu_blocks="${blocks}"} ${value}\n`;
  const store = history({ 0: info("gone", 1), 2: info("a", 2) + info("b", 3) });
  assertEquals(
    store.labelSets("cache_config_info").map((labels) => labels.num_gpu_blocks),
    ["b", "a"],
  );
  addAt(store, 4, { error: "refused" });
  assertEquals(store.labelSets("cache_config_info"), []);
});

Deno.test("a server is not known, then up, then down since its first failure", () => {
  const store = historyOf();
  const state = (): unknown => {
    const [target] = store.targets;
    return [target?.up, target?.error];
  };
  assertEquals(state(), [undefined, ""]);
  addAt(store, 0, running(1));
  addAt(store, 2, running(1));
  assertEquals(state(), [true, ""]);
  addAt(store, 4, { error: "Connection refused." });
  addAt(store, 6, { error: "Time is up." });
  assertEquals(state(), [false, "Time is up."]);
  const [{ sinceMs = 0, lastSuccessMs = 0 } = {}] = store.targets;
  assertEquals(sinceMs - lastSuccessMs, 2_000);
});

Deno.test("a scrape that is older than the last, or of an unknown server, is left out", () => {
  const store = history({ 10: running(1) });
  addAt(store, 5, running(7));
  addAt(store, 10, { error: "late" });
  addAt(store, 20, running(7), "other:1");
  assertEquals(values(store.gauge({ metric: RUNNING, grid: grid(5, 20, 5) })), [null, 1, 1, 1]);
  assertEquals(store.targets.map(({ up }) => up), [true]);
});

Deno.test("an empty history answers everything with nothing", () => {
  const store = historyOf();
  const question = { metric: "time_to_first_token_seconds", grid: grid(0, 2), rangeMs: 10_000 };
  assertEquals([store.oldestMs, store.newestMs], [undefined, undefined]);
  assertEquals(store.gauge(question), []);
  assertEquals(store.quantiles([0.5], question).flat(), []);
  assertEquals(store.share(0.5, question), []);
  assertEquals(store.mean(question), []);
  assertEquals(store.buckets(question), { bounds: [], counts: [null, null, null] });
  assertEquals(store.labelSets("cache_config_info"), []);
});

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

function bucketsOf(...counts: readonly (readonly [number, number])[]): Bucket[] {
  return counts.map(([bound, count]) => ({ bound, count }));
}

const PLAIN = bucketsOf([1, 10], [2, 30], [4, 40], [Infinity, 40]);
const ONE = bucketsOf([1, 5], [Infinity, 10]);

Deno.test.each<[number, Bucket[], number | null]>([
  [0.5, PLAIN, 1.5],
  [0.125, PLAIN, 0.5],
  [0.5, PLAIN.toReversed(), 1.5],
  [0.1, bucketsOf([-1, 10], [Infinity, 10]), -1],
  [0.99, ONE, 1],
  [0.5, bucketsOf([1, 0], [Infinity, 0]), null],
  [0.5, bucketsOf([1, 5], [2, 6]), null],
  [0.5, bucketsOf([Infinity, 6]), null],
  [0, bucketsOf([1, 0], [2, 5], [Infinity, 5]), null],
  [0.75, bucketsOf([1, 10], [2, 8], [4, 20], [Infinity, 20]), 3],
  [1, bucketsOf([1, 10], [2, 10 * (1 + 1e-15)], [Infinity, 10 * (1 + 1e-15)]), 1],
])("the quantile %s of %j is %s", (q, all, expected) => assertEquals(quantileOf(q, all), expected));

Deno.test.each<[number, Bucket[], number | null]>([
  [1, PLAIN, 0.25],
  [1.5, PLAIN, 0.5],
  [0.5, PLAIN, 0.125],
  [100, ONE, 0.5],
  [Infinity, ONE, 1],
  [-1, PLAIN, 0],
  [1, bucketsOf([1, 0], [Infinity, 0]), null],
])(
  "the share under %s of %j is %s",
  (bound, all, expected) => assertEquals(shareUnder(bound, all), expected),
);

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
