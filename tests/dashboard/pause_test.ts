import { assertEquals } from "@std/assert";
import type { View } from "../../lib/dashboard/view.ts";
import type { HistoryStore } from "../../lib/history/store.ts";
import { addAt, historyOf, START_MS } from "../history/scrapes.ts";
import { builtView } from "./built_view.ts";

const INTERVAL_SECONDS = 2;

/** Scrapes from one second to another of a vLLM with a queue that generates 100 tokens a second. */
function scrape(store: HistoryStore, from: number, to: number): void {
  for (let at = from; at <= to; at += INTERVAL_SECONDS) {
    addAt(
      store,
      at,
      `vllm:num_requests_running{engine="0"} 4\nvllm:num_requests_waiting{engine="0"} 60\n` +
        `vllm:kv_cache_usage_perc{engine="0"} 0.2\n` +
        `vllm:generation_tokens_total{engine="0"} ${5_000 + 100 * at}\n`,
    );
  }
}

function viewAt(store: HistoryStore, seconds: number): View {
  return builtView(
    store,
    { selection: {}, windowSeconds: 300 },
    START_MS + seconds * 1_000,
    {
      goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
      intervalMs: INTERVAL_SECONDS * 1_000,
      windows: [300],
      viewedSinceMs: START_MS + seconds * 1_000,
    },
  );
}

function tileOf({ tiles }: View, id: string): string | number | undefined {
  const tile = tiles.find((tile) => tile.id === id);
  return tile?.value ?? tile?.note;
}

Deno.test("a page that is opened after a pause shows nothing of before it as of now", () => {
  const store = historyOf();
  scrape(store, 0, 100);
  assertEquals(viewAt(store, 100).findings.map(({ id }) => id), ["scheduler_bound_queue"]);
  const view = viewAt(store, 200);
  assertEquals(tileOf(view, "running"), "no data");
  assertEquals(tileOf(view, "generation_tokens"), "no data");
  assertEquals(view.findings, []);
});

Deno.test("after a pause the second scrape tells how much is done", () => {
  const store = historyOf();
  scrape(store, 0, 100);
  scrape(store, 200, 202);
  const view = viewAt(store, 202);
  assertEquals(tileOf(view, "generation_tokens"), 100);
  const output = view.charts.find(({ id }) => id === "tokens")?.series.at(-1);
  const values = output?.values.filter((value) => value !== null);
  assertEquals(new Set(values), new Set([100]));
});
