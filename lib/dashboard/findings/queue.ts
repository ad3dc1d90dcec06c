/** Requests that wait or are preempted. */

import { formatNumber, formatShare } from "../format.ts";
import { PREEMPTION_LIMITS, WAITING_LIMITS } from "../levels.ts";
import type { Finding } from "../view.ts";
import { isDecodeSlow, isKvCacheFull, isPreempted, isQueueSteady } from "./finding_input.ts";
import { count, type Diagnosis, type FindingRule, LINKS, valueOf } from "./finding_rule.ts";

/** Share of the waiting requests from which on the reason they are deferred is the cause. */
const MOSTLY_DEFERRED = 0.5;

function levelOf(waiting: number): Finding["level"] {
  return waiting >= WAITING_LIMITS.bad ? "bad" : "warn";
}

/** Requests wait because the KV cache is full. */
export const MEMORY_BOUND_QUEUE: FindingRule = {
  id: "memory_bound_queue",
  title: "Requests wait because the KV cache is full",
  condition: "at least one waited all through the last minute, and the KV cache was 90% full or " +
    "more, or requests were preempted, so that it was full at times. Critical from 50 waiting.",
  find(input): Diagnosis | undefined {
    const { waiting = 0, kvCache = 0, preemptions = 0 } = input.shared;
    if (!isQueueSteady(input) || !isKvCacheFull(input)) return undefined;
    const preempted = isPreempted(input)
      ? `; it ran full: ${formatNumber(preemptions * 60)} preemptions per minute`
      : "";
    return {
      level: levelOf(waiting),
      why: `At least ${count(waiting, "request")} waited all through the last minute, and the KV ` +
        `cache was ${formatShare(kvCache)} full${preempted}.`,
      action: "Give the KV cache more memory: raise --gpu-memory-utilization (such as " +
        "--gpu-memory-utilization 0.95), or lower --max-model-len; --kv-cache-dtype fp8 halves " +
        "what it needs. Otherwise add GPUs or servers.",
      link: LINKS.memory,
    };
  },
};

/** Requests wait although the KV cache has room. */
export const SCHEDULER_BOUND_QUEUE: FindingRule = {
  id: "scheduler_bound_queue",
  title: "Requests wait although the KV cache has room",
  condition: "at least one waited all through the last minute, with the KV cache less than 90% " +
    "full and no preemptions. Where at least half of them are deferred, the title is **Requests " +
    "are deferred although the KV cache has room**: they wait for a LoRA adapter or a KV " +
    "transfer. Critical from 50 waiting.",
  find(input): Diagnosis | undefined {
    const { waiting = 0, kvCache } = input.shared;
    if (!isQueueSteady(input) || kvCache === undefined || isKvCacheFull(input)) return undefined;
    const reasons = input.recent.gauges("num_requests_waiting_by_reason", { by: ["reason"] });
    const byReason = reasons.find(({ labels }) => labels.reason === "deferred")?.values;
    const deferred = valueOf(byReason) ?? 0;
    const isDeferred = deferred >= MOSTLY_DEFERRED * waiting;
    const numbers = `At least ${count(waiting, "request")} waited all through the last minute, ` +
      `while the KV cache was only ${formatShare(kvCache)} full`;
    if (isDeferred) {
      return {
        level: levelOf(waiting),
        title: "Requests are deferred although the KV cache has room",
        why: `${numbers}; ${count(deferred, "request")} of them are deferred.`,
        action: "Deferred requests wait for a LoRA adapter or a KV transfer: raise --max-loras, " +
          "or check the KV connector.",
        link: LINKS.engineArguments,
      };
    }
    const running = valueOf(input.recent.gauge("num_requests_running")) ?? 0;
    return {
      level: levelOf(waiting),
      why: `${numbers} and ${count(running, "request")} ran.`,
      action: isDecodeSlow(input)
        ? "The scheduler's limits hold them back, but the time per output token (TPOT) already " +
          "misses its goal, and more requests at once make it longer: add GPUs or servers."
        : "The scheduler's limits hold them back: raise --max-num-seqs first, then " +
          "--max-num-batched-tokens.",
      link: LINKS.tuning,
    };
  },
};

/** Running requests are preempted. */
export const PREEMPTIONS: FindingRule = {
  id: "preemptions",
  title: "Requests are preempted",
  condition: "0.001 per second or more over five minutes; critical from 1 per second.",
  find(input): Diagnosis | undefined {
    const { preemptions = 0 } = input.shared;
    if (!isPreempted(input)) return undefined;
    return {
      level: preemptions >= PREEMPTION_LIMITS.bad ? "bad" : "warn",
      why: `${formatNumber(preemptions * 60)} preemptions per minute over the last five minutes: ` +
        "the KV cache was full, and each preempted request is recomputed.",
      action: "Raise --gpu-memory-utilization first (such as --gpu-memory-utilization 0.95); " +
        "otherwise lower --max-num-seqs, or raise --tensor-parallel-size to spread the model over " +
        "more GPUs.",
      link: LINKS.preemption,
    };
  },
};
