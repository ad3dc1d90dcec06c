/** Finds the closest known word, for suggestions in error messages. */

import { levenshteinDistance } from "@std/text/levenshtein-distance";

/**
 * Finds the word with the fewest edits (a letter added, removed or changed) from what was written;
 * of equally near ones the first. Without a word within `maxDistance` edits it is undefined.
 */
export function nearest(
  word: string,
  words: readonly string[],
  maxDistance = 2,
): string | undefined {
  let best: string | undefined;
  let bestDistance = maxDistance + 1;
  for (const candidate of words) {
    const distance = levenshteinDistance(word, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}
