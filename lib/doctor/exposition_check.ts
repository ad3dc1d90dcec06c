/** What readers would make of an exposition, before and after it is sanitised. */

import type { Format } from "../exposition/header.ts";
import { DROP_REASONS } from "../exposition/dropped.ts";
import { Sanitizer } from "../exposition/sanitizer.ts";
import type { Verdict } from "./walk.ts";

/** What stops Fluent Bit 5.1.1 in an exposition as vLLM sends it (read in its decoder, and run). */
const BREAKERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^[A-Za-z_]\w*:[^\s{]*[\s{]/gm, "samples with a colon in their name"],
  [/^# TYPE \S+ (?:info|unknown|stateset|gaugehistogram)\b/gm, "types that it does not know"],
  [/\r(?!\n)/g, "lone carriage returns"],
  [/\\(?![\\n"])/g, "stray backslashes"],
];

/**
 * Sanitises an exposition as `/metrics` does, and says what was mended and what was left out.
 *
 * @param exposition The bytes, which are edited in place, and their format.
 * @returns A warning when lines were left out.
 */
export function examineExposition(
  { bytes, format }: { bytes: Uint8Array<ArrayBuffer>; format: Format },
): Verdict<void> {
  const text = new TextDecoder().decode(bytes);
  const broken = BREAKERS.map(([pattern, what]) =>
    [text.match(pattern)?.length ?? 0, what] as const
  )
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`);
  const sanitizer = new Sanitizer({ format });
  sanitizer.push(bytes, true);
  const mended = broken.length === 0
    ? "nothing in it stops Fluent Bit"
    : `mended for Fluent Bit: ${broken.join(", ")}`;
  const found = `${sanitizer.samples} samples for all readers; ${mended}`;
  if (sanitizer.dropped.total === 0) return { found };
  const reasons = [...sanitizer.dropped.entries()]
    .map(([reason, lines]) => `${lines} of them ${DROP_REASONS[reason]} (${reason})`);
  return {
    status: "warn",
    found: `${found}; ${sanitizer.dropped.total} lines left out`,
    action: `Look at these lines of vLLM: ${reasons.join(", ")}.`,
  };
}
