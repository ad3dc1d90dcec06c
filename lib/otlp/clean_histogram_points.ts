/** Taking points of histograms out that Parseable does not read, or parts of them. */

import { cleanAttributes } from "./clean_attributes.ts";
import { cleanBuckets } from "./clean_buckets.ts";
import { cleanExemplars } from "./clean_exemplars.ts";
import { countDropped, type RelayCounts } from "./counts.ts";
import { MAX_INT64 } from "./int64.ts";
import type { Buckets, ExponentialPoint, HistogramPoint, Int64 } from "./model.ts";

/**
 * Cleans a point of a histogram. A sum, minimum or maximum that is NaN or
 * infinite is taken out alone: they are optional, and Parseable stores the rest.
 *
 * @param point The point; it is not changed.
 * @param counts Gets what was taken out.
 * @returns What is left, `undefined` for nothing.
 */
export function cleanHistogramPoint(
  point: HistogramPoint,
  counts: RelayCounts,
): HistogramPoint | undefined {
  if (point.count < 0 || !point.bucketCounts.every(isStorable)) {
    countDropped(counts, "count_impossible");
    return undefined;
  }
  const buckets = cleanBuckets(point, counts);
  if (buckets === undefined) {
    countDropped(counts, "bound_not_finite");
    return undefined;
  }
  const { bucketCounts, explicitBounds } = buckets;
  // Buckets that were joined may hold too much, or the one that holds all.
  if (bucketCounts !== point.bucketCounts && !bucketCounts.every(isStorable)) {
    countDropped(counts, "count_impossible");
    return undefined;
  }
  const attributes = cleanAttributes(point.attributes, counts);
  const exemplars = cleanExemplars(point.exemplars, counts);
  const sum = finite(point.sum, "sum_not_finite", counts);
  const min = finite(point.min, "extreme_not_finite", counts);
  const max = finite(point.max, "extreme_not_finite", counts);
  if (
    attributes === point.attributes && exemplars === point.exemplars && sum === point.sum &&
    min === point.min && max === point.max && bucketCounts === point.bucketCounts &&
    explicitBounds === point.explicitBounds
  ) return point;
  return { ...point, attributes, exemplars, sum, min, max, bucketCounts, explicitBounds };
}

/**
 * Cleans a point of an exponential histogram, by the rules of
 * {@linkcode cleanHistogramPoint}. A side without buckets is left out, for an
 * empty array types its column for ever.
 *
 * @param point The point; it is not changed.
 * @param counts Gets what was taken out.
 * @returns What is left, `undefined` for nothing.
 */
export function cleanExponentialPoint(
  point: ExponentialPoint,
  counts: RelayCounts,
): ExponentialPoint | undefined {
  const { positive, negative } = point;
  if (
    point.count < 0 || point.zeroCount < 0 || positive?.bucketCounts.every(isStorable) === false ||
    negative?.bucketCounts.every(isStorable) === false
  ) {
    countDropped(counts, "count_impossible");
    return undefined;
  }
  return {
    ...point,
    attributes: cleanAttributes(point.attributes, counts),
    exemplars: cleanExemplars(point.exemplars, counts),
    sum: finite(point.sum, "sum_not_finite", counts),
    min: finite(point.min, "extreme_not_finite", counts),
    max: finite(point.max, "extreme_not_finite", counts),
    zeroThreshold: finite(point.zeroThreshold, "extreme_not_finite", counts) ?? 0,
    positive: filled(positive),
    negative: filled(negative),
  };
}

function finite(
  value: number | undefined,
  reason: "sum_not_finite" | "extreme_not_finite",
  counts: RelayCounts,
): number | undefined {
  if (value === undefined || Number.isFinite(value)) return value;
  countDropped(counts, reason);
  return undefined;
}

function isStorable(count: Int64): boolean {
  return count >= 0 && count <= MAX_INT64;
}

function filled(buckets: Buckets | undefined): Buckets | undefined {
  return buckets === undefined || buckets.bucketCounts.length === 0 ? undefined : buckets;
}
