/** ULIDs made of names: the same name always gives the same id, so links to a tile survive updates. */

import { createHash } from "node:crypto";

/** Crockford's base 32, the alphabet of ULIDs (github.com/ulid/spec). */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGITS = 26;

/** The ULID of a name; it contains no time. */
export function ulidOf(name: string): string {
  const digest = createHash("sha256").update(name).digest("hex");
  let rest = BigInt(`0x${digest.slice(0, 32)}`);
  let digits = "";
  while (digits.length < DIGITS) {
    digits = ALPHABET.charAt(Number(rest % 32n)) + digits;
    rest /= 32n;
  }
  return digits;
}
