/** Bounds and counts of a histogram in a form that Parseable stores. */

import { countDropped, type RelayCounts } from "./counts.ts";
import { addInt64 } from "./int64.ts";
import type { HistogramPoint, Int64 } from "./model.ts";

/** A bound above every value that a histogram without buckets can have observed. */
const BOUND_ABOVE_ALL = 1e308;

/** The buckets of a histogram point. */
export interface HistogramBuckets {
  /** How many values fell into each. */
  bucketCounts: Int64[];
  /** The upper bounds of all but the last. */
  explicitBounds: number[];
}

/**
 * Gives the buckets of a point without infinite bounds, and never none.
 *
 * A first bound of -Inf or a last one of +Inf bounds a bucket in which nothing
 * can be; the bucket is joined with its neighbour. (`le="+Inf"` is the bound that
 * OTLP leaves out; a sender may forget to.) Counts and bounds whose numbers do
 * not match are passed on: Parseable stores them.
 *
 * A point without buckets, legal in OTLP, becomes one with the single bound
 * `max`, or 1e308 when it has no maximum, and all counts below it: true, and with
 * no empty array, which would type Parseable's columns for ever.
 *
 * @param point The point; it is not changed.
 * @param counts Gets buckets that say nothing because bounds or counts are missing.
 * @returns The buckets, the arrays of the point if they are fine; `undefined` when
 * a bound is NaN, or infinite between others.
 */
export function cleanBuckets(
  point: HistogramPoint,
  counts: RelayCounts,
): HistogramBuckets | undefined {
  let { bucketCounts, explicitBounds } = point;
  const matches = bucketCounts.length === explicitBounds.length + 1;
  if (explicitBounds[0] === -Infinity) {
    explicitBounds = explicitBounds.slice(1);
    if (matches) bucketCounts = joined(bucketCounts, 0);
  }
  if (explicitBounds.at(-1) === Infinity) {
    explicitBounds = explicitBounds.slice(0, -1);
    if (matches) bucketCounts = joined(bucketCounts, bucketCounts.length - 2);
  }
  if (!explicitBounds.every(Number.isFinite)) return undefined;
  if (bucketCounts.length > 0 && explicitBounds.length > 0) return { bucketCounts, explicitBounds };
  if (bucketCounts.length > 1 || explicitBounds.length > 0) {
    countDropped(counts, "buckets_incomplete");
  }
  const { max } = point;
  const bound = max !== undefined && Number.isFinite(max) ? max : BOUND_ABOVE_ALL;
  return { bucketCounts: [point.count, 0], explicitBounds: [bound] };
}

/** Adds the counts at `index` and the one after it. */
function joined(bucketCounts: Int64[], index: number): Int64[] {
  const sum = addInt64(bucketCounts[index] ?? 0, bucketCounts[index + 1] ?? 0);
  return bucketCounts.toSpliced(index, 2, sum);
}
