import { assertEquals } from "@std/assert";
import { HistoryStore } from "../../lib/history/store.ts";

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
