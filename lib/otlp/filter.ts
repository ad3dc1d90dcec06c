/** Leaves metrics out of a request. */

import { pointsIn } from "./counts.ts";
import type { ExportMetricsServiceRequest, Gauge, NumberDataPoint } from "./gen/metrics.ts";

/** Decides by the name of a metric. */
export interface MetricFilter {
  /** Points left out so far. */
  filtered: number;
  /** Whether a metric is wanted. */
  keeps(name: string): boolean;
  /** Whether only the newest point of each server is wanted: that with the largest value. */
  wantsNewest(name: string): boolean;
}

/** Leaves metrics out that the backend need not have, in place. */
export function filterRequest(request: ExportMetricsServiceRequest, filter: MetricFilter): void {
  for (const { scopeMetrics } of request.resourceMetrics) {
    for (const scope of scopeMetrics) {
      scope.metrics = scope.metrics.filter((metric) => {
        if (metric.gauge !== undefined && filter.wantsNewest(metric.name)) {
          keepNewest(metric.gauge, filter);
        }
        if (filter.keeps(metric.name)) return true;
        filter.filtered += pointsIn(metric);
        return false;
      });
    }
  }
}

/** Of the points of each server, keeps that with the largest value. */
function keepNewest(gauge: Gauge, filter: MetricFilter): void {
  const valueOf = ({ asDouble, asInt }: NumberDataPoint): number =>
    asDouble ?? Number(asInt ?? NaN);
  const newest = new Map<string, NumberDataPoint>();
  for (const point of gauge.dataPoints) {
    const instance = point.attributes.find(({ key }) => key === "instance");
    const server = instance?.value?.stringValue ?? "";
    const before = newest.get(server);
    if (before === undefined || valueOf(point) > valueOf(before)) newest.set(server, point);
  }
  filter.filtered += gauge.dataPoints.length - newest.size;
  gauge.dataPoints = [...newest.values()];
}
