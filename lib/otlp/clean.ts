/** Removes from a request what Parseable does not read. */

import { countDropped, type DropReason, isWhole, type RelayCounts } from "./counts.ts";
import type {
  AnyValue,
  Exemplar,
  ExponentialHistogramDataPoint,
  ExportMetricsServiceRequest,
  HistogramDataPoint,
  KeyValue,
  Metric,
  NumberDataPoint,
  SummaryDataPoint,
} from "./gen/metrics.ts";

/** The largest count that Parseable's `List<Int64>` holds. */
const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;

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
function cleanMetric(metric: Metric, counts: RelayCounts): boolean {
  const { gauge, sum, histogram, exponentialHistogram, summary, metadata } = metric;
  const data = gauge ?? sum ?? histogram ?? exponentialHistogram ?? summary;
  if (data === undefined) {
    countDropped(counts, "unknown_kind");
    return false;
  }
  cleanPoints(gauge, cleanNumberPoint, counts);
  cleanPoints(sum, cleanNumberPoint, counts);
  cleanPoints(histogram, cleanHistogramPoint, counts);
  cleanPoints(exponentialHistogram, cleanExponentialPoint, counts);
  cleanPoints(summary, cleanSummaryPoint, counts);
  if (data.dataPoints.length === 0) return false;
  cleanAttributes(metadata, counts);
  return true;
}

/** The fields that points of all kinds have. */
type Point = Omit<SummaryDataPoint, "count" | "sum" | "quantileValues">;

function cleanPoints<P extends Point & { exemplars?: Exemplar[] }>(
  data: { dataPoints: P[] } | undefined,
  clean: (point: P, counts: RelayCounts) => DropReason | undefined,
  counts: RelayCounts,
): void {
  retain(data?.dataPoints ?? [], (point) => {
    const { startTimeUnixNano, timeUnixNano, flags } = point;
    const isReadable = isWhole(startTimeUnixNano) && isWhole(timeUnixNano) && flags >= 0;
    const reason = isReadable ? clean(point, counts) : "field_impossible";
    if (reason !== undefined) {
      countDropped(counts, reason);
      return false;
    }
    cleanAttributes(point.attributes, counts);
    retain(point.exemplars ?? [], (exemplar) => cleanExemplar(exemplar, counts));
    return true;
  });
}

/**
 * Parseable would store a row without a value for NaN and infinity. A point that says by
 * its flag that it has none stays.
 */
function cleanNumberPoint(point: NumberDataPoint): DropReason | undefined {
  useDouble(point);
  if (Number.isFinite(point.asDouble)) return undefined;
  if ((point.flags & FLAG_NO_RECORDED_VALUE) === 0) {
    return point.asDouble === undefined ? "value_missing" : "value_not_finite";
  }
  point.asDouble = undefined;
  return undefined;
}

/**
 * Parseable loses an `asInt` in text, the standard form. Integers beyond 2^53 are
 * rounded; it keeps values as Float64 anyway.
 */
function useDouble(value: Pick<NumberDataPoint, "asDouble" | "asInt">): void {
  if (value.asInt === undefined) return;
  value.asDouble ??= Number(value.asInt);
  value.asInt = undefined;
}

/** A sum, minimum or maximum that is NaN or infinite is removed alone: they are optional. */
function cleanHistogramPoint(
  point: HistogramDataPoint,
  counts: RelayCounts,
): DropReason | undefined {
  if (![point.count, ...point.bucketCounts].every(isStorableCount)) return "count_impossible";
  if (!cleanBuckets(point, counts)) return "bound_not_finite";
  // Buckets that were joined may hold too much.
  if (!point.bucketCounts.every(isStorableCount)) return "count_impossible";
  cleanStatistics(point, counts);
  return undefined;
}

/** A side without buckets is removed: an empty array would fix the type of Parseable's column. */
function cleanExponentialPoint(
  point: ExponentialHistogramDataPoint,
  counts: RelayCounts,
): DropReason | undefined {
  const { positive, negative } = point;
  const bucketCounts = [...positive?.bucketCounts ?? [], ...negative?.bucketCounts ?? []];
  if (![point.count, point.zeroCount, ...bucketCounts].every(isStorableCount)) {
    return "count_impossible";
  }
  if (positive?.bucketCounts.length === 0) point.positive = undefined;
  if (negative?.bucketCounts.length === 0) point.negative = undefined;
  point.zeroThreshold = finite(point.zeroThreshold, "extreme_not_finite", counts) ?? 0;
  cleanStatistics(point, counts);
  return undefined;
}

/** The sum is not optional: Parseable would read 0 for a missing one. Quantiles of nothing are NaN. */
function cleanSummaryPoint(point: SummaryDataPoint, counts: RelayCounts): DropReason | undefined {
  if (!isStorableCount(point.count)) return "count_impossible";
  if (!Number.isFinite(point.sum)) return "summary_sum_not_finite";
  retain(point.quantileValues, ({ quantile, value }) => {
    if (Number.isFinite(quantile) && Number.isFinite(value)) return true;
    countDropped(counts, "quantile_not_finite");
    return false;
  });
  // An empty array would fix the type of Parseable's column.
  if (point.quantileValues.length === 0) writeAs(point, { quantileValues: undefined });
  return undefined;
}

/** One that is NaN or infinite loses the metric. */
function cleanExemplar(exemplar: Exemplar, counts: RelayCounts): boolean {
  useDouble(exemplar);
  const { asDouble, spanId, traceId } = exemplar;
  if (asDouble !== undefined && !Number.isFinite(asDouble)) {
    countDropped(counts, "exemplar_not_finite");
    return false;
  }
  cleanAttributes(exemplar.filteredAttributes, counts);
  writeAs(exemplar, {
    spanId: spanId.toHex(),
    traceId: traceId.toHex(),
    // Parseable's reader looks for the value one level down, and ignores that of OTLP/JSON.
    value: asDouble === undefined ? undefined : { asDouble },
  });
  return true;
}

/** Makes `JSON.stringify` write other fields of a message than it has. */
function writeAs(message: object, fields: object): void {
  Object.assign(message, { toJSON: () => ({ ...message, ...fields }) });
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

function isStorableCount(count: string): boolean {
  return isWhole(count) && (count.length < 19 || BigInt(count) <= MAX_INT64);
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
  point.bucketCounts = [point.count, "0"];
  point.explicitBounds = [max !== undefined && Number.isFinite(max) ? max : BOUND_ABOVE_ALL];
  return true;
}

/** Adds the counts at `index` and the one after it. */
function joinBuckets(bucketCounts: string[], index: number): void {
  const sum = BigInt(bucketCounts[index] ?? 0) + BigInt(bucketCounts[index + 1] ?? 0);
  bucketCounts.splice(index, 2, String(sum));
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
  if (any?.stringValue !== undefined) return true;
  if (any === undefined || Object.values(any).every((value) => value === undefined)) {
    countDropped(counts, "attribute_empty");
    return false;
  }
  const { doubleValue, arrayValue, kvlistValue, bytesValue } = any;
  if (doubleValue !== undefined && !Number.isFinite(doubleValue)) {
    countDropped(counts, "attribute_not_finite");
    return false;
  }
  retain(arrayValue?.values ?? [], (item) => isStorable(item, counts));
  cleanAttributes(kvlistValue?.values ?? [], counts);
  if (bytesValue !== undefined) writeAs(any, { bytesValue: bytesValue.toBase64() });
  return true;
}
