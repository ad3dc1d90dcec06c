/** Where the values of `vllm:` families come from. Names are without `vllm:` and `_total`. */

import type { Engine } from "./engine.ts";
import type { EngineStats } from "./engine_stats.ts";
import { Histogram } from "./histogram.ts";

/** Gives a number of an engine. */
export type ReadEngine = (engine: Engine) => number;

/** A family with one more label. */
export interface LabelledFamily {
  /** The label. */
  readonly label: string;
  /** Its values in the order of the Python front end. */
  readonly python: ByLabel;
  /** Its values in the order of the Rust front end. */
  readonly rust: ByLabel;
}

/** Values of one label, each with where its number comes from. */
export type ByLabel = readonly (readonly [value: string, read: ReadEngine])[];

const zero: ReadEngine = () => 0;

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

/** Counters and gauges that are whole numbers. */
export const NUMBERS: Readonly<Record<string, ReadEngine>> = {
  num_requests_running: (engine) => engine.running,
  num_requests_waiting: (engine) => engine.waiting,
  prefix_cache_queries: ({ stats }) => stats.prefixQueries,
  prefix_cache_hits: ({ stats }) => stats.prefixHits,
  num_preemptions: ({ stats }) => stats.preemptions,
  prompt_tokens: ({ stats }) => stats.promptTokens,
  prompt_tokens_cached: ({ stats }) => stats.cachedTokens,
  generation_tokens: ({ stats }) => stats.generationTokens,
  spec_decode_num_drafts: ({ stats }) => stats.drafts,
  spec_decode_num_draft_tokens: ({ stats }) => stats.draftTokens,
  spec_decode_num_accepted_tokens: ({ stats }) =>
    stats.acceptedByPosition.reduce((sum, accepted) => sum + accepted, 0),
  ...Object.fromEntries(
    [
      ...["estimated_flops_per_gpu", "estimated_read_bytes_per_gpu"],
      ...["estimated_write_bytes_per_gpu", "external_prefix_cache_queries"],
      ...["external_prefix_cache_hits", "mm_cache_queries", "mm_cache_hits"],
      ...["nixl_num_failed_transfers", "nixl_num_failed_notifications"],
      ...["nixl_num_kv_expired_reqs", "corrupted_requests"],
    ].map((name) => [name, zero]),
  ),
};

/** Histograms. */
export const HISTOGRAMS: Readonly<Record<string, (stats: EngineStats) => Histogram>> = {
  request_prompt_tokens: (stats) => stats.requestPrompt,
  request_generation_tokens: (stats) => stats.requestGeneration,
  iteration_tokens_total: (stats) => stats.iteration,
  request_max_num_generation_tokens: (stats) => stats.requestMaxGeneration,
  request_params_n: (stats) => stats.paramsN,
  request_params_max_tokens: (stats) => stats.paramsMaxTokens,
  time_to_first_token_seconds: (stats) => stats.firstToken,
  inter_token_latency_seconds: (stats) => stats.interToken,
  request_time_per_output_token_seconds: (stats) => stats.perOutputToken,
  e2e_request_latency_seconds: (stats) => stats.endToEnd,
  request_queue_time_seconds: (stats) => stats.queue,
  request_inference_time_seconds: (stats) => stats.inference,
  request_prefill_time_seconds: (stats) => stats.prefill,
  request_decode_time_seconds: (stats) => stats.decode,
  request_num_preemptions: (stats) => stats.requestPreemptions,
  request_prefill_kv_computed_tokens: (stats) => stats.prefillComputed,
};

const computed: ReadEngine = ({ stats }) => stats.promptTokens - stats.cachedTokens;
const cached: ReadEngine = ({ stats }) => stats.cachedTokens;
const hits: ReadEngine = ({ stats }) => stats.prefixHits;

/** Families with one more label: its name, and its values in the order of either front end. */
export const LABELLED: Readonly<Record<string, LabelledFamily>> = {
  num_requests_waiting_by_reason: {
    label: "reason",
    python: [["capacity", (engine) => engine.waiting], ["deferred", zero]],
    rust: [["capacity", (engine) => engine.waiting], ["deferred", zero]],
  },
  prompt_tokens_by_source: {
    label: "source",
    python: [
      ["local_compute", computed],
      ["local_cache_hit", cached],
      ["external_kv_transfer", zero],
    ],
    rust: [
      ["external_kv_transfer", zero],
      ["local_compute", computed],
      ["local_cache_hit", cached],
    ],
  },
  prompt_tokens_cached_by_source: {
    label: "source",
    python: [
      ["device", hits],
      ["host", zero],
      ["p2p", zero],
      ["disk", zero],
      ["external_unspecified", zero],
    ],
    rust: [
      ["host", zero],
      ["p2p", zero],
      ["external_unspecified", zero],
      ["device", hits],
      ["disk", zero],
    ],
  },
  request_success: {
    label: "finished_reason",
    python: (["stop", "length", "abort", "error", "repetition"] as const).map((reason) =>
      [reason, ({ stats }: Engine): number => stats.finished[reason]] as const
    ),
    rust: (["abort", "error", "length", "stop"] as const).map((reason) =>
      [reason, ({ stats }: Engine): number => stats.finished[reason]] as const
    ),
  },
};

/** Histograms that only the Rust front end has; what they measure is not simulated. */
export const RUST_EMPTY: Readonly<Record<string, Histogram>> = {
  kv_block_lifetime_seconds: new Histogram(BLOCK_TIMES),
  kv_block_idle_before_evict_seconds: new Histogram(BLOCK_TIMES),
  kv_block_reuse_gap_seconds: new Histogram(BLOCK_TIMES),
  nixl_xfer_time_seconds: new Histogram(TRANSFER_TIMES),
  nixl_post_time_seconds: new Histogram([0.001, ...TRANSFER_TIMES]),
  nixl_bytes_transferred: new Histogram(TRANSFER_BYTES),
  nixl_num_descriptors: new Histogram(TRANSFER_DESCRIPTORS),
};
