/** Requests as the JSON that Parseable 2.9.5 reads. */

import { STATUS_CODE } from "@std/http/status";
import { countDropped, metricsOf, pointsIn, type RelayCounts } from "./counts.ts";
import { ExportMetricsServiceRequest, type Metric } from "./gen/metrics.ts";
import { type OtlpEncoding, RequestError } from "./http.ts";

/** Largest body that Parseable accepts by default (`P_MAX_EVENT_PAYLOAD_SIZE`), in bytes. */
export const MAX_BODY_BYTES = 10 * 1_048_576;
/** Points that are written at once; one scrape of an engine has 165. */
const MAX_POINTS = 5_000;
/** Longest JSON around points, in characters: it is repeated in every body of a request. */
const MAX_HEAD = 1_048_576;

const ENCODER = new TextEncoder();

/** A body, and how many points it has. */
export interface Body {
  /** Its bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The points in it. */
  readonly points: number;
}

/** Settings of {@linkcode encodeMetrics}. */
export interface EncodeOptions {
  /** How bodies are written. @default {"json"} */
  readonly encoding?: OtlpEncoding;
  /** Longest body, in bytes. @default {MAX_BODY_BYTES} */
  readonly maxBytes?: number;
}

/** Writes a cleaned request as one body. */
export function bytesOf(
  request: ExportMetricsServiceRequest,
  encoding: OtlpEncoding = "json",
): Uint8Array<ArrayBuffer> {
  return encoding === "json"
    ? ENCODER.encode(JSON.stringify(request))
    : new Uint8Array(ExportMetricsServiceRequest.encode(request).finish());
}

/**
 * Writes a cleaned request as one body or, when that would be too long, as several, split
 * between data points. A body is made when it is asked for.
 *
 * @throws {RequestError} 413 when a resource, scope or metric is too long.
 */
export function* encodeMetrics(
  request: ExportMetricsServiceRequest,
  counts: RelayCounts,
  options: EncodeOptions = {},
): Generator<Body, void> {
  const points = metricsOf(request).reduce((sum, metric) => sum + pointsIn(metric), 0);
  if (points === 0) return;
  if (points <= MAX_POINTS) {
    const bytes = bytesOf(request, options.encoding);
    if (bytes.length <= (options.maxBytes ?? MAX_BODY_BYTES)) return yield { bytes, points };
    checkHeads(request);
    if (points === 1) return countDropped(counts, "point_too_large");
  }
  const half = Math.ceil(points / 2);
  yield* encodeMetrics(sliceOf(request, 0, half), counts, options);
  yield* encodeMetrics(sliceOf(request, half, points), counts, options);
}

/** A request with the points from one place to another, and what is around them. */
function sliceOf(
  { resourceMetrics }: ExportMetricsServiceRequest,
  from: number,
  to: number,
): ExportMetricsServiceRequest {
  let at = 0;
  const sliced = (metric: Metric): Metric[] => {
    const [start, end] = [from - at, to - at];
    const points = pointsIn(metric);
    at += points;
    if (start >= points || end <= 0) return [];
    const cut = <D extends { dataPoints: unknown[] }>(data: D | undefined): D | undefined =>
      data && { ...data, dataPoints: data.dataPoints.slice(Math.max(start, 0), end) };
    const { gauge, sum, histogram, exponentialHistogram, summary } = metric;
    return [{
      ...metric,
      gauge: cut(gauge),
      sum: cut(sum),
      histogram: cut(histogram),
      exponentialHistogram: cut(exponentialHistogram),
      summary: cut(summary),
    }];
  };
  return {
    resourceMetrics: resourceMetrics.map((resource) => ({
      ...resource,
      scopeMetrics: resource.scopeMetrics
        .map((scope) => ({ ...scope, metrics: scope.metrics.flatMap(sliced) }))
        .filter(({ metrics }) => metrics.length > 0),
    })).filter(({ scopeMetrics }) => scopeMetrics.length > 0),
  };
}

/** Without a bound 40 points could become 40 bodies of 10 MiB. */
function checkHeads({ resourceMetrics }: ExportMetricsServiceRequest): void {
  for (const { scopeMetrics, ...resource } of resourceMetrics) {
    checkHead(resource);
    for (const { metrics, ...scope } of scopeMetrics) {
      checkHead(scope);
      for (const { name, description, unit, metadata } of metrics) {
        checkHead([name, description, unit, metadata]);
      }
    }
  }
}

function checkHead(head: unknown): void {
  if (JSON.stringify(head).length <= MAX_HEAD) return;
  const message = `a resource, scope or metric is longer than ${MAX_HEAD} characters as JSON`;
  throw new RequestError(STATUS_CODE.ContentTooLarge, message);
}
