import { assert, assertEquals } from "@std/assert";
import { Sanitizer } from "../../lib/exposition/sanitizer.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { addAt, type Answer, history, historyOf, SERVER, START_MS, values } from "./scrapes.ts";

const GRID = { startMs: 1_000, endMs: 1_000, stepMs: 1 };

function scrape(store: HistoryStore, instance: string, timeMs = 1_000): void {
  const body = new TextEncoder().encode("vllm_num_requests_running 1\n");
  store.add({ instance, timeMs, body });
}

/** The servers that have a value. */
function known(store: HistoryStore): (string | undefined)[] {
  return store.gauge({ metric: "num_requests_running", grid: GRID, by: ["instance"] })
    .map(({ labels }) => labels.instance);
}

function listed(store: HistoryStore): string[] {
  return store.targets.map(({ instance }) => instance);
}

Deno.test("a server that has gone is listed no longer, and its scrapes stay", () => {
  const store = new HistoryStore({ instances: ["a:1"] });
  store.addServer("b:1");
  for (const instance of ["a:1", "b:1"]) scrape(store, instance);
  store.removeServer("a:1");
  assertEquals([listed(store), known(store)], [["b:1"], ["a:1", "b:1"]]);
  // It is the same server when it comes back.
  store.addServer("a:1");
  assertEquals([listed(store), known(store)], [["a:1", "b:1"], ["a:1", "b:1"]]);
  assertEquals(store.targets[0]?.lastSuccessMs, 1_000);
});

Deno.test("a server that never answered leaves nothing", () => {
  const store = new HistoryStore({ instances: [] });
  store.addServer("a:1");
  store.fail({ instance: "a:1", timeMs: 1_000, error: "down" });
  store.removeServer("a:1");
  store.addServer("a:1");
  assertEquals(store.targets[0]?.up, undefined);
});

Deno.test("of the servers that have gone the last eight are kept", () => {
  const store = new HistoryStore({ instances: [] });
  for (let index = 0; index < 10; index++) {
    store.addServer(`pod-${index}`);
    scrape(store, `pod-${index}`);
    store.removeServer(`pod-${index}`);
  }
  assertEquals(listed(store), []);
  assertEquals(known(store), Array.from({ length: 8 }, (_, index) => `pod-${index + 2}`));
  assertEquals(store.series, 8);
});

const REFUSED: Answer = { error: "refused" };

/** A server that has taken in so many prompt tokens, by engine. */
function counted(...tokens: number[]): string {
  return "vllm_num_requests_running 0\n" +
    tokens.map((value, engine) => `vllm_prompt_tokens_total{engine="${engine}"} ${value}\n`).join(
      "",
    );
}

/** The restarts within two times, all in seconds behind the start. */
function restarts(store: HistoryStore, from = 0, to = 86_400): number[] {
  return store.restarts(SERVER, START_MS + from * 1_000, START_MS + to * 1_000)
    .map((timeMs) => (timeMs - START_MS) / 1_000);
}

Deno.test("a counter that falls is a restart, seen when it was scraped", () => {
  const store = history({ 0: counted(50), 2: counted(60), 4: counted(5), 6: counted(70) });
  assertEquals(restarts(store), [4]);
});

Deno.test("one engine of several that counts anew is a restart", () => {
  assertEquals(restarts(history({ 0: counted(50, 50), 2: counted(51, 0) })), [2]);
});

Deno.test("failed scrapes and a counter that fell are one restart", () => {
  const store = history({ 0: counted(50), 2: REFUSED, 4: REFUSED, 6: counted(0), 8: counted(9) });
  assertEquals(restarts(store), [6]);
});

Deno.test("a counter that is gone has begun anew, as before the first request", () => {
  assertEquals(restarts(history({ 0: counted(50), 2: REFUSED, 4: counted() })), [4]);
});

Deno.test("failed scrapes behind which the counter goes on are no restart", () => {
  assertEquals(restarts(history({ 0: counted(50), 2: REFUSED, 4: counted(50) })), []);
});

Deno.test("a server without requests that was away may have restarted", () => {
  const store = history({ 0: counted(0), 2: REFUSED, 4: counted(0), 6: counted(0) });
  assertEquals(restarts(store), [4]);
});

Deno.test("a server that is still away, or is there for the first time, has not restarted", () => {
  assertEquals(restarts(history({ 0: REFUSED, 2: counted(0), 4: REFUSED })), []);
});

Deno.test("a time in which nobody scraped is no restart, unless the counter fell", () => {
  assertEquals(restarts(history({ 0: counted(50), 1800: counted(60) })), []);
  assertEquals(restarts(history({ 0: counted(0), 1800: counted(0) })), []);
  assertEquals(restarts(history({ 0: counted(50), 1800: counted(40) })), [1800]);
});

Deno.test("only scrapes within the times are looked at, both ends among them", () => {
  const store = history({ 0: counted(50), 2: counted(5), 4: counted(9), 6: counted(1) });
  assertEquals(restarts(store, 0, 6), [2, 6]);
  assertEquals(restarts(store, 1, 5), []);
});

Deno.test("restarts are the same across blocks, and in scrapes that were thinned", () => {
  const store = historyOf();
  for (let seconds = 0; seconds <= 7_200; seconds += 2) {
    const lifeSeconds = seconds % 600;
    addAt(store, seconds, lifeSeconds < 20 ? REFUSED : counted(lifeSeconds));
  }
  const all = Array.from({ length: 11 }, (_, index) => 620 + index * 600);
  assertEquals(restarts(store), all);
});

/** The scrapes of a real vLLM that were made one after the other; what was not answered is empty. */
function recorded(series: string): HistoryStore {
  const folder = new URL(`../testdata/vllm/${series}/`, import.meta.url).pathname;
  const store = new HistoryStore({ instances: [SERVER] });
  for (const line of Deno.readTextFileSync(`${folder}${series}-times.txt`).trim().split("\n")) {
    const [number = "", seconds = ""] = line.split(" ");
    const timeMs = Math.round(Number(seconds) * 1_000);
    const text = Deno.readFileSync(`${folder}${series}-${number}.txt`);
    if (text.length === 0) store.fail({ instance: SERVER, timeMs, error: "refused" });
    else {
      const body = new TextEncoder().encode(new Sanitizer({ format: "text" }).push(text, true));
      store.add({ instance: SERVER, timeMs, body });
    }
  }
  return store;
}

/** The time of the newest scrape, as a grid and the stretch before it. */
function whole({ oldestMs = 0, newestMs = 0 }: HistoryStore): {
  grid: { startMs: number; endMs: number; stepMs: number };
  rangeMs: number;
} {
  const grid = { startMs: newestMs, endMs: newestMs, stepMs: 1 };
  return { grid, rangeMs: newestMs - oldestMs };
}

Deno.test("a real restart is a gap of gauges, and no counter goes back", () => {
  const store = recorded("restart");
  const { oldestMs = 0, newestMs = 0 } = store;
  const grid = { startMs: oldestMs, endMs: newestMs, stepMs: 1_000 };
  const running = values(store.gauge({ metric: "num_requests_running", grid }));
  const gapSeconds = running.filter((value) => value === null).length;
  // The log of the recording: refused from 36 s to 66 s behind its beginning.
  assertEquals([gapSeconds, running.indexOf(null)], [31, 36]);
  const question = { metric: "generation_tokens_total", grid, rangeMs: 20_000 };
  const rates = values(store.rate(question)).filter((rate) => rate !== null);
  assert(rates.length > 50 && rates.every((rate) => rate >= 0), rates.join());
  const [target] = store.targets;
  assertEquals([target?.up, (target?.sinceMs ?? 0) - oldestMs], [true, 66_328]);
});

Deno.test("two real engines are added, and stay apart when asked for", () => {
  const store = recorded("dp2-series");
  const { grid } = whole(store);
  // As the captures say: both engines had finished their work.
  const question = { metric: "generation_tokens_total", grid };
  assertEquals(values(store.gauge(question)), [14_624 + 14_064]);
  assertEquals(store.gauge({ ...question, by: ["engine"] }), [
    { labels: { engine: "0" }, values: [14_624] },
    { labels: { engine: "1" }, values: [14_064] },
  ]);
});

Deno.test("a real vLLM under pressure shows its queue and its preemptions", () => {
  const store = recorded("pressure-series");
  const { grid, rangeMs } = whole(store);
  const { oldestMs = 0, newestMs = 0 } = store;
  const all = { startMs: oldestMs, endMs: newestMs, stepMs: 1_000 };
  const waiting = values(store.gauge({ metric: "num_requests_waiting", grid: all }));
  assert(waiting.some((value) => (value ?? 0) >= 15), waiting.join());
  const [preemptions] = values(store.increase({ metric: "num_preemptions_total", grid, rangeMs }));
  assert((preemptions ?? 0) > 0);
  const [series = []] = store.quantiles([0.95], {
    metric: "time_to_first_token_seconds",
    grid,
    rangeMs,
  });
  const [p95] = values(series);
  assert((p95 ?? 0) > 0);
});
