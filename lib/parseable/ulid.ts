/** ULIDs made of names: the same name always gives the same id, so links to a tile survive updates. */

import { createHash } from "node:crypto";

/** Crockford's base 32, the alphabet of ULIDs (github.com/ulid/spec). */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGITS = 26;

/** The ULID of a name; it contains no time. */
export function ulidOf(name: string): string {
  const digest = createHash("sha256").update(name).digest("hex");
  return BigInt(`0x${digest.slice(0, 32)}`).toString(32).padStart(DIGITS, "0")
    .replace(/./g, (digit) => ALPHABET.charAt(parseInt(digit, 32)));
}
