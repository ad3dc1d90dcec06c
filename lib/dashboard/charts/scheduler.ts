/** Charts of the scheduler, the caches and speculative decoding. */

import { KV_CACHE_LIMITS } from "../levels.ts";
import { divide } from "../line.ts";
import type { Scope } from "../scope.ts";
import { type ChartLine, type ChartRule, linesBy, linesOf } from "./chart_rule.ts";

/** Waiting requests by reason, or in total where vLLM gives no reasons. */
function waiting(scope: Scope): ChartLine[] {
  const byReason = scope.gauges("num_requests_waiting_by_reason", { by: ["reason"] });
  return byReason.length > 0
    ? linesBy("reason", byReason)
    : linesOf({ waiting: scope.gauge("num_requests_waiting") });
}

/** The charts of running and waiting requests and of engine steps. */
export const SCHEDULER_CHARTS: readonly ChartRule[] = [
  {
    id: "running",
    title: "Running requests",
    unit: "requests",
    kind: "line",
    explanation: {
      shows: "Requests currently running.",
      normal: "Below --max-num-seqs times the number of engines.",
      action: "If it stays at that limit while requests wait and the KV cache has room, raise " +
        "--max-num-seqs.",
    },
    read: (scope) => linesOf({ running: scope.gauge("num_requests_running") }),
  },
  {
    id: "waiting",
    title: "Waiting requests",
    unit: "requests",
    kind: "stacked",
    explanation: {
      shows:
        "Requests in the queue. capacity: there is no room for them. deferred: they wait for " +
        "something else, such as a LoRA adapter or a KV transfer.",
      normal: "0, with short peaks.",
      action:
        "See the KV cache. If it is full, memory is short; if not, the scheduler's limits are " +
        "(--max-num-seqs, --max-num-batched-tokens).",
    },
    read: waiting,
  },
  {
    id: "step_tokens",
    title: "Tokens per engine step",
    unit: "tokens",
    kind: "line",
    explanation: {
      shows: "Tokens that the engine computes in one step, prefill and decode together.",
      normal: "It grows with the load, up to --max-num-batched-tokens.",
      action:
        "If p99 stays at --max-num-batched-tokens and first tokens are slow, raise it; lower " +
        "it if the inter-token latency (ITL) suffers.",
    },
    read: (scope) =>
      linesOf({
        mean: scope.mean("iteration_tokens_total"),
        p99: scope.quantile(0.99, "iteration_tokens_total"),
      }),
  },
];

const KV_CACHE = "kv_cache_usage_perc";

/** KV cache usage; of a single engine all three lines would be equal. */
function kvCache(scope: Scope): ChartLine[] {
  const engines = scope.gauges(KV_CACHE, { by: ["instance", "engine"] });
  const [only] = engines;
  if (only !== undefined && engines.length === 1) return [{ name: "in use", values: only.values }];
  return linesOf({
    max: scope.gauge(KV_CACHE, "max"),
    mean: scope.gauge(KV_CACHE, "mean"),
    min: scope.gauge(KV_CACHE, "min"),
  });
}

/** The charts of the KV cache and of cache hits. */
export const CACHE_CHARTS: readonly ChartRule[] = [
  {
    id: "kv_cache",
    title: "KV cache usage",
    unit: "share",
    kind: "line",
    explanation: {
      shows: "KV cache used by running requests: with several engines the fullest, the mean and " +
        "the emptiest.",
      normal: "Below 90%.",
      action: "Near 100% requests wait or are preempted: raise --gpu-memory-utilization, lower " +
        "--max-model-len or --max-num-seqs, or add GPUs.",
    },
    thresholds: () => [
      { name: "nearly full", value: KV_CACHE_LIMITS.warn, level: "warn" },
      { name: "full", value: KV_CACHE_LIMITS.bad, level: "bad" },
    ],
    read: kvCache,
  },
  {
    id: "cache_hits",
    title: "Cache hit rates",
    unit: "share",
    kind: "line",
    explanation: {
      shows: "Share of lookups that hit: prompt tokens in the prefix cache and in an external " +
        "cache, and images or sound in the multimodal cache.",
      normal: "High where prompts share a beginning or conversations continue, low elsewhere.",
      action:
        "If prompts share a beginning and the rate is low, put the shared part first, check " +
        "--enable-prefix-caching, and send a conversation to the same server.",
    },
    read: (scope) =>
      linesOf({
        prefix: scope.ratio("prefix_cache_hits_total", "prefix_cache_queries_total"),
        external: scope.ratio(
          "external_prefix_cache_hits_total",
          "external_prefix_cache_queries_total",
        ),
        multimodal: scope.ratio("mm_cache_hits_total", "mm_cache_queries_total"),
      }),
  },
];

const ACCEPTED = "spec_decode_num_accepted_tokens_total";

/** Tokens that one step of the target model yields: its own and the accepted ones. */
function meanLength(scope: Scope): ChartLine[] {
  const [accepted, drafts] = [scope.rate(ACCEPTED), scope.rate("spec_decode_num_drafts_total")];
  if (accepted === undefined || drafts === undefined) return [];
  const values = divide(accepted, drafts).map((value) => value === null ? null : 1 + value);
  return [{ name: "mean", values }];
}

/** The charts of speculative decoding, for servers that use it. */
export const SPECULATION_CHARTS: readonly ChartRule[] = [
  {
    id: "draft_acceptance",
    title: "Draft acceptance rate",
    unit: "share",
    kind: "line",
    explanation: {
      shows: "Share of draft tokens that the model accepted.",
      normal: "Above 50%, depending on the draft and the text.",
      action: "If it is low, speculation costs more than it gains: lower num_speculative_tokens, " +
        "or use another draft.",
    },
    inSomeVersions: true,
    onlyWhenPresent: true,
    read: (scope) =>
      linesOf({ accepted: scope.ratio(ACCEPTED, "spec_decode_num_draft_tokens_total") }),
  },
  {
    id: "draft_length",
    title: "Tokens per speculative step",
    unit: "tokens",
    kind: "line",
    explanation: {
      shows: "Tokens that one step of the model yields: its own and the accepted ones.",
      normal: "Well above 1.",
      action: "Near 1 speculative decoding gains nothing: switch it off, or use another draft.",
    },
    inSomeVersions: true,
    onlyWhenPresent: true,
    read: meanLength,
  },
];
