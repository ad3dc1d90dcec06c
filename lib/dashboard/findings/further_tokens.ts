/** Rule on answers that are written slowly. */

import { formatSeconds } from "../format.ts";
import { goalLimits } from "../levels.ts";
import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";
import { LINKS } from "./rule.ts";

/** Further tokens come late, because of every step of the engine or because of single ones. */
export function slowDecode(observations: Observations): Finding | undefined {
  const { tpotP95, interTokenP50, goals: { tpotSeconds } } = observations;
  if (tpotP95 === undefined || interTokenP50 === undefined || tpotP95 < tpotSeconds) {
    return undefined;
  }
  const areAllPausesLong = interTokenP50 >= tpotSeconds / 2;
  return {
    id: "slow_decode",
    level: tpotP95 >= goalLimits(tpotSeconds).bad ? "bad" : "warn",
    title: areAllPausesLong ? "Answers are written slowly" : "Answers stall",
    why: `Each further token of an answer takes ${formatSeconds(tpotP95)} at p95 over the last ` +
      `five minutes (goal ${formatSeconds(tpotSeconds)}), and the middle one of the pauses ` +
      `between tokens is ${formatSeconds(interTokenP50)}: ${
        areAllPausesLong
          ? "every step of the engine takes long."
          : "a few long pauses make the difference."
      }`,
    action: areAllPausesLong
      ? "If many requests run at once, lower max_num_seqs first; otherwise the GPU is at its " +
        "limit: raise tensor_parallel_size, or quantize the model."
      : "If requests are preempted, mend that first. Otherwise long prompts get in between: lower " +
        "max_num_batched_tokens, for which first tokens come later.",
    link: areAllPausesLong ? LINKS.tuning : LINKS.chunkedPrefill,
  };
}
