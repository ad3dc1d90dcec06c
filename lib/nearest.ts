/** Finds the closest known word. */

/** Settings of {@linkcode nearest}. */
export interface NearestOptions {
  /**
   * Most edits (a letter added, removed or changed).
   *
   * @default {2}
   */
  maxDistance?: number;
}

/** Levenshtein distance, in time of one length times the other. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const changed = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const shorter = Math.min(previous[column] ?? 0, current[column - 1] ?? 0) + 1;
      current.push(Math.min(changed, shorter));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}

/**
 * Finds the word with the fewest edits from what was written; of equally near ones the first.
 *
 * @example Usage
 * ```ts
 * nearest("heathcheck", ["serve", "healthcheck"]); // "healthcheck"
 * nearest("frobnicate", ["serve", "healthcheck"]); // undefined
 * ```
 */
export function nearest(
  word: string,
  words: Iterable<string>,
  options: NearestOptions = {},
): string | undefined {
  let best: string | undefined;
  let bestDistance = (options.maxDistance ?? 2) + 1;
  for (const candidate of words) {
    // No need to count the edits of a word whose length alone rules it out.
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}
