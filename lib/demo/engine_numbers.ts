/** Where the values of `vllm:` families come from. Names are without `vllm:` and `_total`. */

import type { Engine } from "./engine.ts";
import { Histogram } from "./histogram.ts";

/** Gives a number of an engine. */
export type ReadEngine = (engine: Engine) => number;

/** Values of one label, each with where its number comes from. */
export type ByLabel = readonly (readonly [value: string, read: ReadEngine])[];

/** A family with one more label. */
export interface LabelledFamily {
  /** The label. */
  readonly label: string;
  /** Its values, in the order of the Python front end. */
  readonly values: ByLabel;
  /** The order of the Rust front end, which lacks some. */
  readonly rust: readonly string[];
}

const BLOCK_TIMES = [
  ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
  ...[1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800],
];
const TRANSFER_TIMES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 5];
const TRANSFER_BYTES = Array.from({ length: 12 }, (_, power) => 2_048 * 4 ** power);
const TRANSFER_DESCRIPTORS = [
  ...[10, 20, 30, 50, 75, 100, 200, 400],
  ...[1_000, 2_000, 4_000, 10_000, 20_000, 50_000],
];

const zero: ReadEngine = () => 0;
const computed: ReadEngine = ({ stats }) => stats.computedTokens;
const cached: ReadEngine = ({ stats }) => stats.cachedTokens;
const hits: ReadEngine = ({ stats }) => stats.prefixHits;

/** Counters and gauges that are whole numbers. */
export const NUMBERS: ReadonlyMap<string, ReadEngine> = new Map<string, ReadEngine>([
  ["num_requests_running", (engine) => engine.running],
  ["num_requests_waiting", (engine) => engine.waiting],
  ["prefix_cache_queries", ({ stats }) => stats.prefixQueries],
  ["prefix_cache_hits", hits],
  ["num_preemptions", ({ stats }) => stats.preemptions],
  ["prompt_tokens", ({ stats }) => stats.promptTokens],
  ["prompt_tokens_cached", cached],
  ["generation_tokens", ({ stats }) => stats.generationTokens],
  ["spec_decode_num_drafts", ({ stats }) => stats.drafts],
  ["spec_decode_num_draft_tokens", ({ stats }) => stats.draftTokens],
  [
    "spec_decode_num_accepted_tokens",
    ({ stats }) => stats.acceptedByPosition.reduce((sum, accepted) => sum + accepted, 0),
  ],
  // What is not simulated: other caches, transfers, and what needs options that are off.
  ["estimated_flops_per_gpu", zero],
  ["estimated_read_bytes_per_gpu", zero],
  ["estimated_write_bytes_per_gpu", zero],
  ["external_prefix_cache_queries", zero],
  ["external_prefix_cache_hits", zero],
  ["mm_cache_queries", zero],
  ["mm_cache_hits", zero],
  ["mooncake_num_failed_transfers", zero],
  ["mooncake_num_failed_recvs", zero],
  ["mooncake_num_kv_expired_reqs", zero],
  ["nixl_num_failed_transfers", zero],
  ["nixl_num_failed_notifications", zero],
  ["nixl_num_kv_expired_reqs", zero],
  ["corrupted_requests", zero],
]);

/** Histograms. */
export const HISTOGRAMS: ReadonlyMap<string, (engine: Engine) => Histogram> = new Map<
  string,
  (engine: Engine) => Histogram
>([
  ["request_prompt_tokens", ({ stats }) => stats.requestPrompt],
  ["request_generation_tokens", ({ stats }) => stats.requestGeneration],
  ["iteration_tokens_total", ({ stats }) => stats.iteration],
  ["request_max_num_generation_tokens", ({ stats }) => stats.requestMaxGeneration],
  ["request_params_n", ({ stats }) => stats.paramsN],
  ["request_params_max_tokens", ({ stats }) => stats.paramsMaxTokens],
  ["time_to_first_token_seconds", ({ stats }) => stats.firstToken],
  ["inter_token_latency_seconds", ({ stats }) => stats.interToken],
  ["request_time_per_output_token_seconds", ({ stats }) => stats.perOutputToken],
  ["e2e_request_latency_seconds", ({ stats }) => stats.endToEnd],
  ["request_queue_time_seconds", ({ stats }) => stats.queue],
  ["request_inference_time_seconds", ({ stats }) => stats.inference],
  ["request_prefill_time_seconds", ({ stats }) => stats.prefill],
  ["request_decode_time_seconds", ({ stats }) => stats.decode],
  ["request_num_preemptions", ({ stats }) => stats.requestPreemptions],
  ["request_prefill_kv_computed_tokens", ({ stats }) => stats.prefillComputed],
  ...emptyHistograms(),
]);

/** Those that only the Rust front end has, always empty: what they measure is not simulated. */
function emptyHistograms(): [string, () => Histogram][] {
  const bounds: [string, number[]][] = [
    ["kv_block_lifetime_seconds", BLOCK_TIMES],
    ["kv_block_idle_before_evict_seconds", BLOCK_TIMES],
    ["kv_block_reuse_gap_seconds", BLOCK_TIMES],
    ["mooncake_xfer_time_seconds", TRANSFER_TIMES],
    ["mooncake_bytes_transferred", TRANSFER_BYTES],
    ["mooncake_num_descriptors", TRANSFER_DESCRIPTORS],
    ["nixl_xfer_time_seconds", TRANSFER_TIMES],
    ["nixl_post_time_seconds", [0.001, ...TRANSFER_TIMES]],
    ["nixl_bytes_transferred", TRANSFER_BYTES],
    ["nixl_num_descriptors", TRANSFER_DESCRIPTORS],
  ];
  return bounds.map(([name, each]) => {
    const histogram = new Histogram(each);
    return [name, () => histogram];
  });
}

/** Families with one more label. */
export const LABELLED: ReadonlyMap<string, LabelledFamily> = new Map<string, LabelledFamily>([
  ["num_requests_waiting_by_reason", {
    label: "reason",
    values: [["capacity", (engine) => engine.waiting], ["deferred", zero]],
    rust: ["capacity", "deferred"],
  }],
  ["prompt_tokens_by_source", {
    label: "source",
    values: [
      ["local_compute", computed],
      ["local_cache_hit", cached],
      ["external_kv_transfer", zero],
    ],
    rust: ["external_kv_transfer", "local_compute", "local_cache_hit"],
  }],
  ["prompt_tokens_cached_by_source", {
    label: "source",
    values: [
      ["device", hits],
      ["host", zero],
      ["p2p", zero],
      ["disk", zero],
      ["external_unspecified", zero],
    ],
    rust: ["host", "p2p", "external_unspecified", "device", "disk"],
  }],
  ["request_success", {
    label: "finished_reason",
    values: [
      ["stop", ({ stats }) => stats.finished.stop],
      ["length", ({ stats }) => stats.finished.length],
      ["abort", ({ stats }) => stats.finished.abort],
      ["error", ({ stats }) => stats.finished.error],
      ["repetition", ({ stats }) => stats.finished.repetition],
    ],
    rust: ["abort", "error", "length", "stop"],
  }],
]);
