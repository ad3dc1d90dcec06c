/**
 * What parsers of settings give: the value, or what is wrong and what is allowed.
 * No problem text holds any part of a secret.
 */

/**
 * A value, or a problem that completes the sentence `cannot use "…": ` with what
 * is wrong and what is allowed.
 */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** Takes a value. */
export function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** Refuses a text. */
export function refuse(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}
