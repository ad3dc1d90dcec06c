/** Rules on requests that wait. */

import { formatNumber, formatShare } from "../format.ts";
import { WAITING_LIMITS } from "../levels.ts";
import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";
import { count, LINKS } from "./rule.ts";
import { isDecodeSlow, isKvCacheFull, isPreempted, isQueueSteady } from "./symptoms.ts";

/** Part of the waiting requests from which on their own reason is the one to look at. */
const MOSTLY_DEFERRED = 0.5;

function levelOf(waiting: number): Finding["level"] {
  return waiting >= WAITING_LIMITS.bad ? "bad" : "warn";
}

/** Requests wait because the KV cache is full. */
export function memoryBoundQueue(observations: Observations): Finding | undefined {
  const { waiting = 0, kvCache = 0, preemptions = 0 } = observations;
  if (!isQueueSteady(observations) || !isKvCacheFull(observations)) return undefined;
  const preempted = isPreempted(observations)
    ? `; it ran full, since ${formatNumber(preemptions * 60)} requests a minute were preempted`
    : "";
  return {
    id: "memory_bound_queue",
    level: levelOf(waiting),
    title: "Requests wait because the KV cache is full",
    why: `${count(waiting, "request")} or more waited all through the last minute, and the KV ` +
      `cache was ${formatShare(kvCache)} full${preempted}.`,
    action: "Give the KV cache more memory: raise gpu_memory_utilization, or lower " +
      "max_model_len; a kv_cache_dtype of fp8 halves its need. Otherwise add GPUs or servers.",
    link: LINKS.memory,
  };
}

/** Requests wait although the KV cache has room. */
export function schedulerBoundQueue(observations: Observations): Finding | undefined {
  const { waiting = 0, deferred = 0, running = 0, kvCache } = observations;
  if (!isQueueSteady(observations) || kvCache === undefined) return undefined;
  if (isKvCacheFull(observations)) return undefined;
  const isDeferred = deferred >= MOSTLY_DEFERRED * waiting;
  const numbers = `${count(waiting, "request")} or more waited all through the last minute, ` +
    `while the KV cache was only ${formatShare(kvCache)} full`;
  return {
    id: "scheduler_bound_queue",
    level: levelOf(waiting),
    title: isDeferred
      ? "Requests are put off although the KV cache has room"
      : "Requests wait although the KV cache has room",
    why: isDeferred
      ? `${numbers}; ${count(deferred, "request")} of them are deferred.`
      : `${numbers} and ${count(running, "request")} ran.`,
    action: isDeferred
      ? "Deferred requests wait for a LoRA adapter or for a KV transfer: look at max_loras first, " +
        "or at the connector."
      : isDecodeSlow(observations)
      ? "The scheduler's limits hold them back, but answers are already slower than the goal, and " +
        "more requests at once make them slower still: add GPUs or servers."
      : "The scheduler's limits hold them back: raise max_num_seqs first, then " +
        "max_num_batched_tokens.",
    link: isDeferred ? LINKS.engineArguments : LINKS.tuning,
  };
}
