/**
 * The names of samples in the history: those of vLLM 0.32 without `vllm:`, counters with `_total`;
 * samples that no engine has keep their own.
 */

import { VLLM_RENAMES } from "../exposition/names.ts";
import type { MetricType } from "../exposition/types.ts";

/** How the values of a family behave. */
export type FamilyKind = "gauge" | "counter" | "histogram";

/** The name of a sample. */
export type SampleName = {
  /** Its current name, such as `inter_token_latency_seconds_bucket`. */
  readonly name: string;
  /** The family it belongs to, such as `inter_token_latency_seconds`. */
  readonly family: string;
  readonly kind: FamilyKind;
  /** Whether it is one of vLLM's families that the dashboard shows. */
  readonly isKnown: boolean;
  /** Whether it was exposed under a name that newer versions have replaced. */
  readonly isOld: boolean;
};

/** The names of one engine. */
export type Engine = {
  readonly id: string;
  readonly title: string;
  /** What its names begin with; a colon or an underscore follows. */
  readonly prefixes: readonly string[];
  /** vLLM's families by another name that it has for them. */
  readonly renames: Readonly<Record<string, string>>;
};

/**
 * The engines, with the names of SGLang's `metrics/collector.py`, TensorRT-LLM's
 * `metrics/collector.py` and llama.cpp's `tools/server/README.md`. vLLM's prefix cache was first
 * counted in blocks, not in tokens, which leaves the share of hits as it is.
 */
export const ENGINES: readonly Engine[] = [
  {
    id: "vllm",
    title: "vLLM",
    prefixes: ["vllm", "kserve_vllm", "ray_vllm"],
    renames: VLLM_RENAMES,
  },
  {
    id: "sglang",
    title: "SGLang",
    prefixes: ["sglang"],
    renames: {
      num_running_reqs: "num_requests_running",
      num_queue_reqs: "num_requests_waiting",
      token_usage: "kv_cache_usage_perc",
      num_requests_total: "request_success_total",
      num_retracted_requests_total: "num_preemptions_total",
      cached_tokens_total: "prompt_tokens_cached_total",
      queue_time_seconds: "request_queue_time_seconds",
      time_per_output_token_seconds: "inter_token_latency_seconds",
      prompt_tokens_histogram: "request_prompt_tokens",
      generation_tokens_histogram: "request_generation_tokens",
    },
  },
  {
    id: "trtllm",
    title: "TensorRT-LLM",
    prefixes: ["trtllm"],
    renames: {
      kv_cache_utilization: "kv_cache_usage_perc",
      time_per_output_token_seconds: "inter_token_latency_seconds",
    },
  },
  {
    id: "llamacpp",
    title: "llama.cpp",
    prefixes: ["llamacpp"],
    renames: {
      requests_processing: "num_requests_running",
      requests_deferred: "num_requests_waiting",
      tokens_predicted_total: "generation_tokens_total",
      kv_cache_usage_ratio: "kv_cache_usage_perc",
    },
  },
];

/** `iteration_tokens_total` is a histogram in spite of its name. */
const KNOWN: Readonly<Record<FamilyKind, string>> = {
  gauge: `
    num_requests_running num_requests_waiting num_requests_waiting_by_reason kv_cache_usage_perc
    engine_sleep_state cache_config_info lora_requests_info`,
  counter: `
    prefix_cache_queries_total prefix_cache_hits_total external_prefix_cache_queries_total
    external_prefix_cache_hits_total mm_cache_queries_total mm_cache_hits_total
    num_preemptions_total prompt_tokens_total prompt_tokens_by_source_total
    prompt_tokens_cached_total prompt_tokens_cached_by_source_total generation_tokens_total
    request_success_total admission_rejections_total estimated_flops_per_gpu_total
    estimated_read_bytes_per_gpu_total estimated_write_bytes_per_gpu_total
    spec_decode_num_drafts_total spec_decode_num_draft_tokens_total
    spec_decode_num_accepted_tokens_total spec_decode_num_accepted_tokens_per_pos_total`,
  histogram: `
    time_to_first_token_seconds inter_token_latency_seconds request_time_per_output_token_seconds
    e2e_request_latency_seconds request_queue_time_seconds request_inference_time_seconds
    request_prefill_time_seconds request_decode_time_seconds request_prompt_tokens
    request_generation_tokens request_max_num_generation_tokens request_params_max_tokens
    request_params_n request_prefill_kv_computed_tokens request_num_preemptions
    iteration_tokens_total`,
};

/** vLLM's families that the dashboard shows. */
export const FAMILIES: ReadonlyMap<string, FamilyKind> = new Map(
  (["gauge", "counter", "histogram"] as const).flatMap((kind) =>
    KNOWN[kind].trim().split(/\s+/).map((name) => [name, kind] as const)
  ),
);

/** The engines by what their names begin with. */
const PREFIXES = ENGINES.map((engine) => ({
  engine,
  prefix: new RegExp(`^(?:${engine.prefixes.join("|")})[:_]`),
  renames: new Map(Object.entries(engine.renames)),
}));
/** The part of a histogram's sample name behind its family. */
const PART = /_(?:bucket|sum|count)$/;
/** Creation times, and what Python says of its garbage collector. */
const LEFT_OUT = /_created$|^python_/;

/** The family of a sample by its name. */
export function familyOf(name: string, kind: FamilyKind): string {
  return kind === "histogram" ? name.replace(PART, "") : name;
}

/** The kind of one of vLLM's samples that the dashboard shows. */
export function knownKind(name: string): FamilyKind | undefined {
  if (FAMILIES.get(name.replace(PART, "")) === "histogram" && PART.test(name)) return "histogram";
  const kind = FAMILIES.get(name);
  return kind === "histogram" ? undefined : kind;
}

/** The kind of any other sample; undefined for one that is not kept. */
function kindOf(name: string, type: MetricType): FamilyKind | undefined {
  if (LEFT_OUT.test(name) || type === "gaugehistogram") return undefined;
  const isPart = PART.test(name);
  if (type === "histogram") return isPart ? "histogram" : undefined;
  const isUntyped = type === "untyped" || type === "unknown";
  const isCounter = type === "counter" || (type === "summary" && isPart) ||
    (isUntyped && name.endsWith("_total"));
  return isCounter ? "counter" : "gauge";
}

/**
 * Finds the name of a sample, written as an exposition has it; undefined for one that is not kept.
 *
 * @param type The type of its family there.
 */
export function sampleName(
  written: string,
  type: MetricType = "untyped",
): SampleName | undefined {
  const engine = PREFIXES.find(({ prefix }) => prefix.test(written));
  const bare = engine === undefined ? written : written.replace(engine.prefix, "");
  const [part = ""] = PART.exec(bare) ?? [];
  const newFamily = engine?.renames.get(bare.slice(0, bare.length - part.length));
  const renamed = engine?.renames.get(bare) ?? (newFamily && `${newFamily}${part}`);
  const name = renamed ?? bare;
  const known = engine && knownKind(name);
  const kind = known ?? kindOf(name, type);
  // Ray writes counters a second time, as gauges without `_total`.
  const isTwice = kind === "gauge" && knownKind(`${name}_total`) === "counter";
  if (kind === undefined || name === "" || (engine !== undefined && isTwice)) return undefined;
  return {
    name,
    family: familyOf(name, kind),
    kind,
    isKnown: known !== undefined,
    isOld: renamed !== undefined,
  };
}

/** The engine that a sample is one of; undefined when none has it. */
export function engineOf(written: string): Engine | undefined {
  return PREFIXES.find(({ prefix }) => prefix.test(written))?.engine;
}
