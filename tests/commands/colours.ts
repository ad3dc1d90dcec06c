/** The colours of a terminal, as commands write them. */

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const COLOUR = /\x1b\[\d+m/g;

/** A text without its colours. */
export function withoutColours(text: string): string {
  return text.replace(COLOUR, "");
}
