/** Requests for one exposition: a bounded number at once, and one scrape for those that can share. */

import { MetricsError } from "../errors.ts";
import type { Admission, Ticket } from "./admission.ts";
import { EXPOSITION_TYPE } from "./exposition_passage.ts";
import type { OwnMetrics } from "./own_metrics.ts";
import { errorResponse } from "./responses.ts";
import { SharedScrape } from "./shared_scrape.ts";

/** What all expositions are answered with; the runtime adds the length of a body that is whole. */
export const EXPOSITION: ResponseInit = { headers: { "content-type": EXPOSITION_TYPE } };

/** Prometheus breaks a scrape off at its own time-out; the reply must be there before, in seconds. */
const SCRAPE_TIMEOUT_OFFSET_SECONDS = 0.5;
/**
 * Shortest time for a scrape, in seconds, as for SCRAPE_TIMEOUT: a server that does not answer
 * within less is not down, and that is what everybody would be told.
 */
const MIN_SECONDS = 0.1;

/**
 * The longest time for a scrape, by what Prometheus says of its own patience.
 *
 * @param request The reader's request.
 * @returns `X-Prometheus-Scrape-Timeout-Seconds` less half a second (or half of it, when that
 *   is more) in milliseconds, at least 100; undefined without such a header or with a senseless
 *   one.
 */
function readerTimeoutMs(request: Request): number | undefined {
  const text = request.headers.get("x-prometheus-scrape-timeout-seconds");
  const seconds = Number(text);
  if (text === null || !(seconds > 0) || !Number.isFinite(seconds)) return undefined;
  return Math.max(seconds - SCRAPE_TIMEOUT_OFFSET_SECONDS, seconds / 2, MIN_SECONDS) * 1_000;
}

/**
 * A whole exposition; without its body for HEAD (RFC 9110, section 9.3.2). The response holds a
 * copy of the bytes (Fetch, "extract a body").
 *
 * @param request The request that is answered.
 * @param bytes The exposition.
 * @returns The response.
 */
export function wholeResponse({ method }: Request, bytes: Uint8Array<ArrayBuffer>): Response {
  if (method !== "HEAD") return new Response(bytes, EXPOSITION);
  const headers = { "content-type": EXPOSITION_TYPE, "content-length": String(bytes.length) };
  return new Response(null, { headers });
}

/** What {@linkcode SharedAnswers} works with. */
export interface SharedAnswersOptions {
  /** The bound on requests at once. */
  readonly admission: Admission;
  /** Counts what happens. */
  readonly metrics: OwnMetrics;
}

/** Scrapes for one request: it settles `shared`, and throws nothing. */
export type Visiting = (ticket: Ticket, shared: SharedScrape) => Promise<Response>;

/** Gives each request a place and a scrape. */
export class SharedAnswers {
  readonly #options: SharedAnswersOptions;
  #current: SharedScrape | undefined;

  /**
   * Begins with no scrape under way.
   *
   * @param options The bound, and the counters.
   */
  constructor(options: SharedAnswersOptions) {
    this.#options = options;
  }

  /**
   * Answers one request.
   *
   * @param request A GET or HEAD request.
   * @param visit Scrapes for it, when there is no scrape under way that it can share.
   * @returns The answer; 503 when there is no place.
   */
  async answer(request: Request, visit: Visiting): Promise<Response> {
    const ticket = this.#options.admission.enter();
    if (ticket === undefined) {
      this.#options.metrics.refused++;
      return errorResponse(
        new MetricsError("BUSY", "Cannot scrape now: too many requests are being answered", {
          hint: "Try again in a moment, and see whether readers hang.",
        }),
      );
    }
    const timeoutMs = readerTimeoutMs(request);
    const current = this.#current;
    if (current?.open && current.timeoutMs === timeoutMs) {
      const shared = await this.#share(current, request);
      if (shared !== undefined) {
        ticket.leave();
        return shared;
      }
      return await visit(ticket, new SharedScrape(timeoutMs));
    }
    this.#current = new SharedScrape(timeoutMs);
    return await visit(ticket, this.#current);
  }

  /** Answers with the outcome of a scrape under way; undefined when that cannot be shared. */
  #share(scrape: SharedScrape, request: Request): Promise<Response | undefined> {
    const { metrics } = this.#options;
    scrape.enter(request.signal);
    return scrape.wait((outcome) => {
      if (outcome === "streamed") {
        scrape.leave(request.signal);
        return undefined;
      }
      if (outcome instanceof MetricsError) return errorResponse(outcome);
      metrics.shared++;
      metrics.replyBytes += outcome.length;
      return wholeResponse(request, outcome);
    });
  }
}
