/**
 * The tag by which `provision` knows what it made, and whether somebody changed it since.
 *
 * A tag, because it is the one field of ours that Parseable 2.9.5 keeps, lists and changes: fields
 * that it does not know stay as they were made when an alert is updated.
 */

import { createHash } from "node:crypto";
import { listOf, objectOf } from "./json.ts";

/** What stands in the tag. */
export interface Mark {
  /** The stream that the thing was made for. */
  readonly stream: string;
  /** Which thing it is: a hash of the title that it was made with. */
  readonly key: string;
  /** A hash of what was written. */
  readonly content: string;
  /** A hash of the targets that were written. */
  readonly targets: string;
}

const TAG = /^vllm-metrics:([\w-]+):([0-9a-f]{8})-([0-9a-f]{12})-([0-9a-f]{8})$/;

/**
 * Digits of a number that count: Parseable reads some decimal numbers to a neighbour of the
 * nearest double.
 */
const DIGITS = 12;

/** Sorts keys, rounds numbers and leaves out what is null, so that equal things are equal texts. */
function canonical(value: unknown): unknown {
  if (typeof value === "number") return Number(value.toPrecision(DIGITS));
  if (Array.isArray(value)) return listOf(value).map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(objectOf(value)).filter(([, each]) => each !== null);
  return Object.fromEntries(
    entries.map(([key, each]) => [key, canonical(each)] as const)
      .sort(([one], [other]) => one < other ? -1 : 1),
  );
}

/**
 * Hashes a JSON value by its meaning: the order of keys does not count.
 *
 * @param value Any JSON value.
 * @param length How many hexadecimal digits are wanted.
 * @returns The beginning of a SHA-256, in hexadecimal.
 */
export function fingerprint(value: unknown, length: number): string {
  const text = JSON.stringify(canonical(value)) ?? "";
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

/**
 * Makes the key of a thing: what it was made as, whatever it is called later.
 *
 * @param title Its title as we make it.
 * @returns The key.
 */
export function keyOf(title: string): string {
  return fingerprint(title, 8);
}

/**
 * Makes the mark of a thing.
 *
 * @param stream The stream that it is for.
 * @param title Its title.
 * @param content What of it counts as its content.
 * @param targets The ids of its targets.
 * @returns The mark.
 */
export function markOf(
  stream: string,
  title: string,
  content: unknown,
  targets: readonly string[],
): Mark {
  return {
    stream,
    key: keyOf(title),
    content: fingerprint(content, 12),
    targets: fingerprint(targets, 8),
  };
}

/**
 * Writes a mark as a tag.
 *
 * @param mark The mark.
 * @returns Such as `vllm-metrics:vLLMmetrics:0a1b2c3d-0a1b2c3d4e5f-0a1b2c3d`.
 */
export function tagOf({ stream, key, content, targets }: Mark): string {
  return `vllm-metrics:${stream}:${key}-${content}-${targets}`;
}

/**
 * Finds the mark among tags.
 *
 * @param tags The tags of a thing.
 * @returns The mark; undefined for a thing that is not ours.
 */
export function readMark(tags: readonly string[]): Mark | undefined {
  for (const tag of tags) {
    const [, stream, key, content, targets] = TAG.exec(tag) ?? [];
    if (
      stream !== undefined && key !== undefined && content !== undefined && targets !== undefined
    ) return { stream, key, content, targets };
  }
  return undefined;
}

/**
 * Takes marks out of tags.
 *
 * @param tags The tags of a thing.
 * @returns Those that are not ours.
 */
export function withoutMark(tags: readonly string[]): readonly string[] {
  return tags.filter((tag) => !TAG.test(tag));
}
