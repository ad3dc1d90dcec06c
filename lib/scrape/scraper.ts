/** Scrapes one server. Readers that come before it begins to answer share a scrape. */

import { setImmediate, setTimeout as delay } from "node:timers/promises";
import type { MetricsError } from "../errors.ts";
import { detectFormat } from "../exposition/format.ts";
import type { DroppedLines } from "../exposition/dropped.ts";
import { Sanitizer, type SanitizerMemo } from "../exposition/sanitizer.ts";
import type { Logger } from "../log.ts";
import { abortError, timeoutError } from "../net/body.ts";
import { type ExpositionReader, type ReadOptions, SharedExposition } from "./shared_exposition.ts";
import { scrapeError, type Upstream } from "./upstream.ts";

/** Time after which a body whose bytes keep arriving lets other work run, in milliseconds. */
const TURN_MS = 20;
/** How far starts may run ahead of an even pace, in milliseconds. */
const BURST_MS = 1_000;

/** One scrape that ended, successfully or not. */
export type ScrapeRecord = {
  /** The error code; undefined when the scrape succeeded. */
  readonly code: string | undefined;
  /** From the request to the last byte, in seconds. */
  readonly durationSeconds: number;
  readonly upstreamBytes: number;
  readonly samples: number;
  /** The lines that were left out; undefined when none were read. */
  readonly dropped: DroppedLines | undefined;
};

/** Records one scrape. Exactly one of `end`, `fail` and `abandon` is called. */
export type ScrapeRecorder = {
  /** Takes the next sanitized lines. */
  push(text: string): void;
  end(): void;
  fail(error: MetricsError): void;
  abandon(): void;
};

/** What a {@linkcode Scraper} needs. */
export type ScraperOptions = {
  readonly upstream: Upstream;
  readonly state: TargetState;
  readonly record: (record: ScrapeRecord) => void;
  /** Starts to record a scrape; undefined when this one is not wanted. */
  readonly recorder: (timeMs: number) => ScrapeRecorder | undefined;
  readonly memo: SanitizerMemo;
  /** Scrapes that may start in a second. */
  readonly maxPerSecond: number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
};

/** Scrapes one server for any number of readers. */
export class Scraper {
  readonly #options: ScraperOptions;
  #current: SharedExposition | undefined;
  #paceMs = -Infinity;

  /** Starts without a scrape. */
  constructor(options: ScraperOptions) {
    this.#options = options;
  }

  /**
   * Reads the server's metrics: those of the scrape under way if the server has not begun to
   * answer, otherwise those of a new one.
   */
  read(options: ReadOptions): ExpositionReader {
    if (this.#current?.isOpen !== true) {
      this.#current = new Scrape(this.#options, this.#reserveStart()).shared;
    }
    return this.#current.read(options);
  }

  /** Milliseconds until a scrape may start: one second's worth at once, the others evenly spaced. */
  #reserveStart(): number {
    const now = this.#options.now();
    // Bounded above as well, so that a clock set back holds nothing up.
    const paceMs = Math.min(Math.max(this.#paceMs, now), now + BURST_MS);
    this.#paceMs = paceMs + 1_000 / this.#options.maxPerSecond;
    return Math.max(this.#paceMs - BURST_MS - now, 0);
  }
}

/** One request to the server. */
class Scrape {
  readonly shared: SharedExposition;
  readonly #options: ScraperOptions;
  #startedMs: number;
  #recorder: ScrapeRecorder | undefined;
  #sanitizer: Sanitizer | undefined;
  #receivedBytes = 0;
  #expectedBytes: number | undefined;

  constructor(options: ScraperOptions, waitMs: number) {
    this.#options = options;
    this.#startedMs = options.now();
    this.shared = new SharedExposition((timeoutMs, waiting) => {
      const progress = {
        inBody: !this.shared.isOpen,
        receivedBytes: this.#receivedBytes,
        expectedBytes: this.#expectedBytes,
        waiting,
      };
      return scrapeError(options.upstream.label, timeoutError(timeoutMs, progress));
    });
    void this.#run(waitMs);
  }

  async #run(waitMs: number): Promise<void> {
    const { now, recorder, state, upstream } = this.#options;
    const { signal } = this.shared;
    try {
      if (waitMs > 0) await delay(waitMs, undefined, { signal });
      this.#startedMs = now();
      this.#recorder = recorder(this.#startedMs);
      await this.#pass(signal);
      this.#record(undefined);
      state.succeeded(now());
      this.#recorder?.end();
      this.shared.end();
    } catch (error) {
      const failure = scrapeError(upstream.label, signal.aborted ? abortError() : error);
      // A client that left or reads too slowly says nothing about the server.
      if (failure.code === "READER_GONE" || failure.code === "READER_SLOW") {
        this.#recorder?.abandon();
      } else {
        this.#record(failure.code);
        state.failed(failure, now());
        this.#recorder?.fail(failure);
      }
      this.shared.end(failure);
    }
  }

  /** Passes the body on, until all of it has been pushed. */
  async #pass(signal: AbortSignal): Promise<void> {
    const { upstream, memo } = this.#options;
    const { contentType, contentLength, body } = await upstream.scrape({ signal });
    this.shared.isOpen = false;
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
        this.#receivedBytes += bytes.length;
        this.#sanitizer ??= new Sanitizer({
          format: detectFormat(contentType, bytes),
          memo,
          source: { label: upstream.label, mayQuote: !upstream.sendsSecret },
        });
        const text = this.#sanitizer.push(bytes, end);
        if (this.#sanitizer.recognized || end) {
          this.#recorder?.push(text);
          this.shared.push(text, end);
        }
        if (end) return body.release();
        await this.shared.room();
      }
    } catch (error) {
      // Otherwise a body that is refused would arrive until its time is up.
      void body.cancel(error);
      throw error;
    }
  }

  #record(code: string | undefined): void {
    const { record, now } = this.#options;
    record({
      code,
      durationSeconds: (now() - this.#startedMs) / 1_000,
      upstreamBytes: this.#receivedBytes,
      samples: code === undefined ? this.#sanitizer?.samples ?? 0 : 0,
      dropped: this.#sanitizer?.dropped,
    });
  }
}

/** What is known of a server: logged when it changes, not at every scrape. */
export class TargetState {
  /** `up`, `unknown`, or the code of the last error. */
  current = "unknown";
  /** The same in words for people. */
  sentence = "not scraped yet";
  /** When the last scrape ended, in milliseconds since 1970; undefined before the first. */
  scrapedMs: number | undefined;
  /** When the last one that succeeded ended. */
  succeededMs: number | undefined;
  /** The last one that failed, and when it ended. */
  lastFailure: { readonly error: MetricsError; readonly timeMs: number } | undefined;
  readonly #names: { readonly upstream: string; readonly instance: string | undefined };
  readonly #log: Logger;

  /** Starts as unknown; `instance` distinguishes it from other servers. */
  constructor(upstream: string, instance: string | undefined, log: Logger) {
    this.#names = { upstream, instance };
    this.#log = log;
  }

  /** Records a scrape that succeeded. */
  succeeded(timeMs: number): void {
    this.scrapedMs = timeMs;
    this.succeededMs = timeMs;
    this.sentence = "up";
    if (this.current === "up") return;
    this.current = "up";
    this.#log.info("Upstream is up", this.#names);
  }

  /** Records a scrape that failed. */
  failed(error: MetricsError, timeMs: number): void {
    this.scrapedMs = timeMs;
    this.lastFailure = { error, timeMs };
    this.sentence = `down: ${error.sentence}`;
    if (this.current === error.code) return;
    this.current = error.code;
    const { code, message, hint } = error;
    this.#log.warn("Upstream is down", {
      ...this.#names,
      code,
      error: message,
      hint: hint === "" ? undefined : hint,
    });
  }
}
