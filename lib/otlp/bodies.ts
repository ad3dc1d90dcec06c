/** The bodies of the requests to Parseable. */

import { Buffer } from "node:buffer";
import { countDropped, type MetricData, type RelayCounts } from "./counts.ts";
import { openMetric, openResource, openScope, PointEncoder } from "./encode.ts";
import type { ExportMetricsServiceRequest, ResourceMetrics, ScopeMetrics } from "./gen/metrics.ts";
import { MAX_BODY_BYTES, MAX_TEXT_LENGTH, TooLargeError } from "./limits.ts";

/**
 * UTF-16 units to keep as text before they become bytes. One scrape stays below it
 * and is encoded at once; a growing text takes several times its length.
 */
const MAX_TEXT_UNITS = 262_144;
/** Most bytes of UTF-8 that one UTF-16 unit becomes. */
const MAX_UNIT_BYTES = 3;

const ENCODER = new TextEncoder();

const OPEN_REQUEST = '{"resourceMetrics":[';
const CLOSE_METRIC = "]}}";
const CLOSE_SCOPES = `${CLOSE_METRIC}]}`;
const CLOSE_RESOURCES = `${CLOSE_SCOPES}]}`;
const CLOSE_ALL = `${CLOSE_RESOURCES}]}`;

/** Settings of {@linkcode encodeMetrics}. */
export interface EncodeOptions {
  /**
   * Longest body, in bytes.
   *
   * @default {MAX_BODY_BYTES}
   */
  maxBytes?: number;
}

/**
 * Writes a request as the JSON that Parseable reads: as one body or, when that
 * would be too long, as several, split between data points. Each is a request of
 * its own, with resource, scope and metric around its points. A body is made when
 * it is asked for.
 *
 * @throws {TooLargeError} When a text is too long, or resource, scope or metric are.
 */
export function* encodeMetrics(
  request: ExportMetricsServiceRequest,
  counts: RelayCounts,
  options: EncodeOptions = {},
): Generator<Uint8Array<ArrayBuffer>, void> {
  const maxBytes = (options.maxBytes ?? MAX_BODY_BYTES) - CLOSE_ALL.length;
  const encoder = new PointEncoder();
  let body = new Body();
  /** Where the last point of the body is; undefined while it has none. */
  let open: Place | undefined;
  for (const place of placesOf(request)) {
    for (const point of encoder.points(place.data)) {
      if (!body.append(textBetween(open, place) + point, maxBytes)) {
        if (open !== undefined) {
          yield body.finish();
          body = new Body();
          open = undefined;
        }
        if (!body.append(textBetween(open, place) + point, maxBytes)) {
          countDropped(counts, "point_too_large");
          continue;
        }
      }
      open = place;
    }
  }
  if (open !== undefined) yield body.finish();
}

/** A body under construction. */
class Body {
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #text = "";

  /** Appends a text unless the body would be longer than `maxBytes`; says whether it did. */
  append(text: string, maxBytes = Infinity): boolean {
    // Bytes are counted only near the limit.
    if (this.#bytes + (this.#text.length + text.length) * MAX_UNIT_BYTES > maxBytes) {
      this.#flush();
      if (this.#bytes + text.length > maxBytes) return false;
      if (this.#bytes + ENCODER.encode(text).length > maxBytes) return false;
    }
    this.#text += text;
    if (this.#text.length > MAX_TEXT_UNITS) this.#flush();
    return true;
  }

  /** Closes all levels; gives the body. */
  finish(): Uint8Array<ArrayBuffer> {
    this.append(CLOSE_ALL);
    this.#flush();
    const [first, ...others] = this.#chunks;
    return first !== undefined && others.length === 0 ? first : Buffer.concat(this.#chunks);
  }

  #flush(): void {
    if (this.#text === "") return;
    const chunk = ENCODER.encode(this.#text);
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#text = "";
  }
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

function* placesOf(request: ExportMetricsServiceRequest): Generator<Place, void> {
  for (const resource of request.resourceMetrics) {
    const resourceText = openResource(resource);
    for (const scope of resource.scopeMetrics) {
      const scopeText = openScope(scope);
      for (const metric of scope.metrics) {
        const { data } = metric;
        if (data === undefined) continue;
        const metricText = openMetric(metric, data);
        // It is repeated in every body: without a bound 40 points would become 40 bodies of 10 MiB.
        if (resourceText.length + scopeText.length + metricText.length > MAX_TEXT_LENGTH) {
          throw new TooLargeError(
            `a resource, scope or metric is longer than ${MAX_TEXT_LENGTH} characters as JSON`,
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
