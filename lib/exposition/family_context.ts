/** What families share while one exposition passes. */

import type { ByteBuffer } from "./byte_buffer.ts";
import type { DroppedLines } from "./dropped.ts";
import type { Format } from "./header.ts";

/** What Fluent Bit takes for a part of the histogram or summary before it. */
const GROUP_SUFFIXES: readonly string[] = ["", "_bucket", "_sum", "_count"];
const LONGEST_SUFFIX = "_bucket".length;

/** What was written of a name: HELP and TYPE alone, its samples below them, or samples alone. */
export type NameUse = "header" | "declared" | "undeclared";

/** Where a family leaves its text and its losses, and what it must not repeat. */
export interface FamilyContext {
  /** The format that is read. */
  readonly format: Format;
  /** Takes the text 0.0.4 of the family. */
  readonly out: ByteBuffer;
  /** Counts what was left out. */
  readonly dropped: DroppedLines;
  /** The names handed out so far, whose HELP and TYPE can be written no more. */
  readonly names: Map<string, NameUse>;
  /** The name of the family written last, when it may be a histogram or summary. */
  readonly previous: { name?: string | undefined };
}

/**
 * Tells whether Fluent Bit takes a name for a part of the histogram or summary
 * before it, whatever its HELP and TYPE say.
 *
 * @param name The name of a family.
 * @param previous The name of the histogram or summary, if there is one.
 */
export function followsGroup(name: string, previous: string | undefined): boolean {
  if (previous === undefined) return false;
  const more = name.length - previous.length;
  if (more < 0 || more > LONGEST_SUFFIX || !name.startsWith(previous)) return false;
  return GROUP_SUFFIXES.includes(name.slice(previous.length));
}
