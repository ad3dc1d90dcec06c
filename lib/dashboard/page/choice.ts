/** The selection, kept in the query of the page's address, and the lists to select from. */

import type { ViewTarget } from "../view.ts";

/** A selection; an empty text selects all, or the default window. */
export interface Choice {
  /** The server, by its name. */
  readonly instance: string;
  /** The model, by its name. */
  readonly model: string;
  /** The engine, by its number. */
  readonly engine: string;
  /** The window in seconds. */
  readonly window: string;
}

/** The parts of a selection, in the order of the query. */
export const CHOICE_NAMES = ["instance", "model", "engine", "window"] as const;

/** Reads a selection from a query. */
export function readChoice(search: string): Choice {
  const query = new URLSearchParams(search);
  const get = (name: keyof Choice): string => query.get(name) ?? "";
  return {
    instance: get("instance"),
    model: get("model"),
    engine: get("engine"),
    window: get("window"),
  };
}

/** A selection as a query with its question mark; empty without one. */
export function choiceQuery(choice: Choice): string {
  const chosen = CHOICE_NAMES.flatMap((name): [string, string][] =>
    choice[name] === "" ? [] : [[name, choice[name]]]
  );
  return chosen.length === 0 ? "" : `?${new URLSearchParams(chosen)}`;
}

/** One option. */
export interface SelectOption {
  /** Its value; empty for all. */
  readonly value: string;
  /** Its text. */
  readonly text: string;
}

/**
 * The options for names: one for all, then one per name. A selected name that is gone stays in the
 * list, so that the selection remains visible.
 */
export function nameOptions(
  names: readonly string[],
  chosen: string,
  noun: string,
): SelectOption[] {
  const [only] = names;
  const several = names.length > 1;
  const all = several ? `all ${noun} (${names.length})` : only ?? `all ${noun}`;
  const isGone = chosen !== "" && !names.includes(chosen);
  const listed = several || chosen !== "" ? names : [];
  return [
    { value: "", text: all },
    ...listed.map((name) => ({ value: name, text: name })),
    ...(isGone ? [{ value: chosen, text: `${chosen} (gone)` }] : []),
  ];
}

/** Servers that are listed; more would push the numbers off the screen. */
const MAX_LISTED = 8;

/** All servers if there are few; of many the first ones that are not up. */
export function listedTargets(targets: readonly ViewTarget[]): readonly ViewTarget[] {
  if (targets.length <= MAX_LISTED) return targets;
  return targets.filter(({ state }) => state !== "up").slice(0, MAX_LISTED);
}

/** How many servers are up; empty when all are listed. */
export function targetCountText(targets: readonly ViewTarget[]): string {
  if (targets.length <= MAX_LISTED) return "";
  const up = targets.filter(({ state }) => state === "up").length;
  return `${up} of ${targets.length} servers are up`;
}
