/** Tokens that come late. */

import { formatSeconds } from "../format.ts";
import { goalLimits } from "../levels.ts";
import { meanOf } from "../line.ts";
import type { Finding } from "../view.ts";
import { isDecodeSlow, isFirstTokenLate, isPreempted, isQueueSteady } from "./finding_input.ts";
import {
  type Diagnosis,
  type FindingInput,
  type FindingRule,
  LINKS,
  valueOf,
} from "./finding_rule.ts";

/** The queue is short when it takes at most this part of the time before the first token. */
const SHORT_QUEUE = 0.25;
/** With more requests waiting on average, the queue is not short. */
const MAX_WAITING = 1;

/** First tokens that are late, and the queue's part in that. */
interface LateTokens {
  readonly level: Finding["level"];
  readonly numbers: string;
  readonly queueSeconds: number;
  readonly isQueueShort: boolean;
}

/**
 * Queue and prefill are both counted when a request ends, so they are of the same requests; the time
 * to first token is counted earlier, and so of others.
 */
function lateTokens(input: FindingInput): LateTokens | undefined {
  if (!isFirstTokenLate(input)) return undefined;
  const queueSeconds = valueOf(input.recent.mean("request_queue_time_seconds"));
  const prefillSeconds = valueOf(input.recent.mean("request_prefill_time_seconds"));
  if (queueSeconds === undefined || prefillSeconds === undefined) return undefined;
  const { shared: { ttftP95 = 0 }, goals: { ttftSeconds } } = input;
  const wholeSeconds = queueSeconds + prefillSeconds;
  return {
    level: ttftP95 >= goalLimits(ttftSeconds).bad ? "bad" : "warn",
    numbers: `The time to first token (TTFT) is ${formatSeconds(ttftP95)} at p95 (goal ${
      formatSeconds(ttftSeconds)
    }). Finished requests took ${formatSeconds(wholeSeconds)} to it on average`,
    queueSeconds,
    isQueueShort: queueSeconds <= SHORT_QUEUE * wholeSeconds,
  };
}

/** First tokens are late because of a queue that comes and goes. */
export const SLOW_QUEUE: FindingRule = {
  id: "slow_queue",
  title: "First tokens are slow because requests wait",
  condition: "p95 of the time to first token (TTFT) over five minutes misses the goal, the queue " +
    "takes more than a quarter of the mean time before the first token (queue and prefill), and " +
    "none of the two findings on queues is reported: there are bursts, or the queue has just " +
    "begun or ended. Critical from three times the goal.",
  find(input): Diagnosis | undefined {
    const late = lateTokens(input);
    // A steady queue has its own finding, which knows the cause.
    if (late === undefined || late.isQueueShort || isQueueSteady(input)) return undefined;
    return {
      level: late.level,
      why:
        `${late.numbers}, of which ${formatSeconds(late.queueSeconds)} are spent in the queue, ` +
        "over the last five minutes.",
      action: isPreempted(input) || isDecodeSlow(input)
        ? "Requests come in bursts that are more than the server can take: spread them out at the " +
          "clients, or add servers."
        : "Look at the KV cache while requests waited: if it was full, raise " +
          "--gpu-memory-utilization first, otherwise --max-num-seqs. If requests come in bursts, " +
          "spread them out at the clients, or add servers.",
      link: LINKS.tuning,
    };
  },
};

/** First tokens are late although the queue is short. */
export const SLOW_PREFILL: FindingRule = {
  id: "slow_prefill",
  title: "First tokens are slow although the queue is short",
  condition: "p95 of the time to first token (TTFT) over five minutes misses the goal, the queue " +
    "takes at most a quarter of the mean time before the first token, and at most one request " +
    "waits on average. Critical from three times the goal.",
  find(input): Diagnosis | undefined {
    const late = lateTokens(input);
    if (late === undefined || !late.isQueueShort) return undefined;
    const waiting = meanOf(input.minute.gauge("num_requests_waiting") ?? []) ?? 0;
    if (waiting > MAX_WAITING) return undefined;
    return {
      level: late.level,
      why: `${late.numbers}, of which only ${formatSeconds(late.queueSeconds)} are spent in the ` +
        "queue: prefill takes the time.",
      action: isDecodeSlow(input)
        ? "The time per output token (TPOT) misses its goal as well, so larger steps do not help: " +
          "make use of the prefix cache, or raise --tensor-parallel-size."
        : "Raise --max-num-batched-tokens first, so that prefill takes fewer steps; make use of " +
          "the prefix cache; otherwise raise --tensor-parallel-size.",
      link: LINKS.chunkedPrefill,
    };
  },
};

/** What to do about slow output; with late first tokens, fewer or smaller steps would not help. */
function decodeAction(input: FindingInput, areAllPausesLong: boolean): string {
  const isPromptSlow = isQueueSteady(input) || isFirstTokenLate(input);
  if (areAllPausesLong) {
    return isPromptSlow
      ? "First tokens are late as well, so the GPU is at its limit: raise --tensor-parallel-size, " +
        "quantize the model, or add servers."
      : "If many requests run at once, lower --max-num-seqs first; otherwise the GPU is at its " +
        "limit: raise --tensor-parallel-size, or quantize the model.";
  }
  const first = "Fix preemptions first, if there are any. Otherwise long prompts";
  return isPromptSlow
    ? `${first} hold up the output, and first tokens are late as well: raise ` +
      "--tensor-parallel-size, or add servers."
    : `${first} hold up the output: lower --max-num-batched-tokens, at the cost of a longer TTFT.`;
}

/** Output tokens are late, because of every engine step or because of single ones. */
export const SLOW_DECODE: FindingRule = {
  id: "slow_decode",
  title: "Output is slow",
  condition:
    "p95 of the time per output token (TPOT) over five minutes misses the goal. Where the " +
    "median inter-token latency (ITL) is under half the goal, the title is **Output stalls**: a " +
    "few long pauses make the difference. Critical from three times the goal.",
  find(input): Diagnosis | undefined {
    const { shared: { tpotP95 = 0 }, goals: { tpotSeconds } } = input;
    if (!isDecodeSlow(input)) return undefined;
    const median = valueOf(input.recent.quantile(0.5, "inter_token_latency_seconds"));
    if (median === undefined) return undefined;
    const areAllPausesLong = median >= tpotSeconds / 2;
    return {
      level: tpotP95 >= goalLimits(tpotSeconds).bad ? "bad" : "warn",
      title: areAllPausesLong ? "Output is slow" : "Output stalls",
      why: `The time per output token (TPOT) is ${formatSeconds(tpotP95)} at p95 over the last ` +
        `five minutes (goal ${formatSeconds(tpotSeconds)}), and the median inter-token latency ` +
        `(ITL) is ${formatSeconds(median)}: ${
          areAllPausesLong
            ? "every engine step takes long."
            : "a few long pauses make the difference."
        }`,
      action: decodeAction(input, areAllPausesLong),
      link: areAllPausesLong ? LINKS.tuning : LINKS.chunkedPrefill,
    };
  },
};
