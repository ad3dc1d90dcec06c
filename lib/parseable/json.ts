/** JSON values: narrowed, where what is of another type becomes empty, and hashed. */

import { createHash } from "node:crypto";

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A value as an object. */
export function objectOf(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** A value as a list. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A value as a text. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The texts of a list. */
export function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter((each) => typeof each === "string");
}

/** Digits of a number that count: Parseable parses some decimals to a neighbor of the nearest double. */
const DIGITS = 12;

/** Sorts keys, rounds numbers and leaves out nulls, so that equal values become equal texts. */
function canonical(value: unknown): unknown {
  if (typeof value === "number") return Number(value.toPrecision(DIGITS));
  if (Array.isArray(value)) return listOf(value).map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(objectOf(value)).filter(([, each]) => each !== null);
  return Object.fromEntries(
    entries.map(([key, each]) => [key, canonical(each)] as const)
      .sort(([one], [other]) => one < other ? -1 : 1),
  );
}

/** The first hexadecimal digits of the SHA-256 of a JSON value; the order of keys does not count. */
export function fingerprint(value: unknown, length: number): string {
  const text = JSON.stringify(canonical(value)) ?? "";
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

/** Crockford's base 32, the alphabet of ULIDs (github.com/ulid/spec). */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The ULID of a name, without a time: links to a tile survive updates, since it stays the same. */
export function ulidOf(name: string): string {
  const digest = createHash("sha256").update(name).digest("hex");
  return BigInt(`0x${digest.slice(0, 32)}`).toString(32).padStart(26, "0")
    .replace(/./g, (digit) => ALPHABET.charAt(parseInt(digit, 32)));
}
