import { assertEquals } from "@std/assert";
import { HistoryPoller } from "../../lib/server/history_poller.ts";
import { until } from "../fakes.ts";

/** Turns of the event loop: enough for timers without a wait to come again and again. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve));
}

Deno.test("a poll that finds no place is not made again before its interval is over", async () => {
  using poller = new HistoryPoller({
    lastMs: () => -Infinity,
    intervalMs: 60_000,
    answer: () => Promise.resolve(new Response("busy", { status: 503 })),
    now: () => 1_000_000,
  });
  using _watch = poller.watch();
  await until(() => poller.polls === 1, "the first poll");
  await turns(20);
  assertEquals(poller.polls, 1);
});
