/** What changed from one view to the next, for the event stream. */

import type { View } from "./view.ts";

/**
 * A change of a JSON value: `[value]` replaces it, `[dropped, kept, tail]` is a list that lost its
 * first items, kept the next ones and continues with the tail, and an object holds the changes of
 * the members of an object, or of the items of a list by their index.
 */
export type Patch =
  | readonly [value: unknown]
  | readonly [dropped: number, kept: number, tail: readonly unknown[]]
  | { readonly [member: string]: Patch };

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Whether a list is one of numbers, texts and gaps. */
function isLine(list: readonly unknown[]): boolean {
  return list.every((item) => !isObject(item));
}

/** Finds how far a line moved: its times and values lose their first points and get new ones. */
function linePatch(before: readonly unknown[], after: readonly unknown[]): Patch {
  let best: Patch = [after];
  let most = 0;
  for (let dropped = 0; dropped < before.length - most; dropped++) {
    let kept = 0;
    while (
      dropped + kept < before.length && kept < after.length &&
      before[dropped + kept] === after[kept]
    ) kept++;
    if (kept > most) [most, best] = [kept, [dropped, kept, after.slice(kept)]];
  }
  return best;
}

/** What changed from one JSON value to another; undefined when nothing did. */
export function createPatch(before: unknown, after: unknown): Patch | undefined {
  if (!isObject(before) || !isObject(after)) return before === after ? undefined : [after];
  if (Array.isArray(before) !== Array.isArray(after)) return [after];
  if (Array.isArray(before) && Array.isArray(after) && isLine(before) && isLine(after)) {
    const isEqual = before.length === after.length &&
      before.every((item, index) => item === after[index]);
    return isEqual ? undefined : linePatch(before, after);
  }
  // An absent member and an undefined one are the same in JSON.
  const present = (value: typeof before): string[] =>
    Object.keys(value).filter((key) => value[key] !== undefined);
  const [keys, old] = [present(after), present(before)];
  if (keys.length !== old.length || keys.some((key, index) => key !== old[index])) return [after];
  const changes = keys.flatMap((key) => {
    const change = createPatch(before[key], after[key]);
    return change === undefined ? [] : [[key, change] as const];
  });
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}

function isList(patch: Patch): patch is Extract<Patch, readonly unknown[]> {
  return Array.isArray(patch);
}

function apply(before: unknown, patch: Patch): unknown {
  if (isList(patch)) {
    if (patch.length === 1) return patch[0];
    const [dropped, kept, tail] = patch;
    return Array.isArray(before) ? [...before.slice(dropped, dropped + kept), ...tail] : tail;
  }
  if (!isObject(before)) return before;
  const changed = Object.entries(patch).map(([key, change]) =>
    [key, apply(before[key], change)] as const
  );
  if (Array.isArray(before)) return Object.assign([...before], Object.fromEntries(changed));
  return { ...before, ...Object.fromEntries(changed) };
}

/** Whether a value is a patch, by its outer form. */
export function isPatch(value: unknown): value is Patch {
  return isObject(value);
}

/** The view after a change; parts that did not change stay the same objects. */
export function applyPatch(view: View, patch: Patch): View {
  const changed = apply(view, patch);
  // A patch of our own service turns a view into a view.
  return { ...view, ...(isObject(changed) ? changed : {}) };
}
