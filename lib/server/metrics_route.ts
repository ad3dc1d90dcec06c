/** `GET /metrics`: asks the server then and there and hands out what it says, sanitised. */

import { MetricsError } from "../errors.ts";
import { ByteBuffer } from "../exposition/byte_buffer.ts";
import { ShapeMemory, type ShapePool } from "../exposition/shape_memory.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type Admission, Ticket } from "./admission.ts";
import { ExpositionPassage, type PassageOptions } from "./exposition_passage.ts";
import type { HistoryTap, Taking } from "./history_tap.ts";
import type { OwnMetrics } from "./own_metrics.ts";
import { pacedBody } from "./paced_body.ts";
import { errorResponse } from "./responses.ts";
import { Rooms } from "./rooms.ts";
import { EXPOSITION, SharedAnswers, wholeResponse } from "./shared_answers.ts";
import type { SharedScrape } from "./shared_scrape.ts";
import type { UpstreamState } from "./upstream_state.ts";

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
  /** What servers of its kind have shown last. */
  readonly pool?: ShapePool;
}

/** What breaks a scrape off. */
export interface OpenOptions {
  /** Aborts when nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** Time for the whole scrape in milliseconds, if less than what is configured. */
  readonly timeoutMs: number | undefined;
}

/** How a server is scraped for a merge. */
export interface CollectOptions extends OpenOptions {
  /** Told when the server has begun to answer. */
  readonly onBegin: () => void;
  /** Takes room for so many bytes; throws when there is none. */
  readonly take: (bytes: number) => void;
}

const EMPTY = new Uint8Array(0);

/** What is kept from one scrape to the next. */
type Kept = Pick<PassageOptions, "memory" | "rooms">;

/** Answers requests on `/metrics`. */
export class MetricsRoute {
  readonly #options: MetricsRouteOptions;
  readonly #kept: Kept;
  readonly #answers: SharedAnswers;

  /**
   * Begins with nothing remembered.
   *
   * @param options What it works with.
   */
  constructor(options: MetricsRouteOptions) {
    this.#options = options;
    this.#kept = { memory: new ShapeMemory({ pool: options.pool }), rooms: new Rooms() };
    this.#answers = new SharedAnswers(options);
  }

  /**
   * Answers one request.
   *
   * @param request A GET or HEAD request.
   * @returns The exposition, or a sentence with 502, 503 or 504.
   */
  answer(request: Request): Promise<Response> {
    return this.#answers.answer(
      request,
      (ticket, shared) => this.#visit(request, ticket, shared),
    );
  }

  /**
   * Scrapes the server for a merge with others.
   *
   * @param options What breaks it off, and the room there is.
   * @returns All of the exposition, sanitised.
   * @throws {MetricsError} When the server fails, or there is no room.
   */
  async collect(options: CollectOptions): Promise<Uint8Array<ArrayBuffer>> {
    const visit = new Visit(this.#options, this.#kept, new Ticket(() => {}));
    try {
      return await visit.collect(options);
    } catch (error) {
      throw visit.fail(error);
    }
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

/** One request on `/metrics`, from its beginning to its last byte. */
class Visit {
  readonly #options: MetricsRouteOptions;
  readonly #kept: Kept;
  readonly #ticket: Ticket;
  readonly #startedMs: number;
  readonly #taking: Taking | undefined;
  #passage: ExpositionPassage | undefined;
  #ended = false;
  /** Whether it is one of several whose texts are merged. */
  #isPart = false;

  constructor(options: MetricsRouteOptions, kept: Kept, ticket: Ticket) {
    this.#options = options;
    this.#kept = kept;
    this.#ticket = ticket;
    this.#startedMs = options.now();
    this.#taking = options.tap?.begin(this.#startedMs);
  }

  async answer(request: Request, shared: SharedScrape): Promise<Response> {
    shared.enter(request.signal);
    const passage = await this.#open(shared);
    shared.close();
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

  /** Reads all of the exposition. */
  async collect(options: CollectOptions): Promise<Uint8Array<ArrayBuffer>> {
    this.#isPart = true;
    const passage = await this.#open(options);
    options.onBegin();
    const whole = new ByteBuffer();
    let { bytes, whole: isEnd } = await passage.begin();
    for (;;) {
      options.take(bytes.length);
      this.#taking?.push(bytes);
      whole.append(bytes);
      if (isEnd) break;
      const next = await passage.next();
      isEnd = next === undefined;
      bytes = next ?? EMPTY;
    }
    this.#end();
    passage.release();
    return whole.view();
  }

  async #open({ signal, timeoutMs }: OpenOptions): Promise<ExpositionPassage> {
    const { upstream } = this.#options;
    const scrape = await upstream.scrape({
      signal,
      ...timeoutMs === undefined ? {} : { timeoutMs },
    });
    const passage = new ExpositionPassage(scrape, {
      label: upstream.label,
      sendsSecret: upstream.sendsSecret,
      ...this.#kept,
    });
    this.#passage = passage;
    return passage;
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
    return pacedBody({
      ticket: this.#ticket,
      now: this.#options.now,
      head,
      next: async () => {
        let bytes = await passage.next();
        while (bytes?.length === 0) bytes = await passage.next();
        if (bytes === undefined) this.#end();
        else this.#taking?.push(bytes);
        return bytes;
      },
      fail: (error) => this.fail(error),
      leave: (reason) => this.#leaveEarly(reason),
    });
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
    const { metrics, state, now, upstream } = this.#options;
    const sanitizer = this.#passage?.sanitizer;
    metrics.recordScrape(upstream.instance, {
      code: failure?.code,
      durationSeconds: (now() - this.#startedMs) / 1_000,
      upstreamBytes: this.#passage?.upstreamBytes ?? 0,
      samples: failure === undefined ? sanitizer?.samples ?? 0 : 0,
      dropped: sanitizer?.dropped,
    });
    if (!this.#isPart) metrics.replyBytes += this.#passage?.replyBytes ?? 0;
    if (failure === undefined) {
      state.succeeded(now());
      this.#taking?.end();
    } else {
      state.failed(failure, now());
      this.#taking?.fail(failure);
    }
  }
}
