/** A request without what Parseable does not read. */

import { cleanAttributes, retain } from "./clean_attributes.ts";
import {
  cleanExponentialPoint,
  cleanHistogramPoint,
  cleanNumberPoint,
  cleanSummaryPoint,
} from "./clean_points.ts";
import { countDropped, type RelayCounts } from "./counts.ts";
import type { ExportMetricsServiceRequest, Metric } from "./gen/metrics.mts";

/**
 * Takes out, in place, what would make Parseable 2.9.5 drop a whole metric without
 * a word (`200`, no row), store a row that says nothing, or refuse the request:
 * points and parts of points, so that the most is kept. Metrics, scopes and
 * resources without points are left out, since Parseable would store a row for a
 * mere name.
 *
 * @param request The request, its histograms repaired.
 * @param counts Gets what was taken out.
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

/** Says whether points are left. */
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
