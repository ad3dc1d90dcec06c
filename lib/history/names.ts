/**
 * The families of vLLM that the history keeps, and their old names. Names are those of vLLM 0.32
 * without `vllm:`, counters with `_total`.
 */

/** How the values of a family behave. */
export type FamilyKind = "gauge" | "counter" | "histogram";

/** The name of a sample. */
export interface SampleName {
  /** Its current name, such as `inter_token_latency_seconds_bucket`. */
  readonly name: string;
  /** The family it belongs to, such as `inter_token_latency_seconds`. */
  readonly family: string;
  /** Whether it falls only when the server restarts. */
  readonly isCounter: boolean;
  /** Whether it was exposed under a name that newer versions of vLLM have replaced. */
  readonly isOld: boolean;
}

function names(text: string): string[] {
  return text.trim().split(/\s+/);
}

const GAUGES = names(`
  num_requests_running num_requests_waiting num_requests_waiting_by_reason kv_cache_usage_perc
  engine_sleep_state cache_config_info lora_requests_info
`);

const COUNTERS = names(`
  prefix_cache_queries_total prefix_cache_hits_total external_prefix_cache_queries_total
  external_prefix_cache_hits_total mm_cache_queries_total mm_cache_hits_total
  num_preemptions_total prompt_tokens_total prompt_tokens_by_source_total
  prompt_tokens_cached_total prompt_tokens_cached_by_source_total generation_tokens_total
  request_success_total admission_rejections_total estimated_flops_per_gpu_total
  estimated_read_bytes_per_gpu_total estimated_write_bytes_per_gpu_total
  spec_decode_num_drafts_total spec_decode_num_draft_tokens_total
  spec_decode_num_accepted_tokens_total spec_decode_num_accepted_tokens_per_pos_total
`);

/** `iteration_tokens_total` is a histogram in spite of its name. */
const HISTOGRAMS = names(`
  time_to_first_token_seconds inter_token_latency_seconds request_time_per_output_token_seconds
  e2e_request_latency_seconds request_queue_time_seconds request_inference_time_seconds
  request_prefill_time_seconds request_decode_time_seconds request_prompt_tokens
  request_generation_tokens request_max_num_generation_tokens request_params_max_tokens
  request_params_n request_prefill_kv_computed_tokens request_num_preemptions
  iteration_tokens_total
`);

/** The families by their current name. */
export const FAMILIES: ReadonlyMap<string, FamilyKind> = new Map<string, FamilyKind>([
  ...GAUGES.map((name) => [name, "gauge"] as const),
  ...COUNTERS.map((name) => [name, "counter"] as const),
  ...HISTOGRAMS.map((name) => [name, "histogram"] as const),
]);

/**
 * Families that vLLM has renamed, old name to new: the cache's in 0.9, the token time in 0.11
 * (vLLM's pull request 32661). The prefix cache was first counted in blocks, not in tokens,
 * which leaves the share of hits as it is.
 */
export const RENAMED: ReadonlyMap<string, string> = new Map([
  ["gpu_cache_usage_perc", "kv_cache_usage_perc"],
  ["gpu_prefix_cache_queries_total", "prefix_cache_queries_total"],
  ["gpu_prefix_cache_hits_total", "prefix_cache_hits_total"],
  ["time_per_output_token_seconds", "inter_token_latency_seconds"],
]);

const PARTS: Readonly<Record<FamilyKind, readonly string[]>> = {
  gauge: [""],
  counter: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

function entriesOf(written: string, family: string, isOld: boolean): [string, SampleName][] {
  const kind = FAMILIES.get(family) ?? "gauge";
  return PARTS[kind].map((part) => [
    written + part,
    { name: family + part, family, isCounter: kind !== "gauge", isOld },
  ]);
}

/** All samples by their exposed name without the prefix. */
const SAMPLES: ReadonlyMap<string, SampleName> = new Map([
  ...[...FAMILIES.keys()].flatMap((family) => entriesOf(family, family, false)),
  ...[...RENAMED].flatMap(([old, family]) => entriesOf(old, family, true)),
]);

/**
 * Finds the name of a sample.
 *
 * @param written Its name in an exposition, with `vllm:` or `vllm_`.
 * @returns Its current name and family; undefined for one that is not kept.
 */
export function sampleName(written: string): SampleName | undefined {
  if (!written.startsWith("vllm:") && !written.startsWith("vllm_")) return undefined;
  return SAMPLES.get(written.slice(5));
}
