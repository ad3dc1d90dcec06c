import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { detectFormat } from "../../lib/exposition/format.ts";
import { Sanitizer } from "../../lib/exposition/sanitizer.ts";
import { ENGINES, FAMILIES, sampleName } from "../../lib/history/names.ts";
import { SeriesTable } from "../../lib/history/series.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { createLogger } from "../../lib/log.ts";
import { capture, captureNames, LogLines } from "../fakes.ts";
import { addAt, bytesOf, grid, historyOf, SERVER, values } from "./scrapes.ts";

/** What vLLM says of its families in all captures: types by name, of counters with `_total`. */
function typesSeen(): Map<string, string> {
  const types = new Map<string, string>();
  for (const name of captureNames()) {
    const { text } = capture(name);
    for (const [, family = "", type = ""] of text.matchAll(/^# TYPE vllm:(\w+) (\w+)$/gm)) {
      const bare = type === "counter" && !family.endsWith("_total");
      types.set(bare ? `${family}_total` : family, type);
    }
  }
  return types;
}

Deno.test("every family of vLLM's captures is kept with its type, but creation times", () => {
  const types = typesSeen();
  const renamed = new Set(ENGINES.flatMap(({ renames }) => Object.keys(renames)));
  for (const [family, type] of types) {
    const kind = type === "counter" || type === "histogram" ? type : "gauge";
    const sample = sampleName(`vllm_${family}${kind === "histogram" ? "_sum" : ""}`, kind);
    const expected = family.endsWith("_created") ? undefined : kind;
    assertEquals(sample?.kind, expected, family);
    if (!renamed.has(family) && expected !== undefined) assertEquals(sample?.family, family);
  }
  assertEquals([...FAMILIES.keys()].filter((family) => !types.has(family)), []);
});

Deno.test("old names are recorded under their new ones, whatever their prefix", () => {
  for (const prefix of ["vllm_", "vllm:", "kserve_vllm:", "ray_vllm_"]) {
    assertEquals(sampleName(`${prefix}gpu_cache_usage_perc`)?.name, "kv_cache_usage_perc");
  }
  assertEquals(sampleName("vllm_gpu_prefix_cache_hits_total")?.name, "prefix_cache_hits_total");
  assertEquals(sampleName("vllm_time_per_output_token_seconds_bucket"), {
    name: "inter_token_latency_seconds_bucket",
    family: "inter_token_latency_seconds",
    kind: "histogram",
    isKnown: true,
    isOld: true,
  });
});

Deno.test.each<[string, Parameters<typeof sampleName>[1], string | undefined]>([
  ["vllm_iteration_tokens_total_sum", "histogram", "iteration_tokens_total histogram"],
  ["vllm_iteration_tokens_total_sum", undefined, "iteration_tokens_total histogram"],
  ["vllm_prompt_tokens_created", "gauge", undefined],
  ["python_info", "gauge", undefined],
  ["process_resident_memory_bytes", "gauge", "process_resident_memory_bytes gauge"],
  ["http_requests_total", "counter", "http_requests_total counter"],
  ["http_requests_total", undefined, "http_requests_total counter"],
  ["http_request_duration_seconds_bucket", "histogram", "http_request_duration_seconds histogram"],
  ["http_request_size_bytes_count", "summary", "http_request_size_bytes_count counter"],
  ["vllm_nixl_num_failed_transfers_total", "counter", "nixl_num_failed_transfers_total counter"],
  ["vllm_toString", undefined, "toString gauge"],
  ["ray_vllm_prompt_tokens", "gauge", undefined],
  ["sglang_num_running_reqs", "gauge", "num_requests_running gauge"],
  ["sglang:queue_time_seconds_bucket", "histogram", "request_queue_time_seconds histogram"],
  ["sglang_prompt_tokens_histogram_sum", "histogram", "request_prompt_tokens histogram"],
  ["sglang_gen_throughput", "gauge", "gen_throughput gauge"],
  ["trtllm_kv_cache_utilization", "gauge", "kv_cache_usage_perc gauge"],
  ["llamacpp_tokens_predicted_total", "counter", "generation_tokens_total counter"],
  ["vllm_", undefined, undefined],
])("%s of type %s is kept as %s", (written, type, expected) => {
  const sample = sampleName(written, type);
  assertEquals(sample && `${sample.family} ${sample.kind}`, expected);
});

/** Reads a text; every series has room. */
function readAll(bytes: Uint8Array, table: SeriesTable): ReturnType<SeriesTable["read"]> {
  return table.read(bytes, 0, () => true);
}

/** Values by name, labels and bound. */
function read(text: string, table = new SeriesTable("a:1")): Record<string, number> {
  return Object.fromEntries(
    readAll(bytesOf(text), table).values.entries().map(([id, value]) => {
      const { name, labels, le } = table.get(id) ?? { name: "?", labels: {}, le: NaN };
      const bound = Number.isNaN(le) ? "" : ` ≤ ${le}`;
      return [`${name}${bound} ${JSON.stringify(labels)}`, value];
    }),
  );
}

Deno.test("a sample becomes a series with its labels and its server", () => {
  assertEquals(
    read(
      "# HELP vllm_num_requests_running x\n# TYPE vllm_num_requests_running gauge\n" +
        'vllm_num_requests_running{engine="0",model_name="m"} 3.0\n',
    ),
    { 'num_requests_running {"engine":"0","model_name":"m","instance":"a:1"}': 3 },
  );
});

Deno.test("escapes and signs of the format inside label values are read", () => {
  const table = new SeriesTable("a:1");
  read('vllm_num_requests_running{model_name="we\\"ird\\\\mo\\nd} el,x=\\"1"} 1\n', table);
  assertEquals([...table.values()][0]?.labels.model_name, 'we"ird\\mo\nd} el,x="1');
});

Deno.test("vLLM's router is not taken for its engines", () => {
  const series = 'router_vllm_num_requests_running {"server":"http://a","instance":"a:1"}';
  assertEquals(read('vllm_num_requests_running{server="http://a"} 3\n'), { [series]: 3 });
});

Deno.test("numbers of all forms are read, a time behind them is not", () => {
  const series = 'num_requests_running {"instance":"a:1"}';
  for (
    const [text, value] of [
      ["1", 1],
      ["1.5e+09", 1.5e9],
      ["+Inf", Infinity],
      ["-Inf", -Infinity],
      ["2 1700000000000", 2],
    ] as const
  ) assertEquals(read(`vllm_num_requests_running ${text}\n`), { [series]: value }, text);
});

Deno.test("a value that is no number is taken as absent", () => {
  assertEquals(read("vllm_num_requests_running NaN\nvllm_num_requests_waiting x\n"), {});
});

Deno.test("one bound is one series, however it is written and wherever it stands", () => {
  const table = new SeriesTable("a:1");
  read('vllm_time_to_first_token_seconds_bucket{engine="0",le="1.0",model_name="m"} 1\n', table);
  const rust = 'vllm_time_to_first_token_seconds_bucket{le="1",model_name="m",engine="0"} 2\n';
  assertEquals(Object.values(read(rust, table)), [2]);
  assertEquals(table.size, 1);
});

Deno.test("a new name counts where an old one stands beside it, in any order", () => {
  const old = "vllm_gpu_cache_usage_perc 0.1\n";
  const now = "vllm_kv_cache_usage_perc 0.2\n";
  const series = 'kv_cache_usage_perc {"instance":"a:1"}';
  assertEquals(read(old), { [series]: 0.1 });
  assertEquals(read(old + now), { [series]: 0.2 });
  assertEquals(read(now + old), { [series]: 0.2 });
});

Deno.test("captures of all vLLM versions and front ends give their series", () => {
  for (const name of captureNames()) {
    const { bytes, contentType } = capture(name);
    const format = detectFormat(contentType, bytes);
    const sanitized = new TextEncoder().encode(new Sanitizer({ format }).push(bytes, true));
    const table = new SeriesTable("a:1");
    readAll(sanitized, table);
    const known = table.named("generation_tokens_total").length;
    assertEquals(known > 0, !name.startsWith("nostats"), name);
  }
});

Deno.test("rubbish is read without an error", () => {
  const rubbish = fc.stringMatching(/^[vlm_:{}"\\=, \n0-9enrgqusti]{0,80}$/);
  fc.assert(fc.property(rubbish, (text) => {
    const line = `vllm_num_requests_running${text}`;
    const { values } = readAll(bytesOf(line), new SeriesTable("a:1"));
    assert(values.values().every((value) => !Number.isNaN(value)));
  }));
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assertEquals(readAll(bytes, new SeriesTable("a:1")).dropped, 0);
  }));
});

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
