/** `GET /metrics`: a live scrape, streamed. */

import { MetricsError } from "../errors.ts";
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
/** Characters of one piece of a longer one. */
const PIECE_LENGTH = 65_536;

const ENCODER = new TextEncoder();

/** An exposition on its way to one client. */
export type Exposition = Disposable & {
  /** Waits for the first text and its length in UTF-8; says whether it is all, and shared. */
  begin(): Promise<{
    readonly text: string;
    readonly bytes: number;
    readonly isWhole: boolean;
    readonly isShared: boolean;
  }>;
  /** Waits for the next text; undefined at the end. */
  next(): Promise<string | undefined>;
};

/** What {@linkcode createMetricsRoute} needs. */
export type MetricsRouteOptions = {
  readonly slots: Slots;
  readonly metrics: { refused: number; shared: number; replyBytes: number };
  /** Longest time for a client to read a response, in milliseconds. */
  readonly timeoutMs: number;
  /** The time in milliseconds. */
  readonly now: () => number;
};

/** Gives an exposition to a client with the given signal and time. */
export type Read = (
  options: { readonly signal: AbortSignal; readonly timeoutMs: number | undefined },
) => Exposition;

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
    const exposition = read({ signal: request.signal, timeoutMs: clientTimeoutMs(request) });
    const close = (): void => {
      slot.leave();
      exposition[Symbol.dispose]();
    };
    try {
      const { text, bytes, isWhole, isShared } = await exposition.begin();
      if (isShared) metrics.shared++;
      const isHead = request.method === "HEAD";
      const isSmall = isWhole && bytes <= MAX_PIECE_BYTES;
      if (!isHead && !isSmall) {
        const body = pacedBody({ ...options, slot, close, exposition, text });
        return new Response(body, headersFor(isWhole ? bytes : undefined));
      }
      close();
      metrics.replyBytes += bytes;
      // A string is sent without a copy of it in JavaScript; the runtime adds its length.
      if (!isHead) return new Response(text, headersFor(undefined));
      return new Response(null, headersFor(isWhole ? bytes : undefined));
    } catch (error) {
      close();
      return errorResponse(toMetricsError(error));
    }
  };
}

/**
 * The client's own time limit in milliseconds: `X-Prometheus-Scrape-Timeout-Seconds` less half a
 * second, but at least half of it and at least 100 ms. Undefined if the header makes no sense.
 */
function clientTimeoutMs({ headers }: Request): number | undefined {
  const seconds = Number(headers.get("x-prometheus-scrape-timeout-seconds") ?? NaN);
  if (!(seconds > 0) || !Number.isFinite(seconds)) return undefined;
  return Math.max(seconds - TIMEOUT_OFFSET_SECONDS, seconds / 2, MIN_SECONDS) * 1_000;
}

function headersFor(bytes: number | undefined): ResponseInit {
  const headers: Record<string, string> = { "content-type": EXPOSITION_TYPE };
  if (bytes !== undefined) headers["content-length"] = String(bytes);
  return { headers };
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

/** What a {@linkcode pacedBody} needs. */
interface PacedBodyOptions extends MetricsRouteOptions {
  readonly slot: Slot;
  readonly close: () => void;
  readonly exposition: Exposition;
  /** The first text. */
  readonly text: string;
}

/** A response body that holds its slot until the client has all of it, is dropped, or is late. */
function pacedBody(options: PacedBodyOptions): ReadableStream<Uint8Array> {
  const { slot, exposition, metrics, timeoutMs, now } = options;
  let rest: string | undefined = options.text;
  const timer = setTimeout(() => slot.evict?.(), timeoutMs);
  const close = (): void => {
    clearTimeout(timer);
    options.close();
  };
  return new ReadableStream<Uint8Array>({
    start(controller): void {
      slot.evict = (): void => {
        close();
        controller.error(new MetricsError("READER_SLOW", "The client reads too slowly"));
      };
    },
    async pull(controller): Promise<void> {
      slot.stalledSince = undefined;
      try {
        if (rest === undefined || rest === "") rest = await exposition.next();
        if (rest === undefined) {
          close();
          controller.close();
        } else {
          const piece = ENCODER.encode(rest.slice(0, endOfPiece(rest)));
          rest = rest.slice(endOfPiece(rest));
          metrics.replyBytes += piece.length;
          controller.enqueue(piece);
        }
      } catch (error) {
        close();
        controller.error(toMetricsError(error));
      }
      slot.stalledSince = now();
    },
    cancel: close,
  }, { highWaterMark: 0 });
}

/** Where a piece that keeps the runtime's buffers small ends, not within a pair of surrogates. */
function endOfPiece(text: string): number {
  const last = text.charCodeAt(PIECE_LENGTH - 1);
  return last >= 0xd800 && last < 0xdc00 ? PIECE_LENGTH + 1 : PIECE_LENGTH;
}
