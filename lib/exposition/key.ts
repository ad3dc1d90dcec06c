/** Keys of maps and sets made of text that a server sent. */

import { createHash } from "node:crypto";

/**
 * Longest text that is a key itself. V8 hashes texts of more than 16,383 characters by their
 * length alone, so that many of one length would be compared with one another.
 */
const MAX_KEY_LENGTH = 1_024;

/**
 * Makes a key for a set of labels.
 *
 * @param labels The labels; their order makes no difference.
 * @returns A key of bounded length, the same for the same labels only.
 */
export function labelsKey(labels: ReadonlyArray<readonly [string, string]>): string {
  const text = JSON.stringify(labels.toSorted());
  if (text.length <= MAX_KEY_LENGTH) return text;
  return createHash("sha256").update(text).digest("base64");
}
