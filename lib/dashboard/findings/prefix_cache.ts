/** Prompts that could be reused and are not. */

import type { History, Selection } from "../../history/history.ts";
import { formatShare } from "../format.ts";
import { PREFIX_LIMITS } from "../levels.ts";
import { count, type Diagnosis, type FindingRule, LINKS, valueOf } from "./finding_rule.ts";

/** With fewer prompt tokens in a quarter of an hour the hit rate says little. */
const ENOUGH_TOKENS = 10_000;

function isCachingOff(history: History, selection: Selection): boolean {
  return history.labelSets("cache_config_info", selection)
    .some((labels) => labels.enable_prefix_caching === "False");
}

/** The prefix cache is off. */
export const PREFIX_CACHING_OFF: FindingRule = {
  id: "prefix_caching_off",
  title: "Prefix caching is off",
  condition: "vLLM reports it.",
  find({ history, selection }): Diagnosis | undefined {
    if (!isCachingOff(history, selection)) return undefined;
    return {
      level: "warn",
      why: "vLLM reports enable_prefix_caching=False, so a common beginning of prompts is " +
        "computed for each of them.",
      action: "Start vLLM with --enable-prefix-caching, unless the model does not support it.",
      link: LINKS.prefixCaching,
    };
  },
};

/** Few prompt tokens come from the prefix cache. */
export const LOW_PREFIX_REUSE: FindingRule = {
  id: "low_prefix_reuse",
  title: "Low prefix-cache hit rate",
  condition: "under 30% of at least 10,000 prompt tokens in a quarter of an hour. This is no " +
    "problem where prompts have nothing in common.",
  find({ history, selection, quarterHour }): Diagnosis | undefined {
    if (isCachingOff(history, selection)) return undefined;
    const rate = valueOf(quarterHour.rate("prefix_cache_queries_total")) ?? 0;
    const tokens = rate * quarterHour.range.rangeMs / 1_000;
    const hits = valueOf(
      quarterHour.ratio("prefix_cache_hits_total", "prefix_cache_queries_total"),
    );
    if (tokens < ENOUGH_TOKENS || hits === undefined || hits >= PREFIX_LIMITS.warn) {
      return undefined;
    }
    return {
      level: "warn",
      why: `Of ${count(tokens, "prompt token")} in the last 15 minutes ${
        formatShare(hits)
      } came from the prefix cache.`,
      action: "If prompts share a beginning, put the shared part first, and send a conversation " +
        "to the same server. If they share nothing, ignore this. A small KV cache evicts soon: " +
        "check --gpu-memory-utilization.",
      link: LINKS.prefixCaching,
    };
  },
};
