/** Rule on answers that are written slowly. */

import { formatSeconds } from "../format.ts";
import { goalLimits } from "../levels.ts";
import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";
import { LINKS } from "./rule.ts";
import { isDecodeSlow, isFirstTokenLate, isQueueSteady } from "./symptoms.ts";

/** What to do; where requests wait as well, fewer or smaller steps would make that worse. */
function actionOn(observations: Observations, areAllPausesLong: boolean): string {
  const isQueued = isQueueSteady(observations);
  if (areAllPausesLong) {
    return isQueued || isFirstTokenLate(observations)
      ? "Requests are late at their first token as well, so the GPU is at its limit: raise " +
        "tensor_parallel_size, quantize the model, or add servers."
      : "If many requests run at once, lower max_num_seqs first; otherwise the GPU is at its " +
        "limit: raise tensor_parallel_size, or quantize the model.";
  }
  return isQueued || isFirstTokenLate(observations)
    ? "If requests are preempted, fix that first. Otherwise long prompts hold back answers, and " +
      "first tokens are late as well: raise tensor_parallel_size, or add servers."
    : "If requests are preempted, fix that first. Otherwise long prompts get in between: lower " +
      "max_num_batched_tokens, for which first tokens come later.";
}

/** Further tokens come late, because of every step of the engine or because of single ones. */
export function slowDecode(observations: Observations): Finding | undefined {
  const { tpotP95 = 0, interTokenP50, goals: { tpotSeconds } } = observations;
  if (!isDecodeSlow(observations) || interTokenP50 === undefined) return undefined;
  const areAllPausesLong = interTokenP50 >= tpotSeconds / 2;
  return {
    id: "slow_decode",
    level: tpotP95 >= goalLimits(tpotSeconds).bad ? "bad" : "warn",
    title: areAllPausesLong ? "Answers are written slowly" : "Answers stall",
    why: `Each further token of an answer takes ${formatSeconds(tpotP95)} at p95 over the last ` +
      `five minutes (goal ${formatSeconds(tpotSeconds)}), and the median inter-token latency is ` +
      `${formatSeconds(interTokenP50)}: ${
        areAllPausesLong
          ? "every step of the engine takes long."
          : "a few long pauses make the difference."
      }`,
    action: actionOn(observations, areAllPausesLong),
    link: areAllPausesLong ? LINKS.tuning : LINKS.chunkedPrefill,
  };
}
