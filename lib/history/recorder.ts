/**
 * Records scrapes into the history: those that clients cause, and its own when no client caused one
 * for an interval. The interval is short while somebody needs the history, else long, so that a
 * page that is opened during an incident shows how it began.
 */

import type { MetricsError } from "../errors.ts";
import type { HistoryStore } from "./store.ts";

/** Largest scrape that is recorded, in bytes of ASCII; one engine has 63 KB, a hundred engines 5 MB. */
const MAX_SCRAPE_BYTES = 8 * 1_048_576;
/** The part of an interval after which a scrape is recorded again: clients come a little early. */
const DUE = 0.9;
/** How many intervals to wait for a client that scrapes regularly. */
const PATIENCE = 1.5;

/** What {@linkcode Recorder} works with. */
export type RecorderOptions = {
  readonly store: HistoryStore;
  /** Time between scrapes while somebody needs the history, in milliseconds. */
  readonly intervalMs: number;
  /** Time between scrapes at other times, in milliseconds; 0 for none. */
  readonly idleIntervalMs: number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  /** Largest scrape that is recorded, in bytes. @default {8388608} */
  readonly maxBytes?: number;
};

/** Records one scrape; exactly one of `end`, `fail` and `abandon` is called. */
export type ScrapeRecording = {
  push(text: string): void;
  end(): void;
  fail(error: MetricsError): void;
  /** The client left: nothing is known of the server. */
  abandon(): void;
};

/** Records the scrapes of all servers, and scrapes. Disposing it stops both. */
export class Recorder implements Disposable {
  /** How often it scraped. */
  polls = 0;
  /** Scrapes too large to be recorded. */
  skipped = 0;

  readonly #options: RecorderOptions;
  readonly #servers = new Map<string, ServerRecorder>();
  readonly #stopped = new AbortController();
  #scrape: ((signal: AbortSignal) => Promise<unknown>) | undefined;
  #watchers = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isScraping = false;
  /** Newest scrape of a client or its own at the end of its last one. */
  #polledMs = -Infinity;
  /** When it scraped last. */
  #startedMs = -Infinity;

  /** Starts without servers. */
  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Adds a server. */
  addServer(instance: string): { begin(timeMs: number): ScrapeRecording | undefined } {
    this.#options.store.addServer(instance);
    const server = new ServerRecorder(instance, this.#options, () => this.skipped++);
    this.#servers.set(instance, server);
    return server;
  }

  /** Removes a server. */
  removeServer(instance: string): void {
    this.#servers.get(instance)?.[Symbol.dispose]();
    this.#servers.delete(instance);
    this.#options.store.removeServer(instance);
  }

  /** Starts to scrape. */
  start(scrape: (signal: AbortSignal) => Promise<unknown>): void {
    this.#scrape = scrape;
    this.#schedule();
  }

  /** Somebody needs the history. */
  watch(): Disposable {
    this.#watchers++;
    this.#schedule();
    let isOver = false;
    return {
      [Symbol.dispose]: (): void => {
        if (isOver) return;
        isOver = true;
        this.#watchers--;
        this.#schedule();
      },
    };
  }

  /** Aborts a scrape of its own, and starts no more. */
  [Symbol.dispose](): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  /** Time between scrapes at present, in milliseconds; 0 for none. */
  get #intervalMs(): number {
    const { intervalMs, idleIntervalMs } = this.#options;
    if (this.#watchers > 0) return intervalMs;
    return idleIntervalMs === 0 ? 0 : Math.max(idleIntervalMs, intervalMs);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#scrape === undefined || this.#isScraping || this.#stopped.signal.aborted) return;
    if (this.#intervalMs > 0) {
      this.#timer = setTimeout(() => void this.#poll(), Math.max(0, this.#waitMs()));
    }
  }

  /** Time until it must scrape, in milliseconds. */
  #waitMs(): number {
    const [nowMs, intervalMs] = [this.#options.now(), this.#intervalMs];
    // A time in the future is from before the clock was set back: it says nothing.
    const after = (timeMs: number, waitMs: number): number =>
      timeMs > nowMs ? 0 : timeMs + waitMs - nowMs;
    const lastMs = Math.min(...Array.from(this.#servers.values(), (server) => server.lastMs));
    const patienceMs = lastMs > this.#polledMs ? intervalMs * PATIENCE : intervalMs;
    // A scrape that found no slot has left no trace in the history.
    return Math.max(after(lastMs, patienceMs), after(this.#startedMs, intervalMs));
  }

  async #poll(): Promise<void> {
    if (this.#waitMs() <= 0) {
      this.#isScraping = true;
      this.polls++;
      this.#startedMs = this.#options.now();
      // A scrape that fails was recorded where it failed.
      await this.#scrape?.(this.#stopped.signal).catch(() => {});
      this.#polledMs = Math.max(...Array.from(this.#servers.values(), (server) => server.lastMs));
      this.#isScraping = false;
    }
    this.#schedule();
  }
}

/** Records the scrapes of one server, at most one per interval. */
class ServerRecorder implements Disposable {
  /** When the last recorded scrape began. */
  lastMs: number;
  readonly #instance: string;
  readonly #options: RecorderOptions;
  readonly #onSkip: () => void;
  readonly #unread = new Set<ReturnType<typeof setTimeout>>();
  #isRemoved = false;

  constructor(instance: string, options: RecorderOptions, onSkip: () => void) {
    this.#instance = instance;
    this.#options = options;
    this.#onSkip = onSkip;
    this.lastMs = options.store.newestOf(instance);
  }

  begin(timeMs: number): ScrapeRecording | undefined {
    const { store, intervalMs, maxBytes = MAX_SCRAPE_BYTES } = this.#options;
    const instance = this.#instance;
    // Scrapes begin one after another: an earlier time means that the clock was set back.
    if (timeMs < this.lastMs) store.cutOff(instance, timeMs);
    if (Math.abs(timeMs - this.lastMs) < intervalMs * DUE) return undefined;
    const beforeMs = this.lastMs;
    this.lastMs = timeMs;
    let body: string | undefined = "";
    return {
      push: (text): void => {
        if (body !== undefined) {
          body = body.length + text.length > maxBytes ? undefined : body + text;
        }
      },
      end: (): void => {
        const whole = body;
        if (whole === undefined) {
          this.#onSkip();
          return;
        }
        if (this.#isRemoved) return;
        // The response is on its way before the scrape is read.
        const timer = setTimeout(() => {
          this.#unread.delete(timer);
          store.add({ instance, timeMs, body: whole });
        });
        this.#unread.add(timer);
      },
      fail: (error): void => {
        if (!this.#isRemoved) store.fail({ instance, timeMs, error: error.sentence });
      },
      abandon: (): void => {
        if (this.lastMs === timeMs) this.lastMs = beforeMs;
      },
    };
  }

  /** Drops scrapes that were not read yet, and records no more. */
  [Symbol.dispose](): void {
    this.#isRemoved = true;
    for (const timer of this.#unread) clearTimeout(timer);
  }
}
