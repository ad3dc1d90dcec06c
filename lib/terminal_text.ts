/** Text from outside, such as the name of a model, made safe to show. */

/**
 * What can change how the text around it is shown: control characters (Unicode, general category
 * Cc: C0, DEL, C1), the marks that change the direction of writing, and line separators.
 */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/**
 * Replaces every character that could steer a terminal or reorder the text around it.
 *
 * @param text A text, such as the name of a model or what a server answered.
 * @returns The text with `?` for each such character.
 */
export function terminalText(text: string): string {
  return text.replace(UNSAFE, "?");
}

/**
 * Escapes the same characters in JSON, where they can only stand in strings. `JSON.stringify`
 * leaves all but C0 as they are.
 *
 * @param json A JSON text without line breaks between its tokens.
 * @returns The same value, with `\u` escapes.
 */
export function escapedJson(json: string): string {
  return json.replace(
    UNSAFE,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
