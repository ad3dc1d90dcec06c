/** Rule on first tokens that are slow although nothing waits. */

import { formatSeconds } from "../format.ts";
import { goalLimits } from "../levels.ts";
import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";
import { LINKS } from "./rule.ts";

/** The queue is short when it takes at most this part of the time to first token. */
const SHORT_QUEUE = 0.25;
/** With more waiting requests the queue is not short, though those that ended did not wait long. */
const MAX_WAITING = 1;

/** First tokens come late, and not because of the queue. */
export function slowPrefill(observations: Observations): Finding | undefined {
  const { ttftP95, ttftMean, queueMean, waitingMean = 0, goals: { ttftSeconds } } = observations;
  if (ttftP95 === undefined || ttftMean === undefined || queueMean === undefined) return undefined;
  if (ttftP95 < ttftSeconds || queueMean > SHORT_QUEUE * ttftMean) return undefined;
  if (waitingMean > MAX_WAITING) return undefined;
  return {
    id: "slow_prefill",
    level: ttftP95 >= goalLimits(ttftSeconds).bad ? "bad" : "warn",
    title: "First tokens are slow though the queue is short",
    why: `The time to first token is ${formatSeconds(ttftP95)} at p95 (goal ${
      formatSeconds(ttftSeconds)
    }) and ${formatSeconds(ttftMean)} on average, of which only ${
      formatSeconds(queueMean)
    } are spent in the queue: reading the prompts takes the time.`,
    action: "Raise max_num_batched_tokens first, so that prompts are read in fewer steps; make " +
      "use of the prefix cache; otherwise raise tensor_parallel_size.",
    link: LINKS.chunkedPrefill,
  };
}
