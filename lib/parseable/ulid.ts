/** Ids that Parseable takes, from names. */

import { createHash } from "node:crypto";

/** Crockford's base 32, the alphabet of ULIDs (github.com/ulid/spec). */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGITS = 26;

/**
 * Makes a ULID out of a name: the same name gives the same id for ever, so that links to a tile
 * outlive an update.
 *
 * @param name The name.
 * @returns 26 digits; they hold no time.
 */
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
