/** A request without what Parseable does not read. */

import { cleanAttributes } from "./clean_attributes.ts";
import { cleanExponentialPoint, cleanHistogramPoint } from "./clean_histogram_points.ts";
import { cleanNumberPoint, cleanSummaryPoint } from "./clean_points.ts";
import { countDropped, type RelayCounts } from "./counts.ts";
import type { Metric, MetricData, MetricsRequest, Resource, Scope, ScopeMetrics } from "./model.ts";

/** Cleans one point of a kind; `undefined` when nothing is left. */
type CleanPoint<T> = (point: T, counts: RelayCounts) => T | undefined;

/**
 * Takes out what would make Parseable 2.9.5 drop a whole metric without a word
 * (`200`, no row), store a row that says nothing, or refuse the request: points
 * and parts of points, so that the most is kept. Metrics, scopes and resources
 * without points are left out, since Parseable would store a row for a mere name.
 *
 * @param request The request, its histograms repaired; it is not changed.
 * @param counts Gets what was taken out.
 * @returns The request that is left; what needed no change is shared.
 */
export function cleanMetrics(request: MetricsRequest, counts: RelayCounts): MetricsRequest {
  const resourceMetrics = [];
  for (const metrics of request.resourceMetrics) {
    const scopeMetrics = cleanScopes(metrics.scopeMetrics, counts);
    if (scopeMetrics.length === 0) continue;
    resourceMetrics.push({
      ...metrics,
      resource: withCleanAttributes(metrics.resource, counts),
      scopeMetrics,
    });
  }
  return { resourceMetrics };
}

function cleanScopes(scopes: ScopeMetrics[], counts: RelayCounts): ScopeMetrics[] {
  const kept: ScopeMetrics[] = [];
  for (const scope of scopes) {
    const metrics: Metric[] = [];
    for (const metric of scope.metrics) {
      const data = cleanData(metric, counts);
      if (data === undefined) continue;
      metrics.push({ ...metric, metadata: cleanAttributes(metric.metadata, counts), data });
    }
    if (metrics.length === 0) continue;
    kept.push({ ...scope, scope: withCleanAttributes(scope.scope, counts), metrics });
  }
  return kept;
}

function withCleanAttributes<T extends Resource | Scope>(
  holder: T | undefined,
  counts: RelayCounts,
): T | undefined {
  if (holder === undefined) return undefined;
  return { ...holder, attributes: cleanAttributes(holder.attributes, counts) };
}

function cleanData({ data }: Metric, counts: RelayCounts): MetricData | undefined {
  if (data === undefined) {
    countDropped(counts, "unknown_kind");
    return undefined;
  }
  const cleaned = cleanKind(data, counts);
  return cleaned.points.length === 0 ? undefined : cleaned;
}

function cleanKind(data: MetricData, counts: RelayCounts): MetricData {
  switch (data.kind) {
    case "gauge":
    case "sum":
      return { ...data, points: cleanPoints(data.points, cleanNumberPoint, counts) };
    case "histogram":
      return { ...data, points: cleanPoints(data.points, cleanHistogramPoint, counts) };
    case "exponential_histogram":
      return { ...data, points: cleanPoints(data.points, cleanExponentialPoint, counts) };
    case "summary":
      return { ...data, points: cleanPoints(data.points, cleanSummaryPoint, counts) };
  }
}

function cleanPoints<T>(points: T[], clean: CleanPoint<T>, counts: RelayCounts): T[] {
  const kept: T[] = [];
  for (const point of points) {
    const cleaned = clean(point, counts);
    if (cleaned !== undefined) kept.push(cleaned);
  }
  return kept;
}
