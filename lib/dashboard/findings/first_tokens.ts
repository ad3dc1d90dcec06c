/** Rules on first tokens that come late. */

import { formatSeconds } from "../format.ts";
import { goalLimits } from "../levels.ts";
import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";
import { LINKS } from "./rule.ts";
import { isDecodeSlow, isFirstTokenLate, isPreempted, isQueueSteady } from "./symptoms.ts";

/** The queue is short when it takes at most this part of the time before the first token. */
const SHORT_QUEUE = 0.25;
/** With more waiting requests the queue is not short, though those before them did not wait long. */
const MAX_WAITING = 1;

/** What is known of first tokens that come late. */
interface LateTokens {
  readonly level: Finding["level"];
  readonly numbers: string;
  readonly queueSeconds: number;
  readonly queueTakesLittle: boolean;
}

/**
 * Looks whether first tokens miss the goal, and at the queue's part in that. Queue and prefill are
 * both counted when a request ends, so they are of the same requests; the time to first token is
 * counted earlier, and so of others.
 */
function lateTokens(observations: Observations): LateTokens | undefined {
  const { ttftP95 = 0, queueMean, prefillMean, goals: { ttftSeconds } } = observations;
  if (queueMean === undefined || prefillMean === undefined) return undefined;
  if (!isFirstTokenLate(observations)) return undefined;
  const wholeMean = queueMean + prefillMean;
  return {
    level: ttftP95 >= goalLimits(ttftSeconds).bad ? "bad" : "warn",
    numbers: `The time to first token is ${formatSeconds(ttftP95)} at p95 (goal ${
      formatSeconds(ttftSeconds)
    }). Requests that ended took ${formatSeconds(wholeMean)} to it on average`,
    queueSeconds: queueMean,
    queueTakesLittle: queueMean <= SHORT_QUEUE * wholeMean,
  };
}

/** First tokens come late because of a queue that does not last, or not yet. */
export function slowQueue(observations: Observations): Finding | undefined {
  const late = lateTokens(observations);
  // A queue that lasts has a finding of its own, which knows what it waits for.
  if (late === undefined || late.queueTakesLittle || isQueueSteady(observations)) return undefined;
  const isAtItsLimit = isPreempted(observations) || isDecodeSlow(observations);
  return {
    id: "slow_queue",
    level: late.level,
    title: "First tokens are slow because requests wait",
    why: `${late.numbers}, of which ${formatSeconds(late.queueSeconds)} are spent in the queue, ` +
      "over the last five minutes.",
    action: isAtItsLimit
      ? "Requests come in rushes that are more than the server can take: spread them out at the " +
        "clients or add servers."
      : "Look at the KV cache while requests waited: if it was full, raise " +
        "gpu_memory_utilization first, otherwise max_num_seqs. If requests come in rushes, spread " +
        "them out at the clients or add servers.",
    link: LINKS.tuning,
  };
}

/** First tokens come late, and not because of the queue. */
export function slowPrefill(observations: Observations): Finding | undefined {
  const late = lateTokens(observations);
  if (late === undefined || !late.queueTakesLittle) return undefined;
  if ((observations.waitingMean ?? 0) > MAX_WAITING) return undefined;
  return {
    id: "slow_prefill",
    level: late.level,
    title: "First tokens are slow though the queue is short",
    why: `${late.numbers}, of which only ${formatSeconds(late.queueSeconds)} are spent in the ` +
      "queue: reading the prompts takes the time.",
    action: isDecodeSlow(observations)
      ? "Answers are slow as well, so larger steps do not help: make use of the prefix cache, or " +
        "raise tensor_parallel_size."
      : "Raise max_num_batched_tokens first, so that prompts are read in fewer steps; make use of " +
        "the prefix cache; otherwise raise tensor_parallel_size.",
    link: LINKS.chunkedPrefill,
  };
}
