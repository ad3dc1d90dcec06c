/** The servers, for people. */

import type { History, TargetState } from "../history/history.ts";
import { Scope } from "./scope.ts";
import type { Frame } from "./time_frame.ts";
import type { ViewTarget } from "./view.ts";

/** Servers of which no engine is awake; older versions of vLLM do not tell. */
function sleepers(scope: Scope): Set<string> {
  const states = scope.gauges("engine_sleep_state", { by: ["instance", "sleep_state"] });
  const asleep = states.filter(({ labels, values }) =>
    labels.sleep_state === "awake" && values.at(-1) === 0
  );
  return new Set(asleep.map(({ labels }) => labels.instance ?? ""));
}

function stateOf(target: TargetState, asleep: ReadonlySet<string>): ViewTarget["state"] {
  if (target.up === undefined) return "unknown";
  if (!target.up) return "down";
  return asleep.has(target.instance) ? "sleeping" : "up";
}

/**
 * Says of each server whether it is up, sleeping or down.
 *
 * @param history What is known of them.
 * @param now This moment.
 * @returns The servers in the order of the configuration.
 */
export function viewTargets(history: History, now: Frame): ViewTarget[] {
  // What a server was last seen to be, as old as that may be.
  const asleep = sleepers(new Scope(history, {}, { ...now, hasGaps: false }));
  return history.targets.map((target) => ({ ...target, state: stateOf(target, asleep) }));
}
