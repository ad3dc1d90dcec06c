/** `GET /metrics`: asks the server then and there and hands out what it says, sanitised. */

import { MetricsError } from "../errors.ts";
import { ShapeMemory } from "../exposition/shape_memory.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Admission, Ticket } from "./admission.ts";
import { EXPOSITION_TYPE, ExpositionPassage, type PassageOptions } from "./exposition_passage.ts";
import type { HistoryTap, Taking } from "./history_tap.ts";
import type { OwnMetrics } from "./own_metrics.ts";
import { errorResponse } from "./responses.ts";
import { Rooms } from "./rooms.ts";
import { SharedScrape } from "./shared_scrape.ts";
import type { UpstreamState } from "./upstream_state.ts";

/** What all expositions are answered with; the runtime adds the length of a body that is whole. */
const EXPOSITION: ResponseInit = { headers: { "content-type": EXPOSITION_TYPE } };

/** Prometheus breaks a scrape off at its own time-out; the reply must be there before, in seconds. */
const SCRAPE_TIMEOUT_OFFSET_SECONDS = 0.5;

/** What {@linkcode MetricsRoute} works with. */
export interface MetricsRouteOptions {
  /** The server that is asked. */
  readonly upstream: Upstream;
  /** The bound on requests at once. */
  readonly admission: Admission;
  /** Counts what happens. */
  readonly metrics: OwnMetrics;
  /** What is known of the server. */
  readonly state: UpstreamState;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  /** Takes scrapes into the history; none are taken without. */
  readonly tap?: HistoryTap;
}

/**
 * The longest time for a scrape, by what Prometheus says of its own patience.
 *
 * @param request The reader's request.
 * @returns `X-Prometheus-Scrape-Timeout-Seconds` less half a second (or half of it, when that
 *   is more) in milliseconds; undefined without such a header or with a senseless one.
 */
export function readerTimeoutMs(request: Request): number | undefined {
  const text = request.headers.get("x-prometheus-scrape-timeout-seconds");
  const seconds = Number(text);
  if (text === null || !(seconds > 0) || !Number.isFinite(seconds)) return undefined;
  return Math.max(seconds - SCRAPE_TIMEOUT_OFFSET_SECONDS, seconds / 2) * 1_000;
}

/** What is kept from one scrape to the next. */
type Kept = Pick<PassageOptions, "memory" | "rooms">;

/** Answers requests on `/metrics`. */
export class MetricsRoute {
  readonly #options: MetricsRouteOptions;
  readonly #kept: Kept = { memory: new ShapeMemory(), rooms: new Rooms() };
  #current: SharedScrape | undefined;

  /**
   * Begins with nothing remembered.
   *
   * @param options What it works with.
   */
  constructor(options: MetricsRouteOptions) {
    this.#options = options;
  }

  /**
   * Answers one request.
   *
   * @param request A GET or HEAD request.
   * @returns The exposition, or a sentence with 502, 503 or 504.
   */
  async answer(request: Request): Promise<Response> {
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
      return await this.#visit(request, ticket, new SharedScrape(timeoutMs));
    }
    this.#current = new SharedScrape(timeoutMs);
    return await this.#visit(request, ticket, this.#current);
  }

  /** Answers with the outcome of a scrape under way; undefined when that cannot be shared. */
  #share(scrape: SharedScrape, request: Request): Promise<Response | undefined> {
    scrape.enter(request.signal);
    return scrape.wait((outcome) => {
      if (outcome === "streamed") {
        scrape.leave(request.signal);
        return undefined;
      }
      if (outcome instanceof MetricsError) return errorResponse(outcome);
      this.#options.metrics.recordShared(outcome.length);
      return wholeResponse(request, outcome);
    });
  }

  async #visit(request: Request, ticket: Ticket, shared: SharedScrape): Promise<Response> {
    const visit = new Visit(this.#options, this.#kept, ticket);
    try {
      return await visit.answer(request, shared);
    } catch (error) {
      const failure = visit.fail(error);
      shared.settle(failure);
      await visit.letGo(failure);
      return errorResponse(failure);
    }
  }
}

/**
 * A whole exposition; without its body for HEAD (RFC 9110, section 9.3.2). The response holds a
 * copy of the bytes (Fetch, "extract a body").
 */
function wholeResponse({ method }: Request, bytes: Uint8Array<ArrayBuffer>): Response {
  if (method !== "HEAD") return new Response(bytes, EXPOSITION);
  const headers = { "content-type": EXPOSITION_TYPE, "content-length": String(bytes.length) };
  return new Response(null, { headers });
}

/** One request on `/metrics`, from its beginning to its last byte. */
class Visit {
  readonly #options: MetricsRouteOptions;
  readonly #kept: Kept;
  readonly #ticket: Ticket;
  readonly #startedMs: number;
  readonly #taking: Taking | undefined;
  #passage: ExpositionPassage | undefined;
  #ended = false;

  constructor(options: MetricsRouteOptions, kept: Kept, ticket: Ticket) {
    this.#options = options;
    this.#kept = kept;
    this.#ticket = ticket;
    this.#startedMs = options.now();
    this.#taking = options.tap?.begin(this.#startedMs);
  }

  async answer(request: Request, shared: SharedScrape): Promise<Response> {
    const { upstream } = this.#options;
    const { timeoutMs } = shared;
    shared.enter(request.signal);
    const scrape = await upstream.scrape({
      signal: shared.signal,
      ...timeoutMs === undefined ? {} : { timeoutMs },
    });
    shared.close();
    const passage = new ExpositionPassage(scrape, {
      label: upstream.label,
      sendsSecret: upstream.sendsSecret,
      ...this.#kept,
    });
    this.#passage = passage;
    const { bytes, whole } = await passage.begin();
    shared.settle(whole ? bytes : "streamed");
    this.#taking?.push(bytes);
    if (whole) {
      this.#end();
      const response = wholeResponse(request, bytes);
      passage.release();
      return response;
    }
    if (request.method === "HEAD") {
      await this.#leaveEarly("the request was for the headers only");
      return new Response(null, EXPOSITION);
    }
    return new Response(this.#stream(passage, bytes), EXPOSITION);
  }

  /** Ends the visit with an error, in the state, the metrics and the log. */
  fail(error: unknown): MetricsError {
    const failure = error instanceof MetricsError
      ? error
      : new MetricsError("UPSTREAM_FAILED", "Cannot scrape: an unexpected error", {
        cause: error,
      });
    this.#end(failure);
    // A body that is refused before its end would come on until the time is up.
    void this.#passage?.cancel(failure);
    return failure;
  }

  /** Lets go of a body that nobody will read; again does nothing. */
  async letGo(reason: unknown): Promise<void> {
    await this.#passage?.cancel(reason);
  }

  /** The rest of the body behind its first bytes. If it breaks off, so does the reply. */
  #stream(passage: ExpositionPassage, head: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
    const { now } = this.#options;
    return new ReadableStream<Uint8Array>({
      start: (controller): void => {
        this.#ticket.evict = (): void => {
          const gone = new MetricsError("READER_GONE", "The reader stood still");
          controller.error(gone);
          void this.#leaveEarly(gone);
        };
        controller.enqueue(head);
      },
      pull: async (controller): Promise<void> => {
        this.#ticket.stalledSince = undefined;
        try {
          let bytes = await passage.next();
          while (bytes?.length === 0) bytes = await passage.next();
          if (bytes === undefined) {
            this.#end();
            controller.close();
          } else {
            this.#taking?.push(bytes);
            controller.enqueue(bytes);
          }
        } catch (error) {
          controller.error(this.fail(error));
        }
        this.#ticket.stalledSince = now();
      },
      cancel: (reason): Promise<void> => this.#leaveEarly(reason),
    }, { highWaterMark: 0 });
  }

  async #leaveEarly(reason: unknown): Promise<void> {
    if (!this.#ended) this.#taking?.abandon();
    this.#ended = true;
    this.#ticket.leave();
    await this.letGo(reason);
  }

  #end(failure?: MetricsError): void {
    this.#ticket.leave();
    if (this.#ended) return;
    this.#ended = true;
    // A reader that goes away or stands still says nothing about the server.
    if (failure?.code === "READER_GONE" || failure?.code === "READER_SLOW") {
      this.#taking?.abandon();
      return;
    }
    const { metrics, state, now } = this.#options;
    const sanitizer = this.#passage?.sanitizer;
    metrics.recordScrape({
      code: failure?.code,
      durationSeconds: (now() - this.#startedMs) / 1_000,
      upstreamBytes: this.#passage?.upstreamBytes ?? 0,
      replyBytes: this.#passage?.replyBytes ?? 0,
      samples: failure === undefined ? sanitizer?.samples ?? 0 : 0,
      dropped: sanitizer?.dropped,
    });
    if (failure === undefined) {
      state.succeeded();
      this.#taking?.end();
    } else {
      state.failed(failure);
      this.#taking?.fail(failure);
    }
  }
}
