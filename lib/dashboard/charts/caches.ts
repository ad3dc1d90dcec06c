/** Charts of the caches. */

import type { Scope } from "../scope.ts";
import { type ChartLine, type ChartRule, linesOf } from "./chart_rule.ts";

const KV_CACHE = "kv_cache_usage_perc";

/** The KV caches in use; of a single engine all three lines would be the same. */
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

/** The charts of the KV cache and of hits in the caches. */
export const CACHE_RULES: readonly ChartRule[] = [
  {
    id: "kv_cache",
    title: "KV cache in use",
    unit: "share",
    kind: "line",
    explanation: {
      shows: "Part of the KV cache that running requests use: with several engines the fullest, " +
        "the mean and the emptiest.",
      normal: "Under 90 %.",
      action: "Near 100 % requests wait or are preempted: raise gpu_memory_utilization, lower " +
        "max_model_len or max_num_seqs, or add GPUs.",
    },
    inAllVersions: true,
    zeroIsNothing: false,
    onlyWhenPresent: false,
    read: kvCache,
  },
  {
    id: "cache_hits",
    title: "Cache hits",
    unit: "share",
    kind: "line",
    explanation: {
      shows: "Part of what was looked up that was found: prompt tokens in the prefix cache, in " +
        "an external cache, and images or sound in the multimodal cache.",
      normal: "High where prompts begin alike or conversations go on, low where they do not.",
      action: "If prompts begin alike and hits are few, put the common part first, check " +
        "enable_prefix_caching, and send a conversation to the same server.",
    },
    inAllVersions: true,
    zeroIsNothing: false,
    onlyWhenPresent: false,
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
