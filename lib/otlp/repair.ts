/** Repair of the histograms that Fluent Bit sends. */

import { isWhole, metricsOf, type RelayCounts } from "./counts.ts";
import {
  AggregationTemporality,
  type ExportMetricsServiceRequest,
  type Histogram,
  type HistogramDataPoint,
} from "./gen/metrics.ts";

const {
  AGGREGATION_TEMPORALITY_UNSPECIFIED: UNSPECIFIED,
  AGGREGATION_TEMPORALITY_CUMULATIVE: CUMULATIVE,
} = AggregationTemporality;

/**
 * What the counts of a point may be: Prometheus' cumulative `le` counts, OTLP's
 * counts per bucket, either of them, or neither.
 */
type Convention = "le" | "bucket" | "either" | "neither";

/**
 * Turns Prometheus' cumulative bucket counts into OTLP's counts per bucket, in place.
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
 */
export function repairHistograms(
  request: ExportMetricsServiceRequest,
  counts: RelayCounts,
): void {
  for (const { histogram } of metricsOf(request)) {
    if (histogram?.aggregationTemporality === UNSPECIFIED) repair(histogram, counts);
  }
}

function repair(histogram: Histogram, counts: RelayCounts): void {
  const conventions = histogram.dataPoints.map(conventionOf);
  const someBucket = conventions.includes("bucket");
  const someLe = conventions.includes("le");
  let repaired = 0;
  for (const [index, point] of histogram.dataPoints.entries()) {
    const convention = conventions[index];
    if (convention === "neither") counts.unrepairable++;
    if (convention !== "le" && (convention !== "either" || someBucket && !someLe)) continue;
    if (point.bucketCounts.length === 0) continue;
    repaired++;
    let before = 0n;
    point.bucketCounts = point.bucketCounts.map((count) => {
      const own = BigInt(count) - before;
      before += own;
      return String(own);
    });
  }
  counts.repaired += repaired;
  if (repaired > 0 && !someBucket) histogram.aggregationTemporality = CUMULATIVE;
}

function conventionOf({ bucketCounts, count }: HistogramDataPoint): Convention {
  if (bucketCounts.length === 0) return "either";
  // The cleaning drops a point with other counts.
  if (![count, ...bucketCounts].every(isWhole)) return "neither";
  let rising = true;
  let sum = 0n;
  let before = 0n;
  for (const text of bucketCounts) {
    const bucketCount = BigInt(text);
    if (bucketCount < before) rising = false;
    sum += bucketCount;
    before = bucketCount;
  }
  const total = BigInt(count);
  const isLe = rising && before === total;
  if (sum === total) return isLe ? "either" : "bucket";
  return isLe ? "le" : "neither";
}
