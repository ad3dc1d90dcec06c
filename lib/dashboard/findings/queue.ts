/** Rules on requests that wait. */

import { formatShare } from "../format.ts";
import { KV_CACHE_LIMITS, WAITING_LIMITS } from "../levels.ts";
import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";
import { count, LINKS } from "./rule.ts";

/** From here on a KV cache leaves no room for one more request (vLLM's and llm-d's warning). */
const FULL_KV_CACHE = KV_CACHE_LIMITS.warn;
/** Part of the waiting requests from which on their own reason is the one to look at. */
const MOSTLY_DEFERRED = 0.5;

/** Whether requests have been waiting all through the last minute, and not for a stalled engine. */
export function isQueueSteady({ waiting = 0, stalled }: Observations): boolean {
  return waiting >= WAITING_LIMITS.warn && stalled.length === 0;
}

function levelOf(waiting: number): Finding["level"] {
  return waiting >= WAITING_LIMITS.bad ? "bad" : "warn";
}

/** Requests wait because the KV cache is full. */
export function memoryBoundQueue(observations: Observations): Finding | undefined {
  const { waiting = 0, kvCache = 0 } = observations;
  if (!isQueueSteady(observations) || kvCache < FULL_KV_CACHE) return undefined;
  return {
    id: "memory_bound_queue",
    level: levelOf(waiting),
    title: "Requests wait because the KV cache is full",
    why: `${count(waiting, "request")} or more waited all through the last minute, and the KV ` +
      `cache was ${formatShare(kvCache)} full.`,
    action: "Give the KV cache more memory: raise gpu_memory_utilization, or lower " +
      "max_model_len; a kv_cache_dtype of fp8 halves its need. Otherwise add GPUs or servers.",
    link: LINKS.memory,
  };
}

/** Requests wait although the KV cache has room. */
export function schedulerBoundQueue(observations: Observations): Finding | undefined {
  const { waiting = 0, deferred = 0, running = 0, kvCache } = observations;
  if (!isQueueSteady(observations) || kvCache === undefined) return undefined;
  if (kvCache >= FULL_KV_CACHE) return undefined;
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
      : "The scheduler's limits hold them back: raise max_num_seqs first, then " +
        "max_num_batched_tokens.",
    link: isDeferred ? LINKS.engineArguments : LINKS.tuning,
  };
}
