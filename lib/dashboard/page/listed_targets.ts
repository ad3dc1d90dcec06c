/** Which of many servers are named at the top of the page. */

import type { ViewTarget } from "../view.ts";

/** Servers that are named; more would push the numbers off the screen. */
const MAX_LISTED = 8;

/** All servers when they are few; of many the first ones that are not up. */
export function listedTargets(targets: readonly ViewTarget[]): readonly ViewTarget[] {
  if (targets.length <= MAX_LISTED) return targets;
  return targets.filter(({ state }) => state !== "up").slice(0, MAX_LISTED);
}

/** How many servers are up, in words; empty when all are named anyway. */
export function targetCountText(targets: readonly ViewTarget[]): string {
  if (targets.length <= MAX_LISTED) return "";
  const up = targets.filter(({ state }) => state === "up").length;
  return `${up} of ${targets.length} servers are up`;
}
