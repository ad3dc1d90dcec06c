/** What is shown when there are no findings. */

import { NOTES } from "./availability.ts";
import type { View } from "./view.ts";

/** A sentence, and whether it is good news. */
export interface NoFindings {
  /** The sentence; empty when there are findings, or no data. */
  readonly text: string;
  /** Whether all is well. */
  readonly isGood: boolean;
}

/** Reports no problems, unless a tile is critical or there is no data. */
export function noFindings({ findings, targets, tiles }: View): NoFindings {
  const nothing = { text: "", isGood: false };
  if (findings.length > 0 || targets.some(({ state }) => state !== "up")) return nothing;
  if (tiles.length > 0 && tiles.every(({ note }) => note === NOTES.notReported)) {
    const text = "vLLM answers, but reports none of this. Was it started with --disable-log-stats?";
    return { text, isGood: false };
  }
  if (tiles.every(({ value }) => value === null)) return nothing;
  return tiles.some(({ level }) => level === "bad")
    ? { text: "No diagnosis yet, but a metric below is critical.", isGood: false }
    : { text: "✓ No problems found.", isGood: true };
}
