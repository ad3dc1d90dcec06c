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
import type { Metric, MetricData, MetricsRequest, ResourceMetrics, ScopeMetrics } from "./model.ts";

/** Largest body that Parseable takes unless told otherwise (`P_MAX_EVENT_PAYLOAD_SIZE`). */
export const MAX_BODY_BYTES = 10 * 1024 * 1024;

const CLOSE_SCOPES = CLOSE_METRIC + CLOSE_SCOPE;
const CLOSE_RESOURCES = CLOSE_SCOPES + CLOSE_RESOURCE;
const CLOSE_ALL = CLOSE_RESOURCES + CLOSE_REQUEST;

/** Settings of {@linkcode encodeMetrics}. */
export interface EncodeOptions {
  /** Longest body, in bytes; {@linkcode MAX_BODY_BYTES} unless told. */
  maxBytes?: number;
}

/**
 * Writes a request as the JSON that Parseable reads: as one body or, when that
 * would be too long, as several, cut between data points. Each is a request of
 * its own, with resource, scope and metric around its points.
 *
 * @param request The request, cleaned.
 * @param counts Gets the points that are too long for any body.
 * @param options Bounds.
 * @returns The bodies, in the order of their points; none when there are no points.
 */
export function encodeMetrics(
  request: MetricsRequest,
  counts: RelayCounts,
  options: EncodeOptions = {},
): Uint8Array<ArrayBuffer>[] {
  const attributes = new AttributeEncoder();
  const bodies = new Bodies(options.maxBytes ?? MAX_BODY_BYTES);
  for (const resource of request.resourceMetrics) {
    for (const scope of resource.scopeMetrics) {
      for (const metric of scope.metrics) {
        const { data } = metric;
        if (data === undefined) continue;
        const place = { resource, scope, metric, data };
        encodePoints(data, attributes, (point) => {
          if (!bodies.add(place, point)) countDropped(counts, "point_too_large");
        });
      }
    }
  }
  return bodies.finish();
}

/** A metric and what is around it. */
interface Place {
  resource: ResourceMetrics;
  scope: ScopeMetrics;
  metric: Metric;
  data: MetricData;
}

/** Bodies of bounded length. */
class Bodies {
  readonly #maxBytes: number;
  readonly #finished: Uint8Array<ArrayBuffer>[] = [];
  readonly #body = new BodyText();
  /** The metric of the last point; its levels are open. */
  #open: Place | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes - CLOSE_ALL.length;
  }

  /** Adds a point, and says whether any body can hold it. */
  add(place: Place, point: string): boolean {
    const text = textBetween(this.#open, place) + point;
    if (!this.#body.fits(text, this.#maxBytes)) {
      if (this.#open === undefined) return false;
      this.#close();
      return this.add(place, point);
    }
    this.#body.append(text);
    this.#open = place;
    return true;
  }

  finish(): Uint8Array<ArrayBuffer>[] {
    if (this.#open !== undefined) this.#close();
    return this.#finished;
  }

  #close(): void {
    this.#body.append(CLOSE_ALL);
    this.#finished.push(this.#body.take());
    this.#open = undefined;
  }
}

/** What comes after a point of `open`, or at the start, and before a point of `place`. */
function textBetween(open: Place | undefined, place: Place): string {
  if (open === place) return ",";
  const metric = openMetric(place.metric, place.data);
  if (open?.scope === place.scope) return `${CLOSE_METRIC},${metric}`;
  const scope = openScope(place.scope) + metric;
  if (open?.resource === place.resource) return `${CLOSE_SCOPES},${scope}`;
  const resource = openResource(place.resource) + scope;
  return open === undefined ? OPEN_REQUEST + resource : `${CLOSE_RESOURCES},${resource}`;
}
