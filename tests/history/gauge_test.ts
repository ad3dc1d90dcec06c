import { assertEquals } from "@std/assert";
import { addAt, grid, history, historyOf, SERVER, values } from "./scrapes.ts";

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

Deno.test("a gauge has no value before its first scrape", () => {
  const store = history({ 10: running(1) });
  assertEquals(values(store.gauge({ metric: RUNNING, grid: grid(8, 10) })), [null, null, 1]);
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

Deno.test("a label that no series has tells no lines apart", () => {
  const store = history({ 0: running(1) });
  assertEquals(store.gauge({ metric: RUNNING, grid: grid(0), by: ["model_name"] }), [
    { labels: {}, values: [1] },
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
