/** What Fluent Bit 5.1.1 sends of a scrape, made from the text (`tests/testdata/otlp` holds real ones). */

import type {
  ExportMetricsServiceRequest,
  KeyValue,
  Metric,
  NumberDataPoint,
} from "../../lib/otlp/gen/metrics.ts";
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
export function fluentBitRequest(text: string, timeMs: number): ExportMetricsServiceRequest {
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
  return { name, description, unit: "", metadata: [], ...dataOf(points, timeUnixNano) };
}

function dataOf(
  points: readonly Point[],
  timeUnixNano: string,
): Pick<Metric, "gauge" | "sum" | "histogram" | "summary"> {
  const base = ({ labels }: Point): Omit<NumberDataPoint, "asDouble" | "asInt"> => ({
    attributes: [...labels].map(([key, stringValue]): KeyValue => ({
      key,
      value: { stringValue },
    })),
    startTimeUnixNano: "0",
    timeUnixNano,
    flags: 0,
    exemplars: [],
  });
  const count = (point: Point): string => String(point.count ?? 0);
  const numbers = (): NumberDataPoint[] =>
    points.map((point) => ({ ...base(point), asDouble: point.value }));
  switch (points[0]?.type) {
    case "histogram": {
      const dataPoints = points.map((point) => ({
        ...base(point),
        count: count(point),
        sum: point.sum,
        bucketCounts: (point.parts ?? []).map(([, part]) => String(part)),
        explicitBounds: (point.parts ?? []).map(([bound]) => bound).filter(Number.isFinite),
      }));
      return { histogram: { aggregationTemporality: 0, dataPoints } };
    }
    case "summary": {
      const dataPoints = points.map((point) => ({
        ...base(point),
        count: count(point),
        sum: point.sum ?? 0,
        quantileValues: (point.parts ?? []).map(([quantile, value]) => ({ quantile, value })),
      }));
      return { summary: { dataPoints } };
    }
    case "counter":
      return { sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: numbers() } };
    default:
      return { gauge: { dataPoints: numbers() } };
  }
}
