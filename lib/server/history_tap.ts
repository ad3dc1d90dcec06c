/** Copies scrapes that pass by into the history, at most one an interval. */

import type { MetricsError } from "../errors.ts";
import type { HistoryStore } from "../history/store.ts";

/** Bytes of one scrape that are copied; an engine's are 63 KB, a hundred engines' 5 MB. */
const MAX_TAKEN_BYTES = 32 * 1_048_576;
/**
 * The part of an interval after which a scrape is wanted again: a reader that comes once an
 * interval is sometimes a little early.
 */
const DUE = 0.9;

/** What a {@linkcode HistoryTap} works with. */
export interface HistoryTapOptions {
  /** Where scrapes go. */
  readonly store: HistoryStore;
  /** The server's name. */
  readonly instance: string;
  /** Time from one scrape that is wanted to the next, in milliseconds. */
  readonly intervalMs: number;
  /** Longest scrape that is copied, in bytes. @default {33554432} */
  readonly maxBytes?: number;
}

/** One scrape while it passes. Each is ended once: well, with a failure, or without a word. */
export interface Taking {
  /** Copies the next bytes. */
  push(bytes: Uint8Array): void;
  /** The scrape is whole. */
  end(): void;
  /** The scrape failed. */
  fail(error: MetricsError): void;
  /** The reader has gone: nothing is known of the server. */
  abandon(): void;
}

/** The history's part in the scrapes of one server. */
export class HistoryTap implements Disposable {
  /** Scrapes that were too long to be copied. */
  skipped = 0;
  /** When the last scrape began that was taken or is being taken, in milliseconds since 1970. */
  lastMs: number = -Infinity;

  readonly #options: HistoryTapOptions;
  #isOver = false;
  readonly #later = new Set<ReturnType<typeof setTimeout>>();

  /**
   * Begins with nothing taken.
   *
   * @param options History, name, interval and bound.
   */
  constructor(options: HistoryTapOptions) {
    this.#options = options;
  }

  /**
   * Tells of a scrape that begins.
   *
   * @param timeMs The time in milliseconds since 1970.
   * @returns Takes the scrape; undefined when none is wanted yet.
   */
  begin(timeMs: number): Taking | undefined {
    const { store, instance, intervalMs, maxBytes = MAX_TAKEN_BYTES } = this.#options;
    // Scrapes begin one after the other: an earlier time is that of a clock that was set back.
    if (timeMs < this.lastMs) store.cutOff(instance, timeMs);
    if (Math.abs(timeMs - this.lastMs) < intervalMs * DUE) return undefined;
    const beforeMs = this.lastMs;
    this.lastMs = timeMs;
    let pieces: Uint8Array[] | undefined = [];
    let length = 0;
    return {
      push: (bytes): void => {
        length += bytes.length;
        if (length > maxBytes) pieces = undefined;
        pieces?.push(bytes.slice());
      },
      end: (): void => {
        const taken = pieces;
        if (taken === undefined) this.skipped++;
        else this.#doLater(() => store.add({ instance, timeMs, body: joined(taken, length) }));
      },
      fail: (error): void => {
        if (!this.#isOver) store.fail({ instance, timeMs, error: error.sentence });
      },
      abandon: (): void => {
        if (this.lastMs === timeMs) this.lastMs = beforeMs;
      },
    };
  }

  /** Lets go of scrapes that have not been read yet, and takes no more. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const timer of this.#later) clearTimeout(timer);
    this.#later.clear();
  }

  /** Reads a scrape when the reply is on its way. */
  #doLater(read: () => void): void {
    if (this.#isOver) return;
    const timer = setTimeout(() => {
      this.#later.delete(timer);
      read();
    });
    this.#later.add(timer);
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const [first = new Uint8Array(0)] = pieces;
  if (pieces.length < 2) return first;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
