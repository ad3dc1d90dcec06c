/** All that must hold for whatever comes in, in one call. */

import type { Format } from "../../lib/exposition/types.ts";
import { SanitizerMemo } from "../../lib/exposition/sanitizer.ts";
import { lossesOf } from "./losses.ts";
import { type Bytes, type Sanitized, sanitized } from "./sanitized.ts";

/** Input of the sanitiser, and the circumstances it comes in. */
export interface Passage {
  /** The bytes. */
  readonly input: Bytes;
  /** The format they are taken for. */
  readonly format: Format;
  /** What the server sent the time before. */
  readonly before: Bytes;
  /** Where the input is cut into chunks, as shares of its length. */
  readonly cuts: readonly number[];
}

function differs(one: Sanitized, other: Sanitized): boolean {
  return one.text !== other.text || one.samples !== other.samples ||
    JSON.stringify(one.dropped) !== JSON.stringify(other.dropped);
}

/**
 * Tells what is wrong with what comes out.
 *
 * @param passage What goes in.
 * @returns One line for each fault: what Fluent Bit would lose, that a second
 *   pass changes something, that chunks or memo make a difference.
 */
export function faultsOf({ input, format, before, cuts: shares }: Passage): string[] {
  const whole = sanitized(input, { format });
  const faults = lossesOf(whole.bytes);
  const again = sanitized(whole.bytes, { format: "text" });
  if (again.text !== whole.text) faults.push(`a second pass gives ${JSON.stringify(again.text)}`);
  const cuts = shares.map((share) => Math.floor(share * input.length)).toSorted((a, b) => a - b);
  const cut = sanitized(input, { format, cuts });
  if (differs(cut, whole)) faults.push(`cut at ${cuts} it gives ${JSON.stringify(cut.text)}`);
  const memo = new SanitizerMemo();
  sanitized(before, { format, memo });
  for (const options of [{ cuts }, {}]) {
    const warm = sanitized(input, { format, memo, ...options });
    if (differs(warm, whole)) faults.push(`remembered it gives ${JSON.stringify(warm.text)}`);
  }
  return faults;
}
