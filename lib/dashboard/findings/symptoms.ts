/** What several rules look at, so that their findings agree with each other. */

import { KV_CACHE_LIMITS, PREEMPTION_LIMITS, WAITING_LIMITS } from "../levels.ts";
import type { Observations } from "./observations.ts";

/** Whether requests have been waiting all through the last minute, and not for a stalled engine. */
export function isQueueSteady({ waiting = 0, stalled }: Observations): boolean {
  return waiting >= WAITING_LIMITS.warn && stalled.length === 0;
}

/** Whether running requests lost their place in the KV cache, so that it was full at times. */
export function isPreempted({ preemptions = 0 }: Observations): boolean {
  return preemptions >= PREEMPTION_LIMITS.warn;
}

/** Whether the KV cache leaves no room for one more request: vLLM's and llm-d's limit. */
export function isKvCacheFull(observations: Observations): boolean {
  return (observations.kvCache ?? 0) >= KV_CACHE_LIMITS.warn || isPreempted(observations);
}

/** Whether further tokens miss their goal. */
export function isDecodeSlow({ tpotP95, goals }: Observations): boolean {
  return tpotP95 !== undefined && tpotP95 >= goals.tpotSeconds;
}

/** Whether first tokens miss their goal. */
export function isFirstTokenLate({ ttftP95, goals }: Observations): boolean {
  return ttftP95 !== undefined && ttftP95 >= goals.ttftSeconds;
}
