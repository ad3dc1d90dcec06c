/** Repair of the histograms that Fluent Bit sends. */

import { metricsOf, type RelayCounts } from "./counts.ts";
import type { ExportMetricsServiceRequest, Histogram, HistogramDataPoint } from "./gen/metrics.ts";

const UNSPECIFIED = 0;
const CUMULATIVE = 2;

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
  for (const { data } of metricsOf(request)) {
    if (data?.$case !== "histogram") continue;
    if (data.value.aggregationTemporality === UNSPECIFIED) repair(data.value, counts);
  }
}

function repair(histogram: Histogram, counts: RelayCounts): void {
  const conventions = histogram.dataPoints.map(conventionOf);
  const someBucket = conventions.includes("bucket");
  const someLe = conventions.includes("le");
  let repaired = 0;
  for (const [index, { bucketCounts }] of histogram.dataPoints.entries()) {
    const convention = conventions[index];
    if (convention === "neither") counts.unrepairable++;
    if (convention !== "le" && (convention !== "either" || someBucket && !someLe)) continue;
    if (bucketCounts.length === 0) continue;
    repaired++;
    for (let at = bucketCounts.length - 1; at > 0; at--) {
      bucketCounts[at] = (bucketCounts[at] ?? 0n) - (bucketCounts[at - 1] ?? 0n);
    }
  }
  counts.repaired += repaired;
  if (repaired > 0 && !someBucket) histogram.aggregationTemporality = CUMULATIVE;
}

function conventionOf({ bucketCounts, count }: HistogramDataPoint): Convention {
  if (bucketCounts.length === 0) return "either";
  let rising = true;
  let sum = 0n;
  let before = 0n;
  for (const bucketCount of bucketCounts) {
    if (bucketCount < before) rising = false;
    sum += bucketCount;
    before = bucketCount;
  }
  const isLe = rising && before === count;
  if (sum === count) return isLe ? "either" : "bucket";
  return isLe ? "le" : "neither";
}
