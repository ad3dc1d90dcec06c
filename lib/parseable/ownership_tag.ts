/**
 * The tag by which `provision` recognizes what it created, and whether somebody changed it since.
 *
 * A tag, because it is the one field of ours that Parseable 2.9.5 stores, lists and updates: fields
 * that it does not know keep their first value when an alert is updated.
 */

import { createHash } from "node:crypto";
import { listOf, objectOf } from "./json.ts";

/** What the tag says. */
export type OwnershipTag = {
  /** The stream of the dashboard or alert. */
  readonly stream: string;
  /** Which one it is: a hash of the title with which it was created. */
  readonly key: string;
  /** A hash of its content as written. */
  readonly content: string;
  /** A hash of its targets as written. */
  readonly targets: string;
};

const TAG = /^vllm-metrics:([\w-]+):([0-9a-f]{8})-([0-9a-f]{12})-([0-9a-f]{8})$/;
/** Digits of a number that count: Parseable parses some decimals to a neighbor of the nearest double. */
const DIGITS = 12;

/** Sorts keys, rounds numbers and leaves out nulls, so that equal values become equal texts. */
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

/** The first hexadecimal digits of the SHA-256 of a JSON value; the order of keys does not count. */
export function fingerprint(value: unknown, length: number): string {
  const text = JSON.stringify(canonical(value)) ?? "";
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

/** The key of a dashboard or alert; a later change of its title in Parseable does not change it. */
export function keyOf(title: string): string {
  return fingerprint(title, 8);
}

/** The hash of target ids in a tag. */
export function targetsHash(targets: readonly string[]): string {
  return fingerprint(targets, 8);
}

/** Writes a tag, such as `vllm-metrics:vLLMmetrics:0a1b2c3d-0a1b2c3d4e5f-0a1b2c3d`. */
export function writeTag({ stream, key, content, targets }: OwnershipTag): string {
  return `vllm-metrics:${stream}:${key}-${content}-${targets}`;
}

/** Finds our tag; undefined when somebody else created the dashboard or alert. */
export function readTag(tags: readonly string[]): OwnershipTag | undefined {
  for (const tag of tags) {
    const [, stream, key, content, targets] = TAG.exec(tag) ?? [];
    if (
      stream !== undefined && key !== undefined && content !== undefined && targets !== undefined
    ) return { stream, key, content, targets };
  }
  return undefined;
}

/** The tags that are not ours. */
export function otherTags(tags: readonly string[]): readonly string[] {
  return tags.filter((tag) => !TAG.test(tag));
}
