import { assertEquals } from "@std/assert";
import { ENGINES, FAMILIES, sampleName } from "../../lib/history/names.ts";
import { capture, captureNames } from "../fakes.ts";

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

Deno.test("old names are told by their new ones, whatever stands before them", () => {
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
  ["vllm_", undefined, undefined],
])("%s of type %s is kept as %s", (written, type, expected) => {
  const sample = sampleName(written, type);
  assertEquals(sample && `${sample.family} ${sample.kind}`, expected);
});
