/** Finds the one that is unlike its neighbours. */

/** A neighbour and its value. */
export interface Named {
  /** Its name for people. */
  readonly name: string;
  /** Its value. */
  readonly value: number;
}

/** The one that is unlike the others. */
export interface Odd extends Named {
  /** The mean of the others. */
  readonly others: number;
}

/** The odd one has at least so many times the mean of the others, or at most this part of it. */
const ODD_FACTOR = 2;

/**
 * Finds the one whose value is at least twice or at most half the mean of the
 * others, and that far from it that it matters. Of several it is the one that
 * is farthest off; of two neighbours the greater.
 *
 * @param neighbours All of them.
 * @param minDifference Differences from the others under this one do not matter.
 * @returns The odd one; undefined when they are alike, or when there is only one.
 */
export function oddOneOut(neighbours: readonly Named[], minDifference: number): Odd | undefined {
  // Not the sum less one's own: of two neighbours both must be exactly as far from each other.
  const meanWithout = (own: number): number =>
    neighbours.reduce((sum, { value }, index) => index === own ? sum : sum + value, 0) /
    (neighbours.length - 1);
  const candidates = neighbours.map(({ name, value }, index): Odd => ({
    name,
    value,
    others: meanWithout(index),
  }));
  return candidates
    .filter(({ value, others }) =>
      Math.abs(value - others) >= minDifference &&
      (value >= ODD_FACTOR * others || others >= ODD_FACTOR * value)
    )
    .sort((left, right) => distance(right) - distance(left) || right.value - left.value)[0];
}

function distance({ value, others }: Odd): number {
  return Math.abs(value - others);
}
