import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SeriesTable } from "../../lib/history/series.ts";
import { Sanitizer } from "../../lib/exposition/sanitizer.ts";
import { detectFormat } from "../../lib/exposition/format.ts";
import { capture, captureNames } from "../fakes.ts";
import { bytesOf } from "./scrapes.ts";

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

Deno.test("an old histogram gives nothing where the new one has other buckets", () => {
  const old = 'vllm_time_per_output_token_seconds_bucket{le="0.5"} 1\n';
  const now = 'vllm_inter_token_latency_seconds_bucket{le="1"} 2\n';
  assertEquals(Object.values(read(old + now)), [2]);
});

Deno.test("no more series are added when there is no room, and their samples are counted", () => {
  const table = new SeriesTable("a:1");
  const text = "vllm_num_requests_running 1\nvllm_num_requests_waiting 2\n";
  for (let time = 0; time < 2; time++) {
    const { values, dropped } = table.read(bytesOf(text), time, () => table.size < 1);
    assertEquals([[...values.values()], dropped], [[1], 1]);
  }
});

Deno.test("captures of all vLLM versions and front ends give their series", () => {
  for (const name of captureNames()) {
    const { bytes, contentType } = capture(name);
    const format = detectFormat(contentType, bytes);
    const sanitized = new Sanitizer({ format }).push(bytes, true);
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
