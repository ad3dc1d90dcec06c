/** The metrics that more than one query reads, by their names in the stream. */

/** Requests that ended, by `finished_reason`. */
export const FINISHED = "vllm_request_success_total";
/** Tokens read. */
export const INPUT_TOKENS = "vllm_prompt_tokens_total";
/** Tokens written. */
export const OUTPUT_TOKENS = "vllm_generation_tokens_total";
/** Requests that are being worked on. */
export const RUNNING = "vllm_num_requests_running";
/** Engine steps: its count grows by one with each. */
export const STEPS = "vllm_iteration_tokens_total";
/** Requests that wait. */
export const WAITING = "vllm_num_requests_waiting";
/** How full the KV cache is, from 0 to 1. */
export const KV_CACHE = "vllm_kv_cache_usage_perc";
/** Tokens looked up in the prefix cache. */
export const PREFIX_QUERIES = "vllm_prefix_cache_queries_total";
/** Tokens found in the prefix cache. */
export const PREFIX_HITS = "vllm_prefix_cache_hits_total";
/** Requests thrown out of the KV cache and begun again. */
export const PREEMPTIONS = "vllm_num_preemptions_total";
/** Time to the first token. */
export const TTFT = "vllm_time_to_first_token_seconds";
/** Time between two outputs. */
export const INTER_TOKEN = "vllm_inter_token_latency_seconds";
/** Mean time of each further token of a request. */
export const PER_TOKEN = "vllm_request_time_per_output_token_seconds";
/** Time of a whole request. */
export const WHOLE_REQUEST = "vllm_e2e_request_latency_seconds";
/** Time in the queue. */
export const QUEUE = "vllm_request_queue_time_seconds";
/** Time of the prefill. */
export const PREFILL = "vllm_request_prefill_time_seconds";
/** Time of the decoding. */
export const DECODE = "vllm_request_decode_time_seconds";
/** The row that makes the stream, see `stream.ts`. */
export const FIRST_ROW = "vllm_metrics_provision";
/** Whether the proxy reached vLLM. */
export const UPSTREAM_UP = "vllm_metrics_upstream_up";
