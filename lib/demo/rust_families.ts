/** The families that vLLM 0.33 writes with its Rust front end, which has them all from the start. */

import type { FamilyHead } from "./exposition.ts";

/** All of them, in their order, as OpenMetrics names them. */
export const RUST_FAMILIES: readonly FamilyHead[] = [
  {
    name: "vllm:num_requests_running",
    type: "gauge",
    help: "Number of requests in model execution batches.",
  },
  {
    name: "vllm:num_requests_waiting",
    type: "gauge",
    help: "Number of requests waiting to be processed.",
  },
  {
    name: "vllm:num_requests_waiting_by_reason",
    type: "gauge",
    help:
      "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting..",
  },
  {
    name: "vllm:kv_cache_usage_perc",
    type: "gauge",
    help: "KV-cache usage. 1 means 100 percent usage.",
  },
  { name: "vllm:lora_requests_info", type: "gauge", help: "Running stats on lora requests.." },
  {
    name: "vllm:prefix_cache_queries",
    type: "counter",
    help: "Prefix cache queries, in terms of number of queried tokens.",
  },
  {
    name: "vllm:prefix_cache_hits",
    type: "counter",
    help: "Prefix cache hits, in terms of number of cached tokens..",
  },
  {
    name: "vllm:external_prefix_cache_queries",
    type: "counter",
    help:
      "External prefix cache queries from KV connector cross-instance cache sharing, in terms of number of queried tokens..",
  },
  {
    name: "vllm:prompt_tokens_cached_by_source",
    type: "counter",
    help:
      "Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host (offloaded to DRAM), disk, p2p (transferred from another vLLM instance) or external_unspecified. Counted at admission; sums to vllm:prefix_cache_hits + vllm:external_prefix_cache_hits..",
  },
  {
    name: "vllm:external_prefix_cache_hits",
    type: "counter",
    help:
      "External prefix cache hits from KV connector cross-instance cache sharing, in terms of number of cached tokens..",
  },
  {
    name: "vllm:spec_decode_num_drafts",
    type: "counter",
    help: "Number of spec decoding drafts..",
  },
  { name: "vllm:spec_decode_num_draft_tokens", type: "counter", help: "Number of draft tokens.." },
  {
    name: "vllm:spec_decode_num_accepted_tokens",
    type: "counter",
    help: "Number of accepted tokens..",
  },
  {
    name: "vllm:spec_decode_num_accepted_tokens_per_pos",
    type: "counter",
    help: "Accepted tokens per draft position..",
  },
  {
    name: "vllm:estimated_flops_per_gpu",
    type: "counter",
    help:
      "Estimated number of floating point operations per GPU (for Model Flops Utilization calculations)..",
  },
  {
    name: "vllm:estimated_read_bytes_per_gpu",
    type: "counter",
    help:
      "Estimated number of bytes read from memory per GPU (for Model Flops Utilization calculations)..",
  },
  {
    name: "vllm:estimated_write_bytes_per_gpu",
    type: "counter",
    help:
      "Estimated number of bytes written to memory per GPU (for Model Flops Utilization calculations)..",
  },
  {
    name: "vllm:kv_block_lifetime_seconds",
    type: "histogram",
    help:
      "Histogram of KV cache block lifetime from allocation to eviction. Sampled metrics (controlled by --kv-cache-metrics-sample)..",
  },
  {
    name: "vllm:kv_block_idle_before_evict_seconds",
    type: "histogram",
    help:
      "Histogram of idle time before KV cache block eviction. Sampled metrics (controlled by --kv-cache-metrics-sample)..",
  },
  {
    name: "vllm:kv_block_reuse_gap_seconds",
    type: "histogram",
    help:
      "Histogram of time gaps between consecutive KV cache block accesses. Only the most recent accesses are recorded (ring buffer). Sampled metrics (controlled by --kv-cache-metrics-sample)..",
  },
  {
    name: "vllm:mooncake_store_operation_time_seconds",
    type: "histogram",
    help: "Histogram of Mooncake store communication time..",
  },
  {
    name: "vllm:mooncake_store_operation",
    type: "counter",
    help: "Number of Mooncake store communication operations..",
  },
  {
    name: "vllm:mooncake_store_operation_keys",
    type: "counter",
    help: "Number of Mooncake store keys touched by operations..",
  },
  {
    name: "vllm:mooncake_store_operation_bytes",
    type: "counter",
    help: "Number of bytes transferred by Mooncake store operations..",
  },
  {
    name: "vllm:mooncake_store_operation_failed_keys",
    type: "counter",
    help: "Number of Mooncake store keys that failed in operations..",
  },
  {
    name: "vllm:mooncake_xfer_time_seconds",
    type: "histogram",
    help: "Histogram of transfer duration for Mooncake KV Cache transfers..",
  },
  {
    name: "vllm:mooncake_bytes_transferred",
    type: "histogram",
    help: "Histogram of bytes transferred per Mooncake KV Cache transfer..",
  },
  {
    name: "vllm:mooncake_num_descriptors",
    type: "histogram",
    help: "Histogram of number of descriptors per Mooncake KV Cache transfer..",
  },
  {
    name: "vllm:mooncake_num_failed_transfers",
    type: "counter",
    help: "Number of failed Mooncake KV Cache transfers..",
  },
  {
    name: "vllm:mooncake_num_failed_recvs",
    type: "counter",
    help: "Number of failed Mooncake KV Cache receives..",
  },
  {
    name: "vllm:mooncake_num_kv_expired_reqs",
    type: "counter",
    help:
      "Number of requests that had their KV expire. NOTE: This metric is tracked on the P instance..",
  },
  {
    name: "vllm:nixl_xfer_time_seconds",
    type: "histogram",
    help: "Histogram of transfer duration for NIXL KV Cache transfers..",
  },
  {
    name: "vllm:nixl_post_time_seconds",
    type: "histogram",
    help: "Histogram of transfer post time for NIXL KV Cache transfers..",
  },
  {
    name: "vllm:nixl_bytes_transferred",
    type: "histogram",
    help: "Histogram of bytes transferred per NIXL KV Cache transfers..",
  },
  {
    name: "vllm:nixl_num_descriptors",
    type: "histogram",
    help: "Histogram of number of descriptors per NIXL KV Cache transfers..",
  },
  {
    name: "vllm:nixl_num_failed_transfers",
    type: "counter",
    help: "Number of failed NIXL KV Cache transfers..",
  },
  {
    name: "vllm:nixl_num_failed_notifications",
    type: "counter",
    help: "Number of failed NIXL KV Cache notifications..",
  },
  {
    name: "vllm:nixl_num_kv_expired_reqs",
    type: "counter",
    help:
      "Number of requests that had their KV expire. NOTE: This metric is tracked on the P instance..",
  },
  {
    name: "vllm:iteration_tokens_total",
    type: "histogram",
    help: "Histogram of computed prompt and generated tokens per nonempty engine output batch..",
  },
  {
    name: "vllm:num_preemptions",
    type: "counter",
    help: "Cumulative number of preemption events..",
  },
  { name: "vllm:prompt_tokens", type: "counter", help: "Number of prefill tokens processed.." },
  {
    name: "vllm:prompt_tokens_by_source",
    type: "counter",
    help: "Number of prompt tokens by source..",
  },
  {
    name: "vllm:prompt_tokens_cached",
    type: "counter",
    help: "Number of prompt tokens with prefix cache hits..",
  },
  {
    name: "vllm:generation_tokens",
    type: "counter",
    help: "Number of generation tokens processed..",
  },
  {
    name: "vllm:corrupted_requests",
    type: "counter",
    help: "Corrupted requests, in terms of total number of requests with NaNs in logits..",
  },
  {
    name: "vllm:request_success",
    type: "counter",
    help: "Count of successfully processed requests..",
  },
  {
    name: "vllm:request_prompt_tokens",
    type: "histogram",
    help: "Number of prefill tokens processed..",
  },
  {
    name: "vllm:request_generation_tokens",
    type: "histogram",
    help: "Number of generation tokens processed..",
  },
  {
    name: "vllm:request_max_num_generation_tokens",
    type: "histogram",
    help: "Histogram of maximum number of requested generation tokens..",
  },
  {
    name: "vllm:request_params_max_tokens",
    type: "histogram",
    help: "Histogram of the max_tokens request parameter..",
  },
  {
    name: "vllm:request_params_n",
    type: "histogram",
    help: "Histogram of the n request parameter..",
  },
  {
    name: "vllm:request_num_preemptions",
    type: "histogram",
    help: "Histogram of the number of times a request was preempted..",
  },
  {
    name: "vllm:request_prefill_kv_computed_tokens",
    type: "histogram",
    help: "Histogram of new KV tokens computed during prefill (excluding cached tokens)..",
  },
  {
    name: "vllm:time_to_first_token_seconds",
    type: "histogram",
    help: "Histogram of time to first token in seconds..",
  },
  {
    name: "vllm:inter_token_latency_seconds",
    type: "histogram",
    help: "Histogram of inter-token latency in seconds..",
  },
  {
    name: "vllm:e2e_request_latency_seconds",
    type: "histogram",
    help: "Histogram of e2e request latency in seconds..",
  },
  {
    name: "vllm:request_queue_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in WAITING phase for request..",
  },
  {
    name: "vllm:request_prefill_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in PREFILL phase for request..",
  },
  {
    name: "vllm:request_decode_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in DECODE phase for request..",
  },
  {
    name: "vllm:request_inference_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in RUNNING phase for request..",
  },
  {
    name: "vllm:request_time_per_output_token_seconds",
    type: "histogram",
    help: "Histogram of time_per_output_token_seconds per request..",
  },
  {
    name: "http_requests",
    type: "counter",
    help: "Total number of HTTP requests by method, status, and handler..",
  },
  {
    name: "http_request_duration_seconds",
    type: "histogram",
    help: "Duration of HTTP requests in seconds grouped by method and handler..",
  },
  {
    name: "http_request_duration_highr_seconds",
    type: "histogram",
    help: "High-resolution duration of HTTP requests in seconds..",
  },
  {
    name: "vllm:rl_weight_update_operation_duration_seconds",
    type: "histogram",
    help: "Duration of one weight-transfer operation..",
  },
  {
    name: "vllm:rl_weight_update_operations_in_flight",
    type: "gauge",
    help: "Weight-transfer operations currently awaited..",
  },
  {
    name: "vllm:sleep_mode_operation_duration_seconds",
    type: "histogram",
    help: "Duration of one sleep-mode operation..",
  },
  {
    name: "vllm:sleep_mode_operations_in_flight",
    type: "gauge",
    help: "Sleep-mode operations currently awaited..",
  },
];
