/** Text that others chose, for a terminal. */

/**
 * Takes out what would steer a terminal.
 *
 * @param text A text, such as the name of a model or what a server answered.
 * @returns The text with `?` for each control character (Unicode, general category Cc).
 */
export function terminalText(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
