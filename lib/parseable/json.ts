/** Narrows what Parseable answered. */

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Narrows a value to a JSON object.
 *
 * @param value Any JSON value.
 * @returns The object; an empty one for what is none.
 */
export function objectOf(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/**
 * Narrows a value to a list.
 *
 * @param value Any JSON value.
 * @returns The list; an empty one for what is none.
 */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/**
 * Narrows a value to a text.
 *
 * @param value Any JSON value.
 * @returns The text; an empty one for what is none.
 */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/**
 * Narrows a value to a list of texts.
 *
 * @param value Any JSON value.
 * @returns The texts of the list, without what is none.
 */
export function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter((each) => typeof each === "string");
}
