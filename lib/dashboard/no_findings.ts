/** What stands in the place of findings when there is none. */

import { NOTES } from "./situation.ts";
import type { View } from "./view.ts";

/** A sentence, and whether it is good news. */
export interface NoFindings {
  /** What is said; empty when there are findings, or when nothing is known. */
  readonly text: string;
  /** Whether all is well. */
  readonly isGood: boolean;
}

/** Says that nothing is wrong, but not beside a tile that is bad, nor where nothing is known. */
export function noFindings({ findings, targets, tiles }: View): NoFindings {
  const nothing = { text: "", isGood: false };
  if (findings.length > 0 || targets.some(({ state }) => state !== "up")) return nothing;
  if (tiles.length > 0 && tiles.every(({ note }) => note === NOTES.notReported)) {
    const text = "vLLM answers, but reports none of this. Was it started with --disable-log-stats?";
    return { text, isGood: false };
  }
  if (tiles.every(({ value }) => value === null)) return nothing;
  return tiles.some(({ level }) => level === "bad")
    ? { text: "No findings so far, but a tile is bad.", isGood: false }
    : { text: "✓ Nothing found that is wrong.", isGood: true };
}
