/** What a memo knows. */

import type { SanitizerMemo } from "../../lib/exposition/sanitizer.ts";
import { encode } from "./sanitized.ts";

/** The families of a text, each with its HELP and TYPE. */
export function familiesOf(text: string): string[] {
  const families: string[] = [];
  let name: string | undefined;
  for (const line of text.split(/(?<=\n)/)) {
    const own = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1];
    if (own !== undefined && own !== name) families.push("");
    name = own ?? name;
    families[families.length - 1] += line;
  }
  return families;
}

/** How many families of a text are not parsed when they come again. */
export function remembered(memo: SanitizerMemo, text: string): number {
  const isKnown = (family: string): boolean =>
    memo.cursor().match(encode(family), 0, true, () => true) > 0;
  return familiesOf(text).filter(isKnown).length;
}
