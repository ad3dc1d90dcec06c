/** The metrics that more than one query reads, by their names in the stream. */

/** Finished requests, by `finished_reason`. */
export const FINISHED = "vllm_request_success_total";
/** Prompt tokens. */
export const INPUT_TOKENS = "vllm_prompt_tokens_total";
/** Generated tokens. */
export const OUTPUT_TOKENS = "vllm_generation_tokens_total";
/** Running requests. */
export const RUNNING = "vllm_num_requests_running";
/** Engine steps: its count grows by one with each. */
export const STEPS = "vllm_iteration_tokens_total";
/** Waiting requests. */
export const WAITING = "vllm_num_requests_waiting";
/** KV cache usage, 0 to 1. */
export const KV_CACHE = "vllm_kv_cache_usage_perc";
/** Tokens looked up in the prefix cache. */
export const PREFIX_QUERIES = "vllm_prefix_cache_queries_total";
/** Tokens found in the prefix cache. */
export const PREFIX_HITS = "vllm_prefix_cache_hits_total";
/** Preemptions. */
export const PREEMPTIONS = "vllm_num_preemptions_total";
/** Time to first token (TTFT). */
export const TTFT = "vllm_time_to_first_token_seconds";
/** Inter-token latency (ITL). */
export const INTER_TOKEN = "vllm_inter_token_latency_seconds";
/** Time per output token (TPOT). */
export const PER_TOKEN = "vllm_request_time_per_output_token_seconds";
/** End-to-end latency. */
export const WHOLE_REQUEST = "vllm_e2e_request_latency_seconds";
/** Queue time. */
export const QUEUE = "vllm_request_queue_time_seconds";
/** Prefill time. */
export const PREFILL = "vllm_request_prefill_time_seconds";
/** Decode time. */
export const DECODE = "vllm_request_decode_time_seconds";
/** The row that creates the stream, see `stream.ts`. */
export const FIRST_ROW = "vllm_metrics_provision";
/** Whether the last scrape of vLLM succeeded. */
export const UPSTREAM_UP = "vllm_metrics_upstream_up";
