/** Leaves metrics out of a request that the backend need not have. */

import type { FamilyFilter } from "../exposition/filter.ts";
import type { ExportMetricsServiceRequest, Metric, NumberDataPoint } from "../otlp/gen/metrics.ts";

/** Filters a request in place. */
export function filterRequest(request: ExportMetricsServiceRequest, filter: FamilyFilter): void {
  for (const { scopeMetrics } of request.resourceMetrics) {
    for (const scope of scopeMetrics) {
      scope.metrics = scope.metrics.filter((metric) => {
        if (filter.wantsNewest(metric.name)) keepNewest(metric, filter);
        if (filter.keeps(metric.name)) return true;
        filter.filtered += metric.data?.value.dataPoints.length ?? 0;
        return false;
      });
    }
  }
}

/** Of the points of each server, keeps that with the largest value. */
function keepNewest({ data }: Metric, filter: FamilyFilter): void {
  if (data?.$case !== "gauge") return;
  const newest = new Map<string, NumberDataPoint>();
  for (const point of data.value.dataPoints) {
    const instance = point.attributes.find(({ key }) => key === "instance")?.value?.value;
    const server = instance?.$case === "stringValue" ? instance.value : "";
    const before = newest.get(server);
    if (before === undefined || valueOf(point) > valueOf(before)) newest.set(server, point);
  }
  filter.filtered += data.value.dataPoints.length - newest.size;
  data.value.dataPoints = [...newest.values()];
}

function valueOf({ value }: NumberDataPoint): number {
  return Number(value?.value ?? -Infinity);
}
