/** What became of the points of a request, for the relay's metrics. */

import type { ExportMetricsServiceRequest, Metric } from "./gen/metrics.ts";

/** Why a whole point is dropped; the keys are label values. */
export const POINT_DROP_REASONS = {
  value_missing: "a number point without a value and without the flag that says so",
  value_not_finite: "a number point whose value is NaN or infinite",
  count_impossible: "a count that is negative, fractional or beyond what Parseable holds",
  field_impossible: "a time or flag that is no whole number",
  bound_not_finite: "a histogram point with a bound that is NaN, or infinite between others",
  summary_sum_not_finite: "a summary point whose sum is NaN or infinite; it has no optional sum",
  point_too_large: "a point that exceeds the limit on a request body by itself",
  unknown_kind: "a metric without points of a known kind; one for the metric",
} as const;

/** Why a part of a point, resource or scope is dropped while the rest is stored. */
export const PART_DROP_REASONS = {
  sum_not_finite: "the sum of a histogram point that is NaN or infinite",
  extreme_not_finite: "a minimum, maximum or zero threshold that is NaN or infinite",
  buckets_incomplete: "bounds without counts, or counts without bounds",
  quantile_not_finite: "a quantile of a summary that is NaN or infinite",
  exemplar_not_finite: "an exemplar whose value is NaN or infinite",
  attribute_empty: "an attribute, or an item of one, without a name or a value",
  attribute_not_finite: "an attribute, or an item of one, that is NaN or infinite",
} as const;

/** Why something is dropped. */
export type DropReason = keyof typeof POINT_DROP_REASONS | keyof typeof PART_DROP_REASONS;

/**
 * The counts of one request. Every point that came in is in `pointsByKind`, and
 * is either sent on or in `droppedByReason` under one of
 * {@linkcode POINT_DROP_REASONS}.
 */
export interface RelayCounts {
  /** Points received, by kind as in Parseable's column `metric_type`. */
  readonly pointsByKind: Readonly<Record<string, number>>;
  /** Histogram points whose counts were made per-bucket counts. */
  repaired: number;
  /** Histogram points whose counts fit no convention, sent on as they are. */
  unrepairable: number;
  /** What was dropped; reasons that did not occur are absent. */
  readonly droppedByReason: Partial<Record<DropReason, number>>;
}

/** Whether a 64-bit integer is what its text should be; JSON may have any text. */
export function isWhole(text: string): boolean {
  return /^\d{1,20}$/.test(text);
}

/** Lists the metrics of a request. */
export function metricsOf({ resourceMetrics }: ExportMetricsServiceRequest): Metric[] {
  return resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) => metrics)
  );
}

/** The number of points of a metric. */
export function pointsIn(metric: Metric): number {
  const { gauge, sum, histogram, exponentialHistogram, summary } = metric;
  return (gauge ?? sum ?? histogram ?? exponentialHistogram ?? summary)?.dataPoints.length ?? 0;
}

/** Starts the counts of a request with the points it has. */
export function countPoints(request: ExportMetricsServiceRequest): RelayCounts {
  const kinds = { gauge: 0, sum: 0, histogram: 0, "exponential_histogram": 0, summary: 0 };
  for (const { gauge, sum, histogram, exponentialHistogram, summary } of metricsOf(request)) {
    kinds.gauge += gauge?.dataPoints.length ?? 0;
    kinds.sum += sum?.dataPoints.length ?? 0;
    kinds.histogram += histogram?.dataPoints.length ?? 0;
    kinds.exponential_histogram += exponentialHistogram?.dataPoints.length ?? 0;
    kinds.summary += summary?.dataPoints.length ?? 0;
  }
  return { pointsByKind: kinds, repaired: 0, unrepairable: 0, droppedByReason: {} };
}

/** Counts something that is dropped. */
export function countDropped(counts: RelayCounts, reason: DropReason): void {
  counts.droppedByReason[reason] = (counts.droppedByReason[reason] ?? 0) + 1;
}

/** How many points were dropped, without those that lost a part. */
export function droppedPoints({ droppedByReason }: RelayCounts): number {
  return Object.entries(droppedByReason)
    .filter(([reason]) => Object.hasOwn(POINT_DROP_REASONS, reason))
    .reduce((sum, [, dropped]) => sum + dropped, 0);
}
