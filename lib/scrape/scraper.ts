/** Scrapes one server. Readers that come before it begins to answer share a scrape. */

import { setImmediate, setTimeout as delay } from "node:timers/promises";
import type { MetricsError } from "../errors.ts";
import { detectFormat } from "../exposition/format.ts";
import type { DroppedLines } from "../exposition/dropped.ts";
import { Sanitizer, type SanitizerMemo } from "../exposition/sanitizer.ts";
import { abortError, timeoutError } from "../net/deadline.ts";
import type { Bytes } from "../net/body.ts";
import { Broadcast, type Subscription } from "./broadcast.ts";
import { scrapeError } from "./scrape_errors.ts";
import type { TargetState } from "./target_state.ts";
import type { Upstream } from "./upstream.ts";

/** Time after which a body whose bytes keep arriving lets other work run, in milliseconds. */
const TURN_MS = 20;
/** How far starts may run ahead of an even pace, in milliseconds. */
const BURST_MS = 1_000;
/** Longest body that is answered in one piece when all of it has arrived, in bytes. */
const MAX_PIECE_BYTES = 1_048_576;

/** One scrape that ended, successfully or not. */
export interface ScrapeRecord {
  /** The error code; undefined when the scrape succeeded. */
  readonly code: string | undefined;
  /** From the request to the last byte, in seconds. */
  readonly durationSeconds: number;
  /** Bytes that came from the server. */
  readonly upstreamBytes: number;
  /** Samples that were passed on. */
  readonly samples: number;
  /** The lines that were left out; undefined when none were read. */
  readonly dropped: DroppedLines | undefined;
}

/** Records one scrape. Exactly one of `end`, `fail` and `abandon` is called. */
export interface ScrapeRecorder {
  /** Copies the next sanitized bytes. */
  push(bytes: Uint8Array): void;
  /** The scrape is complete. */
  end(): void;
  /** The scrape failed. */
  fail(error: MetricsError): void;
  /** The client left: nothing is known of the server. */
  abandon(): void;
}

/** What a {@linkcode Scraper} needs. */
export interface ScraperOptions {
  /** The server. */
  readonly upstream: Upstream;
  /** What is known of it. */
  readonly state: TargetState;
  /** Counts a scrape that ended. */
  readonly record: (record: ScrapeRecord) => void;
  /** Starts to record a scrape; undefined when this one is not wanted. */
  readonly recorder: (timeMs: number) => ScrapeRecorder | undefined;
  /** What servers of the same version have exposed last. */
  readonly memo: SanitizerMemo;
  /** Scrapes that may start in a second. */
  readonly maxPerSecond: number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** The first bytes of an exposition. */
export interface Beginning {
  /** The bytes. */
  readonly bytes: Bytes;
  /** Whether they are all. */
  readonly isWhole: boolean;
  /** Whether another client caused the scrape. */
  readonly isShared: boolean;
}

/** An exposition on its way to one client. Dispose it to stop reading; again does nothing. */
export interface ExpositionReader extends Disposable {
  /**
   * Waits for the first bytes.
   *
   * @throws {MetricsError} When the scrape fails before, or the client's time is up.
   */
  begin(): Promise<Beginning>;
  /**
   * Waits for the next bytes.
   *
   * @throws {MetricsError} When the scrape fails: what was read is not complete.
   */
  next(): Promise<Bytes | undefined>;
}

/** Who reads, and for how long. */
export interface ReadOptions {
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** Longest wait for the last byte, in milliseconds; the scrape's own limit if undefined. */
  readonly timeoutMs?: number | undefined;
}

/** Scrapes one server for any number of readers. */
export class Scraper {
  readonly #options: ScraperOptions;
  readonly #limit: RateLimit;
  #current: Scrape | undefined;

  /** Starts without a scrape. */
  constructor(options: ScraperOptions) {
    this.#options = options;
    this.#limit = new RateLimit(options.maxPerSecond, options.now);
  }

  /**
   * Reads the server's metrics: those of the scrape under way if the server has not begun to
   * answer, otherwise those of a new one. A client whose own time is up says nothing about the
   * server, so the scrape continues without it; it stops when the last client disconnects.
   */
  read({ signal, timeoutMs }: ReadOptions): ExpositionReader {
    if (this.#current?.isOpen !== true) {
      this.#current = new Scrape(this.#options, this.#limit.reserve());
    }
    return this.#current.read(signal, timeoutMs);
  }
}

/** One request to the server. */
class Scrape {
  /** Whether the server has not begun to answer. */
  isOpen = true;
  readonly #options: ScraperOptions;
  readonly #broadcast = new Broadcast();
  readonly #stop = new AbortController();
  #isOver = false;
  #readers = 0;
  #startedMs: number;
  #recorder: ScrapeRecorder | undefined;
  #sanitizer: Sanitizer | undefined;
  #upstreamBytes = 0;
  #expectedBytes: number | undefined;

  constructor(options: ScraperOptions, waitMs: number) {
    this.#options = options;
    this.#startedMs = options.now();
    void this.#run(waitMs);
  }

  read(signal: AbortSignal, timeoutMs: number | undefined): ExpositionReader {
    const subscription = this.#broadcast.subscribe();
    const { label } = this.#options.upstream;
    const isShared = this.#readers++ > 0;
    let isOver = false;
    const leave = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", disconnect);
      this.#broadcast.unsubscribe(subscription);
    };
    const disconnect = (): void => {
      if (isOver) return;
      leave();
      if (this.#isOver) return;
      subscription.end(scrapeError(label, abortError()));
      if (this.#broadcast.readers > 0) return;
      this.isOpen = false;
      this.#stop.abort();
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
      leave();
      const late = timeoutError(timeoutMs, {
        inBody: !this.isOpen,
        receivedBytes: this.#upstreamBytes,
        expectedBytes: this.#expectedBytes,
        waiting: !subscription.isReady,
      });
      subscription.end(scrapeError(label, late));
    }, timeoutMs);
    signal.addEventListener("abort", disconnect);
    if (signal.aborted) disconnect();
    return {
      begin: async (): Promise<Beginning> => ({ ...await firstBytes(subscription), isShared }),
      next: async (): Promise<Bytes | undefined> => {
        let bytes = await subscription.take();
        while (bytes?.length === 0) bytes = await subscription.take();
        return bytes;
      },
      [Symbol.dispose]: disconnect,
    };
  }

  async #run(waitMs: number): Promise<void> {
    try {
      const { signal } = this.#stop;
      if (waitMs > 0) await delay(waitMs, undefined, { signal });
      this.#startedMs = this.#options.now();
      this.#recorder = this.#options.recorder(this.#startedMs);
      await this.#pass(signal);
      this.#isOver = true;
      this.#succeed();
      this.#broadcast.end();
    } catch (error) {
      this.isOpen = false;
      this.#isOver = true;
      const failure = this.#failure(error);
      this.#fail(failure);
      this.#broadcast.end(failure);
    }
  }

  /** Passes the body on, until all of it has been pushed. */
  async #pass(signal: AbortSignal): Promise<void> {
    const { upstream, memo } = this.#options;
    const { contentType, contentLength, body } = await upstream.scrape({ signal });
    this.isOpen = false;
    this.#expectedBytes = contentLength;
    let turnMs = performance.now();
    try {
      for (;;) {
        const { bytes, end } = await body.read();
        // Bytes that have arrived already are read without a turn of the event loop.
        if (performance.now() - turnMs > TURN_MS) {
          await setImmediate();
          turnMs = performance.now();
        }
        this.#upstreamBytes += bytes.length;
        this.#sanitizer ??= new Sanitizer({
          format: detectFormat(contentType, bytes),
          memo,
          source: { label: upstream.label, mayQuote: !upstream.sendsSecret },
        });
        const sanitized = this.#sanitizer.push(bytes, end);
        if (this.#sanitizer.recognized || end) this.#push(sanitized);
        if (end) return;
        await this.#broadcast.room(signal);
      }
    } catch (error) {
      // Otherwise a body that is refused would arrive until its time is up.
      void body.cancel(error);
      throw error;
    }
  }

  #push(bytes: Bytes): void {
    this.#recorder?.push(bytes);
    this.#broadcast.push(bytes);
  }

  #failure(error: unknown): MetricsError {
    const { label } = this.#options.upstream;
    return scrapeError(label, this.#stop.signal.aborted ? abortError() : error);
  }

  #succeed(): void {
    this.#recordEnd(undefined);
    this.#options.state.succeeded(this.#options.now());
    this.#recorder?.end();
  }

  #fail(failure: MetricsError): void {
    // A client that left or reads too slowly says nothing about the server.
    if (failure.code === "READER_GONE" || failure.code === "READER_SLOW") {
      this.#recorder?.abandon();
      return;
    }
    this.#recordEnd(failure.code);
    this.#options.state.failed(failure, this.#options.now());
    this.#recorder?.fail(failure);
  }

  #recordEnd(code: string | undefined): void {
    const { record, now } = this.#options;
    record({
      code,
      durationSeconds: (now() - this.#startedMs) / 1_000,
      upstreamBytes: this.#upstreamBytes,
      samples: code === undefined ? this.#sanitizer?.samples ?? 0 : 0,
      dropped: this.#sanitizer?.dropped,
    });
  }
}

/** Waits for the first chunk, and takes those that have arrived with it. */
async function firstBytes(
  subscription: Subscription,
): Promise<{ readonly bytes: Bytes; readonly isWhole: boolean }> {
  const chunks = [await subscription.take() ?? new Uint8Array(0)];
  let length = 0;
  while (!subscription.isDone && length <= MAX_PIECE_BYTES) {
    // What has arrived already is delivered within a few turns of the event loop.
    for (let turn = 0; turn < 4 && !subscription.isReady; turn++) await setImmediate();
    if (!subscription.isReady) break;
    const chunk = await subscription.take() ?? new Uint8Array(0);
    chunks.push(chunk);
    length += chunk.length;
  }
  return { bytes: joined(chunks), isWhole: subscription.isDone };
}

function joined(chunks: readonly Bytes[]): Bytes {
  const [first = new Uint8Array(0)] = chunks;
  if (chunks.length < 2) return first;
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Lets a burst of one second's worth start at once, then spaces the others evenly. */
class RateLimit {
  readonly #spacingMs: number;
  readonly #now: () => number;
  #paceMs = -Infinity;

  /** Starts with a full burst. */
  constructor(perSecond: number, now: () => number) {
    this.#spacingMs = 1_000 / perSecond;
    this.#now = now;
  }

  /** Reserves the next start. */
  reserve(): number {
    const now = this.#now();
    // Bounded above as well, so that a clock set back holds nothing up.
    const paceMs = Math.min(Math.max(this.#paceMs, now), now + BURST_MS) + this.#spacingMs;
    this.#paceMs = paceMs;
    return Math.max(paceMs - BURST_MS - now, 0);
  }
}
