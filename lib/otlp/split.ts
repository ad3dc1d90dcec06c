/** The bodies of the requests to Parseable. */

import { BodyText } from "./body_text.ts";
import { countDropped, type RelayCounts } from "./counts.ts";
import {
  CLOSE_METRIC,
  CLOSE_REQUEST,
  CLOSE_RESOURCE,
  CLOSE_SCOPE,
  OPEN_REQUEST,
  openMetric,
  openResource,
  openScope,
} from "./encode.ts";
import { AttributeEncoder } from "./encode_attributes.ts";
import { encodePoints } from "./encode_points.ts";
import type { MetricData, MetricsRequest, ResourceMetrics, ScopeMetrics } from "./model.ts";

/** Largest body that Parseable takes unless told otherwise (`P_MAX_EVENT_PAYLOAD_SIZE`). */
export const MAX_BODY_BYTES = 10 * 1024 * 1024;

const CLOSE_SCOPES = CLOSE_METRIC + CLOSE_SCOPE;
const CLOSE_RESOURCES = CLOSE_SCOPES + CLOSE_RESOURCE;
const CLOSE_ALL = CLOSE_RESOURCES + CLOSE_REQUEST;

/**
 * Longest text around the points of a metric, in characters. It stands in every
 * body, so without a bound 40 points would become 40 bodies of 10 MiB; with it the
 * bodies are at most a tenth longer than the points.
 */
const MAX_HEAD_LENGTH = 1_048_576;

/** A request that becomes no body, whatever is taken out. */
export class TooLargeError extends Error {}

/** Settings of {@linkcode encodeMetrics}. */
export interface EncodeOptions {
  /** Longest body, in bytes; {@linkcode MAX_BODY_BYTES} unless told. */
  maxBytes?: number;
}

/**
 * Writes a request as the JSON that Parseable reads: as one body or, when that
 * would be too long, as several, cut between data points. Each is a request of
 * its own, with resource, scope and metric around its points. A body is
 * made when it is asked for.
 *
 * @param request The request, cleaned.
 * @param counts Gets the points that are too long for any body.
 * @param options Bounds.
 * @returns The bodies, in the order of their points; none when there are no points.
 * @throws {TooLargeError} When resource, scope or metric are too long to be repeated.
 */
export function* encodeMetrics(
  request: MetricsRequest,
  counts: RelayCounts,
  options: EncodeOptions = {},
): Generator<Uint8Array<ArrayBuffer>, void> {
  const attributes = new AttributeEncoder();
  const maxBytes = (options.maxBytes ?? MAX_BODY_BYTES) - CLOSE_ALL.length;
  const body = new BodyText();
  /** Where the last point of the body is; undefined while it has none. */
  let open: Place | undefined;
  for (const place of placesOf(request)) {
    for (const point of encodePoints(place.data, attributes)) {
      let text = textBetween(open, place) + point;
      if (!body.fits(text, maxBytes)) {
        if (open !== undefined) {
          body.append(CLOSE_ALL);
          yield body.take();
          open = undefined;
          text = textBetween(open, place) + point;
        }
        if (!body.fits(text, maxBytes)) {
          countDropped(counts, "point_too_large");
          continue;
        }
      }
      body.append(text);
      open = place;
    }
  }
  if (open === undefined) return;
  body.append(CLOSE_ALL);
  yield body.take();
}

/** A metric, and the texts that open it and what is around it. */
interface Place {
  resource: ResourceMetrics;
  scope: ScopeMetrics;
  resourceText: string;
  scopeText: string;
  metricText: string;
  data: MetricData;
}

function* placesOf(request: MetricsRequest): Generator<Place, void> {
  for (const resource of request.resourceMetrics) {
    const resourceText = openResource(resource);
    for (const scope of resource.scopeMetrics) {
      const scopeText = openScope(scope);
      for (const metric of scope.metrics) {
        const { data } = metric;
        if (data === undefined) continue;
        const metricText = openMetric(metric, data);
        if (resourceText.length + scopeText.length + metricText.length > MAX_HEAD_LENGTH) {
          throw new TooLargeError(
            `a resource, scope or metric is longer than ${MAX_HEAD_LENGTH} characters as JSON`,
          );
        }
        yield { resource, scope, resourceText, scopeText, metricText, data };
      }
    }
  }
}

/** What comes after a point of `open`, or at the start, and before a point of `place`. */
function textBetween(open: Place | undefined, place: Place): string {
  const { resourceText, scopeText, metricText } = place;
  if (open === place) return ",";
  if (open === undefined) return OPEN_REQUEST + resourceText + scopeText + metricText;
  if (open.scope === place.scope) return `${CLOSE_METRIC},${metricText}`;
  if (open.resource === place.resource) return `${CLOSE_SCOPES},${scopeText}${metricText}`;
  return `${CLOSE_RESOURCES},${resourceText}${scopeText}${metricText}`;
}
