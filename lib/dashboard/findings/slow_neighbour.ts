/** Rules on engines or servers that are slower than their neighbours. */

import { formatSeconds } from "../format.ts";
import { type Named, oddOneOut } from "../odd_one_out.ts";
import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";
import { LINKS } from "./rule.ts";

/** Pauses between tokens that differ by less, in seconds, are felt by nobody. */
const PAUSE_DIFFERENCE = 0.01;

/** One sentence on the slow one; undefined when none is slow. */
function slowSentence(pauses: readonly Named[]): string | undefined {
  const odd = oddOneOut(pauses, PAUSE_DIFFERENCE);
  if (odd === undefined || odd.value < odd.others) return undefined;
  return `In the last minute the pause between tokens of ${odd.name} was ${
    formatSeconds(odd.value)
  }, that of the others ${formatSeconds(odd.others)} on average.`;
}

/** One server takes much longer for a token than the others. */
export function slowServer({ servers }: Observations): Finding | undefined {
  return slowFinding("server", slowSentence(servers.pause));
}

/** One engine takes much longer for a token than the others. */
export function slowEngine({ engines, servers }: Observations): Finding | undefined {
  // Where each server has one engine, the servers say it all.
  if (engines.pause.length <= servers.pause.length) return undefined;
  return slowFinding("engine", slowSentence(engines.pause));
}

function slowFinding(noun: "server" | "engine", why: string | undefined): Finding | undefined {
  if (why === undefined) return undefined;
  return {
    id: `slow_${noun}`,
    level: "warn",
    title: `One ${noun} is slower than the others`,
    why,
    action: "If it has no more requests than the others, look at its GPUs: clocks, temperature, " +
      "other processes on them, and how they are connected. Otherwise look at how requests are " +
      "spread.",
    link: LINKS.troubleshooting,
  };
}
