/** What Fluent Bit 5.1.1 sends of a scrape, made from the text (`tests/testdata/otlp` holds real ones). */

import type { HistogramPoint, Metric, MetricData, MetricsRequest } from "../otlp/plain.ts";
import { readAsFluentBit } from "../exposition/fluent_bit_rules.ts";
import type { Point } from "../exposition/fluent_bit_families.ts";

/** Nanoseconds in a millisecond, as digits: times exceed 2^53. */
const NANOSECONDS = "000000";

/**
 * Makes the request of a scrape.
 *
 * @param text A text that the sanitiser handed out.
 * @param timeMs When it was scraped, in milliseconds since 1970.
 * @returns The request: `le` counts in histograms, which the relay repairs.
 */
export function fluentBitRequest(text: string, timeMs: number): MetricsRequest {
  const { result, reason, points } = readAsFluentBit(new TextEncoder().encode(text));
  if (result !== "accepted") throw new Error(`Fluent Bit would lose the scrape: ${reason}`);
  const families = Map.groupBy(points, ({ name, type }) => `${type} ${name}`);
  const metrics = [...families.values()].map((family) =>
    metricOf(family, `${timeMs}${NANOSECONDS}`)
  );
  return {
    resourceMetrics: [{
      resource: undefined,
      schemaUrl: "",
      scopeMetrics: [{ scope: undefined, schemaUrl: "", metrics }],
    }],
  };
}

function metricOf(points: readonly Point[], timeUnixNano: string): Metric {
  const { name = "", help: description = "" } = points[0] ?? {};
  return { name, description, unit: "", metadata: [], data: dataOf(points, timeUnixNano) };
}

function dataOf(points: readonly Point[], timeUnixNano: string): MetricData {
  const base = (point: Point) => ({
    attributes: [...point.labels].map(([key, value]) => ({ key, value })),
    startTimeUnixNano: "0",
    timeUnixNano,
    flags: 0,
  });
  switch (points[0]?.type) {
    case "histogram":
      return {
        kind: "histogram",
        temporality: 0,
        points: points.map((point) => ({ ...base(point), ...bucketsOf(point) })),
      };
    case "summary":
      return {
        kind: "summary",
        points: points.map((point) => ({
          ...base(point),
          count: point.count ?? 0,
          sum: point.sum ?? 0,
          quantileValues: (point.parts ?? []).map(([quantile, value]) => ({ quantile, value })),
        })),
      };
    case "counter":
      return {
        kind: "sum",
        temporality: 2,
        isMonotonic: true,
        points: points.map((point) => ({ ...base(point), value: point.value, exemplars: [] })),
      };
    default:
      return {
        kind: "gauge",
        points: points.map((point) => ({ ...base(point), value: point.value, exemplars: [] })),
      };
  }
}

function bucketsOf(
  point: Point,
): Omit<HistogramPoint, "attributes" | "startTimeUnixNano" | "timeUnixNano" | "flags"> {
  const parts = point.parts ?? [];
  return {
    count: point.count ?? 0,
    sum: point.sum,
    bucketCounts: parts.map(([, count]) => count),
    explicitBounds: parts.map(([bound]) => bound).filter(Number.isFinite),
    min: undefined,
    max: undefined,
    exemplars: [],
  };
}
