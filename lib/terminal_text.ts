/** Text from outside, such as the name of a model, made safe to show. */

/**
 * What can change how the text around it is shown: control characters (Unicode, general category
 * Cc: C0, DEL, C1), the marks that change the direction of writing, and line separators.
 */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Replaces every character that could steer a terminal or reorder the text around it. */
export function terminalText(text: string): string {
  return text.replace(UNSAFE, "?");
}

/**
 * Escapes the same characters in JSON, where they can only stand in strings. `JSON.stringify`
 * leaves all but C0 as they are.
 */
export function escapedJson(json: string): string {
  return json.replace(
    UNSAFE,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
