/** Quantiles and shares of cumulative buckets, as Prometheus computes them. */

/** One bucket: how many observations were at or under its bound. */
export interface Bucket {
  /** The upper bound; Infinity of the last. */
  readonly bound: number;
  /** Observations (or a rate of them) at or under it. */
  readonly count: number;
}

/** Relative difference of two counts that counts as rounding (Prometheus 3, `smallDeltaTolerance`). */
const ROUNDING = 1e-12;

/**
 * Repairs buckets as Prometheus does: ordered by bound, counts never fall, and a difference that
 * can only come from rounding is ignored.
 *
 * @returns The buckets; none when there are fewer than two, no bound is Infinity, or there are
 *   no observations.
 */
export function repair(buckets: readonly Bucket[]): Bucket[] {
  const sorted = buckets.toSorted((one, other) => one.bound - other.bound);
  if (sorted.length < 2 || sorted.at(-1)?.bound !== Infinity) return [];
  let highest = -Infinity;
  const repaired = sorted.map(({ bound, count }) => {
    if (count > highest && !isRounding(highest, count)) highest = count;
    return { bound, count: highest };
  });
  return highest > 0 ? repaired : [];
}

function isRounding(one: number, other: number): boolean {
  return Number.isFinite(one) && one !== 0 && Math.abs(other - one) / (one + other) < ROUNDING;
}

/**
 * `histogram_quantile`: finds the bucket and interpolates in it. The lowest bucket begins at 0, if
 * its bound is above that; in the last bucket, the quantile is the bound before it.
 *
 * @returns The quantile; null without observations.
 */
export function quantileOf(q: number, buckets: readonly Bucket[]): number | null {
  const repaired = repair(buckets);
  const rank = q * (repaired.at(-1)?.count ?? 0);
  const index = repaired.findIndex(({ count }) => count >= rank);
  const found = repaired[index];
  if (found === undefined) return null;
  if (index === repaired.length - 1) return repaired[index - 1]?.bound ?? null;
  if (index === 0 && found.bound <= 0) return found.bound;
  const { bound: start, count: under } = repaired[index - 1] ?? { bound: 0, count: 0 };
  // The quantile 0 in an empty lowest bucket has no position.
  if (found.count === under) return null;
  return start + (found.bound - start) * ((rank - under) / (found.count - under));
}

/**
 * The share of observations at or under a bound, as `histogram_fraction(-Inf, bound, …)` of
 * Prometheus 3: interpolated in the bucket; no observation of the last bucket is at or under any bound.
 *
 * @returns The share, 0 to 1; null without observations.
 */
export function shareUnder(bound: number, buckets: readonly Bucket[]): number | null {
  const repaired = repair(buckets);
  const all = repaired.at(-1)?.count;
  if (all === undefined) return null;
  const index = repaired.findIndex((bucket) => bucket.bound >= bound);
  const found = repaired[index];
  if (found === undefined) return null;
  const { bound: start, count: under } = repaired[index - 1] ?? { bound: 0, count: 0 };
  if (found.bound === bound) return found.count / all;
  if (found.bound === Infinity) return under / all;
  if (bound <= start) return under / all;
  return (under + (found.count - under) * ((bound - start) / (found.bound - start))) / all;
}
