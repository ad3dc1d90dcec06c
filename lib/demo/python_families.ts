/** The families that vLLM 0.33 writes with its Python front end. */

import type { FamilyHead } from "./exposition.ts";

/**
 * All of them, in the order of a server with one process. One with several API servers writes
 * gauges, histograms, summaries and counters one after the other, each in this order. Those of
 * speculative decoding are there when it is on.
 */
export const PYTHON_FAMILIES: readonly FamilyHead[] = [
  {
    name: "python_gc_objects_collected_total",
    type: "counter",
    help: "Objects collected during gc",
  },
  {
    name: "python_gc_objects_uncollectable_total",
    type: "counter",
    help: "Uncollectable objects found during GC",
  },
  {
    name: "python_gc_collections_total",
    type: "counter",
    help: "Number of times this generation was collected",
  },
  { name: "python_info", type: "gauge", help: "Python platform information" },
  { name: "process_virtual_memory_bytes", type: "gauge", help: "Virtual memory size in bytes." },
  { name: "process_resident_memory_bytes", type: "gauge", help: "Resident memory size in bytes." },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "Start time of the process since unix epoch in seconds.",
  },
  {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "Total user and system CPU time spent in seconds.",
  },
  { name: "process_open_fds", type: "gauge", help: "Number of open file descriptors." },
  { name: "process_max_fds", type: "gauge", help: "Maximum number of open file descriptors." },
  {
    name: "vllm:spec_decode_num_drafts_total",
    type: "counter",
    help: "Number of spec decoding drafts.",
  },
  {
    name: "vllm:spec_decode_num_draft_tokens_total",
    type: "counter",
    help: "Number of draft tokens.",
  },
  {
    name: "vllm:spec_decode_num_accepted_tokens_total",
    type: "counter",
    help: "Number of accepted tokens.",
  },
  {
    name: "vllm:spec_decode_num_accepted_tokens_per_pos_total",
    type: "counter",
    help: "Accepted tokens per draft position.",
  },
  {
    name: "vllm:estimated_flops_per_gpu_total",
    type: "counter",
    help:
      "Estimated number of floating point operations per GPU (for Model Flops Utilization calculations).",
  },
  {
    name: "vllm:estimated_read_bytes_per_gpu_total",
    type: "counter",
    help:
      "Estimated number of bytes read from memory per GPU (for Model Flops Utilization calculations).",
  },
  {
    name: "vllm:estimated_write_bytes_per_gpu_total",
    type: "counter",
    help:
      "Estimated number of bytes written to memory per GPU (for Model Flops Utilization calculations).",
  },
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
      "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting.",
  },
  {
    name: "vllm:engine_sleep_state",
    type: "gauge",
    help:
      "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.",
  },
  {
    name: "vllm:kv_cache_usage_perc",
    type: "gauge",
    help: "KV-cache usage. 1 means 100 percent usage.",
  },
  {
    name: "vllm:prefix_cache_queries_total",
    type: "counter",
    help: "Prefix cache queries, in terms of number of queried tokens.",
  },
  {
    name: "vllm:prefix_cache_hits_total",
    type: "counter",
    help: "Prefix cache hits, in terms of number of cached tokens.",
  },
  {
    name: "vllm:external_prefix_cache_queries_total",
    type: "counter",
    help:
      "External prefix cache queries from KV connector cross-instance cache sharing, in terms of number of queried tokens.",
  },
  {
    name: "vllm:external_prefix_cache_hits_total",
    type: "counter",
    help:
      "External prefix cache hits from KV connector cross-instance cache sharing, in terms of number of cached tokens.",
  },
  {
    name: "vllm:mm_cache_queries_total",
    type: "counter",
    help: "Multi-modal cache queries, in terms of number of queried items.",
  },
  {
    name: "vllm:mm_cache_hits_total",
    type: "counter",
    help: "Multi-modal cache hits, in terms of number of cached items.",
  },
  {
    name: "vllm:num_preemptions_total",
    type: "counter",
    help: "Cumulative number of preemption from the engine.",
  },
  {
    name: "vllm:prompt_tokens_total",
    type: "counter",
    help: "Number of prefill tokens processed.",
  },
  {
    name: "vllm:prompt_tokens_by_source_total",
    type: "counter",
    help: "Number of prompt tokens by source.",
  },
  {
    name: "vllm:prompt_tokens_cached_total",
    type: "counter",
    help: "Number of cached prompt tokens (local + external).",
  },
  {
    name: "vllm:prompt_tokens_cached_by_source_total",
    type: "counter",
    help:
      "Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host (offloaded to DRAM), disk, p2p (transferred from another vLLM instance) or external_unspecified. Counted at admission; sums to vllm:prefix_cache_hits + vllm:external_prefix_cache_hits.",
  },
  {
    name: "vllm:generation_tokens_total",
    type: "counter",
    help: "Number of generation tokens processed.",
  },
  {
    name: "vllm:request_success_total",
    type: "counter",
    help: "Count of successfully processed requests.",
  },
  {
    name: "vllm:admission_rejections_total",
    type: "counter",
    help: "Number of admission attempts rejected by a queue limit, by reason.",
  },
  {
    name: "vllm:request_prompt_tokens",
    type: "histogram",
    help: "Number of prefill tokens processed.",
  },
  {
    name: "vllm:request_generation_tokens",
    type: "histogram",
    help: "Number of generation tokens processed.",
  },
  {
    name: "vllm:iteration_tokens_total",
    type: "histogram",
    help: "Histogram of number of tokens per engine_step.",
  },
  {
    name: "vllm:request_max_num_generation_tokens",
    type: "histogram",
    help: "Histogram of maximum number of requested generation tokens.",
  },
  {
    name: "vllm:request_params_n",
    type: "histogram",
    help: "Histogram of the n request parameter.",
  },
  {
    name: "vllm:request_params_max_tokens",
    type: "histogram",
    help: "Histogram of the max_tokens request parameter.",
  },
  {
    name: "vllm:time_to_first_token_seconds",
    type: "histogram",
    help: "Histogram of time to first token in seconds.",
  },
  {
    name: "vllm:inter_token_latency_seconds",
    type: "histogram",
    help: "Histogram of inter-token latency in seconds.",
  },
  {
    name: "vllm:request_time_per_output_token_seconds",
    type: "histogram",
    help: "Histogram of time_per_output_token_seconds per request.",
  },
  {
    name: "vllm:e2e_request_latency_seconds",
    type: "histogram",
    help: "Histogram of e2e request latency in seconds.",
  },
  {
    name: "vllm:request_queue_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in WAITING phase for request.",
  },
  {
    name: "vllm:request_inference_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in RUNNING phase for request.",
  },
  {
    name: "vllm:request_prefill_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in PREFILL phase for request.",
  },
  {
    name: "vllm:request_decode_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in DECODE phase for request.",
  },
  {
    name: "vllm:request_num_preemptions",
    type: "histogram",
    help: "Histogram of the number of times a request was preempted.",
  },
  {
    name: "vllm:request_prefill_kv_computed_tokens",
    type: "histogram",
    help: "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
  },
  {
    name: "vllm:cache_config_info",
    type: "gauge",
    help: "Information of the LLMEngine CacheConfig",
  },
  {
    name: "http_requests_total",
    type: "counter",
    help: "Total number of requests by method, status and handler.",
  },
  {
    name: "http_request_size_bytes",
    type: "summary",
    help:
      "Content length of incoming requests by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ",
  },
  {
    name: "http_response_size_bytes",
    type: "summary",
    help:
      "Content length of outgoing responses by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ",
  },
  {
    name: "http_request_duration_highr_seconds",
    type: "histogram",
    help:
      "Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. ",
  },
  {
    name: "http_request_duration_seconds",
    type: "histogram",
    help:
      "Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. ",
  },
];
