import { assert, assertEquals } from "@std/assert";
import { HistoryStore } from "../../lib/history/store.ts";
import { createLogger } from "../../lib/log.ts";
import { LogLines } from "../fakes.ts";
import { addAt, grid, historyOf, SERVER, values } from "./scrapes.ts";

function running(engines: number): string {
  return Array.from(
    { length: engines },
    (_, engine) => `vllm_num_requests_running{engine="${engine}"} 1\n`,
  ).join("");
}

function enginesOf(store: HistoryStore, instance: string): number {
  const question = { metric: "num_requests_running", grid: grid(100), selection: { instance } };
  return values(store.gauge(question))[0] ?? 0;
}

Deno.test("a sample whose name and labels are longer than 4 KB is left out and counted", () => {
  const store = historyOf();
  const label = (length: number): string => `model_name="${"x".repeat(length)}"`;
  addAt(
    store,
    0,
    `vllm_num_requests_running{${label(4_100)}} 1\nvllm_num_requests_running{${label(4_000)}} 2\n`,
  );
  assertEquals(values(store.gauge({ metric: "num_requests_running", grid: grid(0) })), [2]);
  assertEquals([store.series, store.droppedSamples], [1, 1]);
});

Deno.test("long series are bounded by their bytes, not by their number alone", () => {
  const store = historyOf({ maxBytes: 8_000_000 });
  const name = "x".repeat(4_000);
  for (let scrape = 0; scrape < 20; scrape++) {
    const lines = Array.from(
      { length: 100 },
      (_, line) => `vllm_num_requests_running{model_name="${name}",engine="${scrape}-${line}"} 1\n`,
    );
    addAt(store, scrape, lines.join(""));
  }
  assert(store.series > 100 && store.series < 1_000, `${store.series} series`);
  assert(store.bytes <= 8_000_000, `${store.bytes} bytes`);
});

Deno.test("of the LoRA adapters of a server the newest are kept", () => {
  const store = historyOf();
  for (let scrape = 0; scrape < 50; scrape++) {
    // vLLM never forgets a set of adapters that was running; its value is when that was.
    const lines = Array.from(
      { length: scrape + 1 },
      (_, time) => `vllm_lora_requests_info{running_lora_adapters="a${time}"} ${1e9 + time}\n`,
    );
    addAt(store, scrape, lines.toReversed().join(""));
  }
  assertEquals(store.series, 1);
  assertEquals(
    store.labelSets("lora_requests_info").map((labels) => labels.running_lora_adapters),
    ["a49"],
  );
});

Deno.test("a server with too many series is cut to its share, and the others stay whole", () => {
  const log = new LogLines();
  const store = new HistoryStore({
    instances: ["greedy:1", "late:1"],
    maxSeries: 100,
    log: createLogger({
      level: "info",
      format: "text",
      write: (line) => log.push(line),
      now: () => 0,
    }),
  });
  addAt(store, 0, running(300), "greedy:1");
  assertEquals(enginesOf(store, "greedy:1"), 100);
  for (let seconds = 2; seconds <= 100; seconds += 2) {
    addAt(store, seconds, running(40), "late:1");
    addAt(store, seconds, running(300), "greedy:1");
  }
  assertEquals(enginesOf(store, "late:1"), 40);
  assert(enginesOf(store, "greedy:1") >= 50, `${enginesOf(store, "greedy:1")} series`);
  assert(store.series <= 100);
  const cut = store.targets.map(({ instance, droppedSamples = 0 }) => [instance, droppedSamples]);
  assertEquals(cut, [["greedy:1", 300 - enginesOf(store, "greedy:1")], ["late:1", 0]]);
  assertEquals(log.all.length, 1);
  assert(log.all[0]?.includes("greedy:1"), log.all[0]);
});

Deno.test("a server that is no longer cut is no longer listed as such", () => {
  const store = historyOf({ maxSeries: 10 });
  addAt(store, 0, running(12));
  assertEquals(store.targets[0]?.droppedSamples, 2);
  addAt(store, 2, running(10));
  assertEquals(store.targets[0]?.droppedSamples, undefined);
  assertEquals(enginesOf(store, SERVER), 10);
});

Deno.test("families that no tile shows have half of the room, and leave the rest to those that do", () => {
  const store = historyOf({ maxSeries: 20 });
  const others = Array.from({ length: 30 }, (_, code) => `http_requests_total{code="${code}"} 1\n`);
  addAt(store, 0, others.join("") + running(10));
  assertEquals([store.series, store.droppedSamples, enginesOf(store, SERVER)], [20, 0, 10]);
});
