/** Repair of the histograms that Fluent Bit sends. */

import type { RelayCounts } from "./counts.ts";
import { addInt64, subtractInt64 } from "./int64.ts";
import {
  type Histogram,
  type HistogramPoint,
  type Int64,
  type Metric,
  type MetricsRequest,
  TEMPORALITY,
} from "./model.ts";

/**
 * What the counts of a point may be: Prometheus' cumulative `le` counts, OTLP's
 * counts per bucket, either of them, or neither.
 */
type Convention = "le" | "bucket" | "either" | "neither";

/**
 * Turns Prometheus' cumulative bucket counts into OTLP's counts per bucket.
 *
 * Fluent Bit 5.1.1 copies the `le` counts of the exposition into `bucket_counts`
 * and leaves the temporality unspecified (`cmt_encode_opentelemetry.c`). OTLP
 * forbids both ("AGGREGATION_TEMPORALITY_UNSPECIFIED … MUST not be used"; the
 * bucket counts add up to `count`). The rule, for each histogram without a
 * temporality:
 *
 * - Counts that never fall and end with `count` are `le` counts: repaired.
 * - Counts that add up to `count` are counts per bucket: untouched.
 * - Counts that are both have nothing outside the last bucket (all counts zero
 *   included), and are the same numbers either way. They go with the other
 *   points of their metric, and count as repaired if those do not speak against it.
 * - Counts that are neither are passed on as they are, and counted.
 *
 * No point can be taken for the wrong kind: `le` counts with something outside
 * the last bucket add up to more than `count`. The temporality becomes cumulative
 * when a point was repaired, unless another point of the same metric has counts
 * per bucket: then it is not from Prometheus, and stays unspecified. A point
 * without buckets says nothing.
 *
 * @param request The request; it is not changed.
 * @param counts Gets `repaired` and `unrepairable`.
 * @returns The request with the histograms repaired; the rest is shared.
 */
export function repairHistograms(request: MetricsRequest, counts: RelayCounts): MetricsRequest {
  return {
    resourceMetrics: request.resourceMetrics.map((resource) => ({
      ...resource,
      scopeMetrics: resource.scopeMetrics.map((scope) => ({
        ...scope,
        metrics: scope.metrics.map((metric) => repairMetric(metric, counts)),
      })),
    })),
  };
}

function repairMetric(metric: Metric, counts: RelayCounts): Metric {
  const { data } = metric;
  if (data?.kind !== "histogram" || data.temporality !== TEMPORALITY.unspecified) return metric;
  return { ...metric, data: repairHistogram(data, counts) };
}

function repairHistogram(histogram: Histogram, counts: RelayCounts): Histogram {
  const conventions = histogram.points.map(conventionOf);
  const someBucket = conventions.includes("bucket");
  const someLe = conventions.includes("le");
  let repaired = 0;
  const points = histogram.points.map((point, index) => {
    const convention = conventions[index];
    if (convention === "neither") counts.unrepairable++;
    if (convention !== "le" && (convention !== "either" || someBucket && !someLe)) return point;
    if (point.bucketCounts.length === 0) return point;
    repaired++;
    return { ...point, bucketCounts: perBucket(point.bucketCounts) };
  });
  counts.repaired += repaired;
  const temporality = repaired > 0 && !someBucket ? TEMPORALITY.cumulative : histogram.temporality;
  return { ...histogram, points, temporality };
}

function conventionOf(point: HistogramPoint): Convention {
  const { bucketCounts, count } = point;
  if (bucketCounts.length === 0) return "either";
  let rising = true;
  let sum: Int64 = 0;
  let before: Int64 = 0;
  for (const bucketCount of bucketCounts) {
    if (bucketCount < before) rising = false;
    sum = addInt64(sum, bucketCount);
    before = bucketCount;
  }
  const isLe = rising && before === count;
  if (sum === count) return isLe ? "either" : "bucket";
  return isLe ? "le" : "neither";
}

function perBucket(bucketCounts: Int64[]): Int64[] {
  let before: Int64 = 0;
  return bucketCounts.map((bucketCount) => {
    const own = subtractInt64(bucketCount, before);
    before = bucketCount;
    return own;
  });
}
