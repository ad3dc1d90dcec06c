/** The JSON of dashboards and alerts as it is written, with the tag by which we know it again. */

import { type JsonObject, textsOf } from "./json.ts";
import { fingerprint, markOf, tagOf, withoutMark } from "./mark.ts";
import type { ShelfKind } from "./shelf_kind.ts";

/** A dashboard or an alert as it should be: its JSON without ids and targets. */
export interface Wanted {
  /** Its title, unique among ours. */
  readonly title: string;
  /** Tags of its own. */
  readonly tags: readonly string[];
}

/** What is added to it. */
export interface Additions {
  /** The stream that it reads. */
  readonly stream: string;
  /** The ids of the targets; dashboards have none. */
  readonly targets: readonly string[];
  /** The hash of targets for the mark, when it is not that of the targets. */
  readonly targetsMark?: string;
  /** What Parseable has in its place now. */
  readonly current?: JsonObject;
}

/**
 * Takes out what counts as content: Parseable gives it back as it was written.
 *
 * @param kind Dashboards, or alerts.
 * @param body What is written, or what Parseable gave.
 * @returns Those fields that are there.
 */
export function contentOf(kind: ShelfKind, body: JsonObject): JsonObject {
  return Object.fromEntries(
    kind.fields.filter((name) => body[name] !== undefined).map((name) => [name, body[name]]),
  );
}

/**
 * Hashes what counts as content.
 *
 * @param kind Dashboards, or alerts.
 * @param body What is written, or what Parseable gave.
 * @returns The hash, as it stands in a mark.
 */
export function contentHash(kind: ShelfKind, body: JsonObject): string {
  return fingerprint(contentOf(kind, body), 12);
}

/**
 * Makes the JSON to write. Tags that somebody added stay, and so does the star of a dashboard.
 *
 * @param kind Dashboards, or alerts.
 * @param wanted What it should be.
 * @param additions What is added.
 * @returns The body of a POST or PUT.
 */
export function bodyOf(kind: ShelfKind, wanted: Wanted, additions: Additions): JsonObject {
  const { stream, targets, targetsMark, current = {} } = additions;
  const body: JsonObject = { ...wanted };
  const mark = markOf(stream, wanted.title, contentOf(kind, body), targets);
  const tag = tagOf(targetsMark === undefined ? mark : { ...mark, targets: targetsMark });
  const tags = [...new Set([...withoutMark(textsOf(current.tags)), ...wanted.tags, tag])];
  if (kind.noun === "alert") return { ...body, tags, targets };
  return { ...body, tags, isFavorite: current.isFavorite === true };
}
