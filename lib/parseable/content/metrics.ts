/** The metrics that more than one query reads, by their names in the stream. */
export const metrics = {
  FINISHED: "vllm_request_success_total",
  INPUT_TOKENS: "vllm_prompt_tokens_total",
  OUTPUT_TOKENS: "vllm_generation_tokens_total",
  RUNNING: "vllm_num_requests_running",
  WAITING: "vllm_num_requests_waiting",
  /** Tokens of each engine step; its count grows by one with each step. */
  STEPS: "vllm_iteration_tokens_total",
  /** 0 to 1. */
  KV_CACHE: "vllm_kv_cache_usage_perc",
  PREFIX_QUERIES: "vllm_prefix_cache_queries_total",
  PREFIX_HITS: "vllm_prefix_cache_hits_total",
  PREEMPTIONS: "vllm_num_preemptions_total",
  TTFT: "vllm_time_to_first_token_seconds",
  ITL: "vllm_inter_token_latency_seconds",
  TPOT: "vllm_request_time_per_output_token_seconds",
  END_TO_END: "vllm_e2e_request_latency_seconds",
  QUEUE: "vllm_request_queue_time_seconds",
  PREFILL: "vllm_request_prefill_time_seconds",
  DECODE: "vllm_request_decode_time_seconds",
  /** The row that creates the stream, see `stream.ts`. */
  FIRST_ROW: "vllm_metrics_provision",
  UPSTREAM_UP: "vllm_metrics_upstream_up",
  SCRAPES: "vllm_metrics_scrapes_total",
  SCRAPE_FAILURES: "vllm_metrics_scrape_failures_total",
  FLUENT_BIT_DROPPED: "fluentbit_output_dropped_records_total",
  FLUENT_BIT_FAILED: "fluentbit_output_retries_failed_total",
} as const;
