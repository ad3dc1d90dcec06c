/** Escapes of label values and help texts. */

/** What most label values have nothing of. */
const NEEDS_ESCAPE = /[\0\r\n\\"]/;

/** NUL ends a text for readers in C, and CR makes Fluent Bit exit: neither has an escape. */
function withoutControl(text: string): string {
  return text.replaceAll("\0", "\uFFFD").replace(/\r\n?/g, "\n");
}

/**
 * Reads escapes the lenient way: `\\`, `\n` and `\"` as the formats define
 * them, any other backslash as itself.
 *
 * @param text Escaped text, without its quotes.
 * @param quotes Whether `\"` is an escape here: in label values, and in help texts of OpenMetrics.
 * @returns The text that was meant.
 */
export function unescapeText(text: string, quotes: boolean): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([\\n"])/g, (whole, character: string) => {
    if (character === "n") return "\n";
    return character === '"' && !quotes ? whole : character;
  });
}

/**
 * Escapes a label value for the text format 0.0.4.
 *
 * @param value Any text.
 * @returns The text between the quotes: `\`, line feed and `"` escaped, CR as a line feed, NUL as U+FFFD.
 */
export function escapeLabelValue(value: string): string {
  if (!NEEDS_ESCAPE.test(value)) return value;
  return withoutControl(value).replace(
    /[\\\n"]/g,
    (character) => character === "\n" ? "\\n" : `\\${character}`,
  );
}

/**
 * Escapes a help text for the text format 0.0.4.
 *
 * @param help Any text.
 * @returns One line: `\` and line feed escaped, CR as a line feed, NUL as U+FFFD.
 */
export function escapeHelp(help: string): string {
  return withoutControl(help).replace(
    /[\\\n]/g,
    (character) => character === "\n" ? "\\n" : "\\\\",
  );
}
