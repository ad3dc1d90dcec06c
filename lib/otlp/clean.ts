/** Removes from a request what Parseable does not read. */

import { countDropped, type DropReason, type RelayCounts } from "./counts.ts";
import type {
  AnyValue,
  Buckets,
  Exemplar,
  ExponentialHistogramDataPoint,
  ExportMetricsServiceRequest,
  HistogramDataPoint,
  KeyValue,
  Metric,
  NumberDataPoint,
  SummaryDataPoint,
} from "./gen/metrics.ts";
import { MAX_INT64 } from "./limits.ts";

/** The flag of a point that says "nothing was recorded here" (a stale series). */
const FLAG_NO_RECORDED_VALUE = 1;

/** A bound above every value that a histogram without buckets can have observed. */
const BOUND_ABOVE_ALL = 1e308;

/**
 * Removes, in place, what would make Parseable 2.9.5 drop a whole metric silently
 * (`200`, no row), store a row without a value, or refuse the request. As little as
 * possible is removed: parts of points where that is enough. Metrics, scopes and
 * resources without points are removed, since Parseable would store a row for the
 * name alone.
 */
export function cleanMetrics(request: ExportMetricsServiceRequest, counts: RelayCounts): void {
  retain(request.resourceMetrics, ({ resource, scopeMetrics }) => {
    retain(scopeMetrics, ({ scope, metrics }) => {
      retain(metrics, (metric) => cleanMetric(metric, counts));
      if (metrics.length > 0 && scope !== undefined) cleanAttributes(scope.attributes, counts);
      return metrics.length > 0;
    });
    if (scopeMetrics.length > 0 && resource !== undefined) {
      cleanAttributes(resource.attributes, counts);
    }
    return scopeMetrics.length > 0;
  });
}

/** Whether points are left. */
function cleanMetric({ data, metadata }: Metric, counts: RelayCounts): boolean {
  switch (data?.$case) {
    case undefined:
      countDropped(counts, "unknown_kind");
      return false;
    case "gauge":
    case "sum":
      retain(data.value.dataPoints, (point) => cleanNumberPoint(point, counts));
      break;
    case "histogram":
      retain(data.value.dataPoints, (point) => cleanHistogramPoint(point, counts));
      break;
    case "exponentialHistogram":
      retain(data.value.dataPoints, (point) => cleanExponentialPoint(point, counts));
      break;
    case "summary":
      retain(data.value.dataPoints, (point) => cleanSummaryPoint(point, counts));
  }
  if (data === undefined || data.value.dataPoints.length === 0) return false;
  cleanAttributes(metadata, counts);
  return true;
}

/**
 * Cleans a point of a gauge or sum. NaN and infinite values are dropped:
 * Parseable would store a row without a value. A point that says by its flag
 * that it has none stays.
 */
function cleanNumberPoint(point: NumberDataPoint, counts: RelayCounts): boolean {
  const { value } = point;
  if (value?.$case !== "asInt" && !Number.isFinite(value?.value)) {
    if ((point.flags & FLAG_NO_RECORDED_VALUE) === 0) {
      return dropped(counts, value === undefined ? "value_missing" : "value_not_finite");
    }
    point.value = undefined;
  }
  cleanLabels(point, counts);
  return true;
}

/**
 * Cleans a point of a histogram. A sum, minimum or maximum that is NaN or
 * infinite is removed alone: they are optional, and Parseable stores the rest.
 */
function cleanHistogramPoint(point: HistogramDataPoint, counts: RelayCounts): boolean {
  if (point.count < 0n || !point.bucketCounts.every(isStorableCount)) {
    return dropped(counts, "count_impossible");
  }
  if (!cleanBuckets(point, counts)) return dropped(counts, "bound_not_finite");
  // Buckets that were joined may hold too much, or the one that holds all.
  if (!point.bucketCounts.every(isStorableCount)) return dropped(counts, "count_impossible");
  cleanStatistics(point, counts);
  cleanLabels(point, counts);
  return true;
}

/**
 * Cleans a point of an exponential histogram, by the rules of
 * {@linkcode cleanHistogramPoint}. A side without buckets is removed: an
 * empty array would fix the type of Parseable's column.
 */
function cleanExponentialPoint(
  point: ExponentialHistogramDataPoint,
  counts: RelayCounts,
): boolean {
  const { positive, negative } = point;
  if (
    point.count < 0n || point.zeroCount < 0n ||
    positive?.bucketCounts.every(isStorableCount) === false ||
    negative?.bucketCounts.every(isStorableCount) === false
  ) return dropped(counts, "count_impossible");
  point.positive = filled(positive);
  point.negative = filled(negative);
  point.zeroThreshold = finite(point.zeroThreshold, "extreme_not_finite", counts) ?? 0;
  cleanStatistics(point, counts);
  cleanLabels(point, counts);
  return true;
}

/**
 * Cleans a point of a summary. Its sum is not optional, so Parseable would read
 * 0 for a missing one: a point whose sum is NaN or infinite is dropped. Quantiles
 * of nothing are NaN; they are removed alone.
 */
function cleanSummaryPoint(point: SummaryDataPoint, counts: RelayCounts): boolean {
  if (point.count < 0n) return dropped(counts, "count_impossible");
  if (!Number.isFinite(point.sum)) return dropped(counts, "summary_sum_not_finite");
  retain(
    point.quantileValues,
    ({ quantile, value }) =>
      Number.isFinite(quantile) && Number.isFinite(value) ||
      dropped(counts, "quantile_not_finite"),
  );
  cleanAttributes(point.attributes, counts);
  return true;
}

function dropped(counts: RelayCounts, reason: DropReason): false {
  countDropped(counts, reason);
  return false;
}

/** Attributes, and exemplars: one that is NaN or infinite loses the metric. */
function cleanLabels(
  { attributes, exemplars }: Pick<NumberDataPoint, "attributes" | "exemplars">,
  counts: RelayCounts,
): void {
  cleanAttributes(attributes, counts);
  retain(exemplars, ({ value, filteredAttributes }: Exemplar) => {
    if (value?.$case === "asDouble" && !Number.isFinite(value.value)) {
      return dropped(counts, "exemplar_not_finite");
    }
    cleanAttributes(filteredAttributes, counts);
    return true;
  });
}

function cleanStatistics(
  point: HistogramDataPoint | ExponentialHistogramDataPoint,
  counts: RelayCounts,
): void {
  point.sum = finite(point.sum, "sum_not_finite", counts);
  point.min = finite(point.min, "extreme_not_finite", counts);
  point.max = finite(point.max, "extreme_not_finite", counts);
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

function isStorableCount(count: bigint): boolean {
  return count >= 0n && count <= MAX_INT64;
}

function filled(buckets: Buckets | undefined): Buckets | undefined {
  return buckets === undefined || buckets.bucketCounts.length === 0 ? undefined : buckets;
}

/**
 * Leaves a point without infinite bounds, and with buckets.
 *
 * A first bound of -Inf or a last one of +Inf bounds a bucket in which nothing
 * can be; the bucket is joined with its neighbor. (`le="+Inf"` is the bound that
 * OTLP leaves out; a sender may forget to.) Counts and bounds whose numbers do
 * not match are passed on: Parseable stores them.
 *
 * A point without buckets, legal in OTLP, becomes one with the single bound
 * `max`, or 1e308 when it has no maximum, and all counts below it: true, and without
 * an empty array, which would fix the type of Parseable's columns.
 */
function cleanBuckets(point: HistogramDataPoint, counts: RelayCounts): boolean {
  const { bucketCounts, explicitBounds, max } = point;
  const matches = bucketCounts.length === explicitBounds.length + 1;
  if (explicitBounds[0] === -Infinity) {
    explicitBounds.shift();
    if (matches) joinBuckets(bucketCounts, 0);
  }
  if (explicitBounds.at(-1) === Infinity) {
    explicitBounds.pop();
    if (matches) joinBuckets(bucketCounts, bucketCounts.length - 2);
  }
  if (!explicitBounds.every(Number.isFinite)) return false;
  if (bucketCounts.length > 0 && explicitBounds.length > 0) return true;
  if (bucketCounts.length > 1 || explicitBounds.length > 0) {
    countDropped(counts, "buckets_incomplete");
  }
  point.bucketCounts = [point.count, 0n];
  point.explicitBounds = [max !== undefined && Number.isFinite(max) ? max : BOUND_ABOVE_ALL];
  return true;
}

/** Adds the counts at `index` and the one after it. */
function joinBuckets(bucketCounts: bigint[], index: number): void {
  const sum = (bucketCounts[index] ?? 0n) + (bucketCounts[index + 1] ?? 0n);
  bucketCounts.splice(index, 2, sum);
}

/** Keeps the items that `keep` returns true for, in place. */
function retain<T>(list: T[], keep: (item: T) => boolean): void {
  let kept = 0;
  for (const item of list) {
    if (keep(item)) list[kept++] = item;
  }
  list.length = kept;
}

/**
 * Removes attributes without a name or value, NaN and infinite ones, also
 * within lists. In Parseable 2.9.5 one of them loses the metric, or the whole
 * request when it belongs to a resource or scope ("Invalid data for Value, no
 * known keys found").
 */
function cleanAttributes(attributes: KeyValue[], counts: RelayCounts): void {
  retain(attributes, ({ key, value }) => isStorable(key === "" ? undefined : value, counts));
}

function isStorable(any: AnyValue | undefined, counts: RelayCounts): boolean {
  switch (any?.value?.$case) {
    case undefined:
      countDropped(counts, "attribute_empty");
      return false;
    case "doubleValue":
      if (Number.isFinite(any.value.value)) return true;
      countDropped(counts, "attribute_not_finite");
      return false;
    case "arrayValue":
      retain(any.value.value.values, (item) => isStorable(item, counts));
      return true;
    case "kvlistValue":
      cleanAttributes(any.value.value.values, counts);
  }
  return true;
}
