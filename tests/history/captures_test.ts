import { assert, assertEquals } from "@std/assert";
import { Sanitizer } from "../../lib/exposition/sanitizer.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { SERVER, values } from "./scrapes.ts";

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
      const body = new Sanitizer({ format: "text" }).push(text, true);
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
