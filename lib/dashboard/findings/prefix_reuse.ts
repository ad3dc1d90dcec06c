/** Rule on prompts that are read anew though they could be reused. */

import { formatShare } from "../format.ts";
import { PREFIX_LIMITS } from "../levels.ts";
import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";
import { count, LINKS } from "./rule.ts";

/** With fewer prompt tokens in a quarter of an hour the share says nothing. */
const ENOUGH_TOKENS = 10_000;

/** Few prompt tokens come from the prefix cache. */
export function lowPrefixReuse(observations: Observations): Finding | undefined {
  const { prefixQueries = 0, prefixHits, prefixCachingOff } = observations;
  if (prefixCachingOff || prefixQueries < ENOUGH_TOKENS) return undefined;
  if (prefixHits === undefined || prefixHits >= PREFIX_LIMITS.warn) return undefined;
  return {
    id: "low_prefix_reuse",
    level: "warn",
    title: "Few prompts are reused",
    why: `Of ${count(prefixQueries, "prompt token")} in the last 15 minutes ${
      formatShare(prefixHits)
    } came from the prefix cache.`,
    action: "If prompts share a beginning, put the shared part first, and send a conversation to " +
      "the same server. If they share nothing, this is no fault. A small KV cache forgets soon: " +
      "look at gpu_memory_utilization.",
    link: LINKS.prefixCaching,
  };
}

/** The prefix cache is switched off. */
export function prefixCachingOff(observations: Observations): Finding | undefined {
  if (!observations.prefixCachingOff) return undefined;
  return {
    id: "prefix_caching_off",
    level: "warn",
    title: "The prefix cache is off",
    why: "vLLM says enable_prefix_caching is False, so prompts that begin alike are read anew.",
    action: "Start vLLM with enable_prefix_caching, unless the model cannot use it.",
    link: LINKS.prefixCaching,
  };
}
