/** Quantiles and shares of cumulative buckets, as Prometheus computes them. */

/** One bucket: how many observations were at or under its bound. */
export interface Bucket {
  /** The upper bound; Infinity of the last. */
  readonly bound: number;
  /** Observations (or a rate of them) at or under it. */
  readonly count: number;
}

/** Relative difference of two counts that is a matter of rounding (Prometheus 3, `smallDeltaTolerance`). */
const ROUNDING = 1e-12;

/**
 * Mends buckets as Prometheus does: in the order of their bounds, counts never fall, and a
 * difference that can only come from rounding is none.
 *
 * @param buckets Buckets with different bounds, in any order.
 * @returns The buckets; none when they are fewer than two, have no last bound of Infinity, or
 *   hold no observation.
 */
export function mend(buckets: readonly Bucket[]): Bucket[] {
  const sorted = buckets.toSorted((one, other) => one.bound - other.bound);
  if (sorted.length < 2 || sorted.at(-1)?.bound !== Infinity) return [];
  let highest = -Infinity;
  const mended = sorted.map(({ bound, count }) => {
    if (count > highest && !isRounding(highest, count)) highest = count;
    return { bound, count: highest };
  });
  return highest > 0 ? mended : [];
}

function isRounding(one: number, other: number): boolean {
  return Number.isFinite(one) && one !== 0 && Math.abs(other - one) / (one + other) < ROUNDING;
}

/**
 * `histogram_quantile`: finds the bucket and interpolates in it. The lowest begins at 0, if its
 * bound is above that; what lies in the last one is taken as the bound of the one before.
 *
 * @param q Which quantile, 0 to 1.
 * @param buckets Buckets with different bounds, in any order.
 * @returns The quantile; null without observations.
 */
export function quantileOf(q: number, buckets: readonly Bucket[]): number | null {
  const mended = mend(buckets);
  const rank = q * (mended.at(-1)?.count ?? 0);
  const index = mended.findIndex(({ count }) => count >= rank);
  const found = mended[index];
  if (found === undefined) return null;
  if (index === mended.length - 1) return mended[index - 1]?.bound ?? null;
  if (index === 0 && found.bound <= 0) return found.bound;
  const { bound: start, count: under } = mended[index - 1] ?? { bound: 0, count: 0 };
  // An empty lowest bucket holds the quantile 0, and nothing says where in it.
  if (found.count === under) return null;
  return start + (found.bound - start) * ((rank - under) / (found.count - under));
}

/**
 * The share of observations at or under a bound, as `histogram_fraction(-Inf, bound, …)` of
 * Prometheus 3: interpolated in the bucket; nothing of the last bucket is at or under any bound.
 *
 * @param bound The bound.
 * @param buckets Buckets with different bounds, in any order.
 * @returns The share, 0 to 1; null without observations.
 */
export function shareUnder(bound: number, buckets: readonly Bucket[]): number | null {
  const mended = mend(buckets);
  const all = mended.at(-1)?.count;
  if (all === undefined) return null;
  const index = mended.findIndex((bucket) => bucket.bound >= bound);
  const found = mended[index];
  if (found === undefined) return null;
  const { bound: start, count: under } = mended[index - 1] ?? { bound: 0, count: 0 };
  if (found.bound === bound) return found.count / all;
  if (found.bound === Infinity) return under / all;
  if (bound <= start) return under / all;
  return (under + (found.count - under) * ((bound - start) / (found.bound - start))) / all;
}
