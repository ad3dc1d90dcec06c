import { assertEquals } from "@std/assert";
import type { HistoryStore } from "../../lib/history/store.ts";
import { addAt, type Answer, history, historyOf, SERVER, START_MS } from "./scrapes.ts";

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

Deno.test("a server that nobody knows has no restarts", () => {
  assertEquals(historyOf().restarts("other", 0, START_MS), []);
});
