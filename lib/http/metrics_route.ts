/** `GET /metrics`: a live scrape, streamed. */

import { MetricsError } from "../errors.ts";
import type { Bytes } from "../net/body.ts";
import { errorResponse } from "./responses.ts";
import type { Slot, Slots } from "./slots.ts";

/** The Content-Type of every exposition. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Prometheus drops a scrape at its own timeout; the response must be there before, in seconds. */
const TIMEOUT_OFFSET_SECONDS = 0.5;
/** Shortest time for a scrape, in seconds, as for SCRAPE_TIMEOUT. */
const MIN_SECONDS = 0.1;
/** Longest exposition that the runtime takes in one piece, in bytes; it frees the slot at once. */
const MAX_PIECE_BYTES = 4 * 1_048_576;
/** Bytes of one piece of a longer one. */
const PIECE_BYTES = 65_536;

/** An exposition on its way to one client. */
export interface Exposition extends Disposable {
  /** Waits for the first bytes; says whether they are all, and whether another client has them. */
  begin(): Promise<{
    readonly bytes: Bytes;
    readonly isWhole: boolean;
    readonly isShared: boolean;
  }>;
  /** Waits for the next bytes; undefined at the end. */
  next(): Promise<Bytes | undefined>;
}

/** What {@linkcode createMetricsRoute} needs. */
export interface MetricsRouteOptions {
  /** Bounds the requests answered at once. */
  readonly slots: Slots;
  /** Counts responses. */
  readonly metrics: { refused: number; shared: number; replyBytes: number };
  /** Longest time for a client to read a response, in milliseconds. */
  readonly timeoutMs: number;
  /** The time in milliseconds. */
  readonly now: () => number;
}

/** Gives an exposition to a client with the given signal and time. */
export type Read = (
  options: { readonly signal: AbortSignal; readonly timeoutMs: number | undefined },
) => Exposition;

/**
 * The client's own time limit in milliseconds: `X-Prometheus-Scrape-Timeout-Seconds` less half a
 * second, but at least half of it and at least 100 ms. Undefined if the header makes no sense.
 */
function clientTimeoutMs(request: Request): number | undefined {
  const text = request.headers.get("x-prometheus-scrape-timeout-seconds");
  const seconds = Number(text);
  if (text === null || !(seconds > 0) || !Number.isFinite(seconds)) return undefined;
  return Math.max(seconds - TIMEOUT_OFFSET_SECONDS, seconds / 2, MIN_SECONDS) * 1_000;
}

/** Creates the function that answers with an exposition. */
export function createMetricsRoute(
  options: MetricsRouteOptions,
): (request: Request, read: Read) => Promise<Response> {
  const { slots, metrics } = options;
  return async (request, read) => {
    const slot = slots.enter();
    if (slot === undefined) {
      metrics.refused++;
      return errorResponse(busy());
    }
    const { signal } = request;
    const exposition = read({ signal, timeoutMs: clientTimeoutMs(request) });
    const close = (): void => {
      slot.leave();
      exposition[Symbol.dispose]();
    };
    try {
      const { bytes, isWhole, isShared } = await exposition.begin();
      if (isShared) metrics.shared++;
      const isHead = request.method === "HEAD";
      if (isHead || (isWhole && bytes.length <= MAX_PIECE_BYTES)) {
        close();
        metrics.replyBytes += bytes.length;
        return new Response(isHead ? null : bytes, headersFor(isWhole ? bytes.length : undefined));
      }
      const body = new PacedBody({ ...options, slot, close, exposition, bytes });
      return new Response(body.stream, headersFor(isWhole ? bytes.length : undefined));
    } catch (error) {
      close();
      return errorResponse(toMetricsError(error));
    }
  };
}

function headersFor(length: number | undefined): ResponseInit {
  const headers = { "content-type": EXPOSITION_TYPE };
  return {
    headers: length === undefined ? headers : { ...headers, "content-length": String(length) },
  };
}

function busy(): MetricsError {
  return new MetricsError("BUSY", "Cannot scrape now: too many requests are being answered", {
    hint: "Try again in a moment, and see whether readers hang.",
  });
}

function toMetricsError(error: unknown): MetricsError {
  if (error instanceof MetricsError) return error;
  return new MetricsError("UPSTREAM_FAILED", "Cannot scrape: an unexpected error", {
    cause: error,
  });
}

/** What a {@linkcode PacedBody} needs. */
interface PacedBodyOptions extends MetricsRouteOptions {
  readonly slot: Slot;
  readonly close: () => void;
  readonly exposition: Exposition;
  readonly bytes: Bytes;
}

/** A response body that holds its slot until the client has all of it, is dropped, or is late. */
class PacedBody {
  readonly stream: ReadableStream<Bytes>;
  readonly #options: PacedBodyOptions;
  readonly #timer: ReturnType<typeof setTimeout>;
  #bytes: Bytes | undefined;

  constructor(options: PacedBodyOptions) {
    this.#options = options;
    this.#bytes = options.bytes;
    const { slot, timeoutMs, now } = options;
    this.#timer = setTimeout(() => slot.evict?.(), timeoutMs);
    this.stream = new ReadableStream<Bytes>({
      start: (controller): void => {
        slot.evict = (): void => {
          this.#close();
          controller.error(new MetricsError("READER_SLOW", "The client reads too slowly"));
        };
      },
      pull: async (controller): Promise<void> => {
        slot.stalledSince = undefined;
        try {
          const piece = await this.#next();
          if (piece === undefined) {
            this.#close();
            controller.close();
          } else {
            options.metrics.replyBytes += piece.length;
            controller.enqueue(piece);
          }
        } catch (error) {
          this.#close();
          controller.error(toMetricsError(error));
        }
        slot.stalledSince = now();
      },
      cancel: (): void => this.#close(),
    }, { highWaterMark: 0 });
  }

  /** The next piece; long ones are split so that the runtime's buffers stay small. */
  async #next(): Promise<Bytes | undefined> {
    if (this.#bytes === undefined || this.#bytes.length === 0) {
      this.#bytes = await this.#options.exposition.next();
    }
    const piece = this.#bytes?.subarray(0, PIECE_BYTES);
    this.#bytes = this.#bytes?.subarray(PIECE_BYTES);
    return piece;
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#options.close();
  }
}
