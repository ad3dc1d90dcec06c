/** What a memo knows. */

import { withoutNumbers } from "../../lib/exposition/memo.ts";
import type { Format } from "../../lib/exposition/types.ts";
import type { SanitizerMemo } from "../../lib/exposition/sanitizer.ts";

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
export function remembered(memo: SanitizerMemo, text: string, format: Format = "text"): number {
  return familiesOf(text).filter((each) => memo.get(withoutNumbers(each, format).key)).length;
}
