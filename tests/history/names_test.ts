import { assertEquals } from "@std/assert";
import { FAMILIES, RENAMED, sampleName } from "../../lib/history/names.ts";
import { capture, captureNames } from "../fakes.ts";

/** Families of real captures that no page uses: connectors and endpoints that few have. */
const NOT_KEPT =
  /_created$|^(?:kv_block_|mooncake_|nixl_|corrupted_|rl_weight_|sleep_mode_|kv_offload_)/;

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

Deno.test("every family of vLLM's captures is kept with its type, but those that are left out", () => {
  const types = typesSeen();
  for (const [family, type] of types) {
    if (NOT_KEPT.test(family)) assertEquals(sampleName(`vllm_${family}`), undefined, family);
    else assertEquals(FAMILIES.get(RENAMED.get(family) ?? family), type, family);
  }
  assertEquals([...FAMILIES.keys()].filter((family) => !types.has(family)), []);
});

Deno.test("old names are told by their new ones", () => {
  assertEquals(sampleName("vllm_gpu_cache_usage_perc")?.name, "kv_cache_usage_perc");
  assertEquals(sampleName("vllm_gpu_prefix_cache_hits_total")?.name, "prefix_cache_hits_total");
  assertEquals(sampleName("vllm_time_per_output_token_seconds_bucket"), {
    name: "inter_token_latency_seconds_bucket",
    family: "inter_token_latency_seconds",
    isCounter: true,
    isOld: true,
  });
});

Deno.test("the samples of a histogram are counters, whatever its name ends in", () => {
  assertEquals(sampleName("vllm_iteration_tokens_total_sum")?.isCounter, true);
  assertEquals(sampleName("vllm_iteration_tokens_total"), undefined);
});

Deno.test("what is not vLLM's, and creation times, are not kept", () => {
  for (
    const written of [
      "python_info",
      "http_requests_total",
      "prompt_tokens_total",
      "vllm_prompt_tokens_created",
      "vllm_toString",
      "vllm_",
      "",
    ]
  ) assertEquals(sampleName(written), undefined, written);
});
