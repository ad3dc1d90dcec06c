/** The labels of `vllm:cache_config_info`. */

import { BLOCK_TOKENS, type EngineOptions } from "./engine_options.ts";
import type { Labels } from "./exposition.ts";
import { rustFloat } from "./numbers.ts";

/** The settings of an engine's cache, as vLLM 0.33 writes them: `str()` of Python values. */
export function cacheConfigLabels(
  { numGpuBlocks, maxModelLen }: EngineOptions,
  engine: string,
): Labels {
  const tokens = numGpuBlocks * BLOCK_TOKENS;
  return [
    ["_block_size_resolved", "True"],
    ["block_size", String(BLOCK_TOKENS)],
    ["cache_dtype", "auto"],
    ["cache_hit_alignment_tokens", "None"],
    ["effective_attention_block_size", String(BLOCK_TOKENS)],
    ["enable_mamba_shared_prefix_checkpoint", "False"],
    ["enable_prefix_caching", "True"],
    ["engine", engine],
    ["gpu_memory_utilization", "0.92"],
    ["hash_block_size", "None"],
    ["is_attention_free", "False"],
    ["kv_cache_dtype_skip_layers", "[]"],
    ["kv_cache_layout", "None"],
    ["kv_cache_max_concurrency", rustFloat(tokens / maxModelLen)],
    ["kv_cache_memory_bytes", "None"],
    ["kv_cache_size_tokens", String(tokens)],
    ["kv_offloading_backend", "native"],
    ["kv_offloading_size", "None"],
    ["kv_sharing_fast_prefill", "False"],
    ["mamba_block_size", "None"],
    ["mamba_cache_dtype", "auto"],
    ["mamba_cache_mode", "none"],
    ["mamba_page_size_padded", "None"],
    ["mamba_ssm_cache_dtype", "auto"],
    ["num_cpu_blocks", "None"],
    ["num_gpu_blocks", String(numGpuBlocks)],
    ["num_gpu_blocks_override", "None"],
    ["prefix_cache_retention_interval", "0"],
    ["prefix_caching_hash_algo", "sha256"],
    ["prefix_match_unit", "None"],
    ["replayssm_buffer_len", "16"],
    ["simple_cpu_offload_num_blocks", "None"],
    ["skip_page_size_padded", "None"],
    ["sliding_window", "None"],
    ["swa_bounded_replay", "True"],
    ["use_kda_recoverssm", "False"],
    ["use_replayssm", "False"],
    ["user_specified_block_size", "False"],
  ];
}
