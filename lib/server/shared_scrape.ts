/** A scrape under way that more than one reader waits for. */

import type { MetricsError } from "../errors.ts";

/** What became of a scrape: its whole body, why it failed, or `streamed`: too long or slow to share. */
export type Outcome = Uint8Array<ArrayBuffer> | MetricsError | "streamed";

/**
 * Readers that come before the server has begun to answer get the same answer: vLLM makes it in
 * the process that serves its users, and takes the longest when it has the most to do. Nothing is
 * kept: whoever comes later is answered by a scrape of their own.
 */
export class SharedScrape {
  /** The time limit in milliseconds that the first reader asked for. */
  readonly timeoutMs: number | undefined;

  readonly #controller = new AbortController();
  readonly #waiting: ((outcome: Outcome) => void)[] = [];
  readonly #readers = new Set<AbortSignal>();
  #open = true;

  /**
   * Begins with no reader.
   *
   * @param timeoutMs The time limit in milliseconds; undefined for the configured one.
   */
  constructor(timeoutMs: number | undefined) {
    this.timeoutMs = timeoutMs;
  }

  /** Whether the server has not begun to answer. */
  get open(): boolean {
    return this.#open && !this.#controller.signal.aborted;
  }

  /** Aborts when the last reader has left. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Takes a reader in, until it leaves.
   *
   * @param reader Aborts when the reader leaves.
   */
  enter(reader: AbortSignal): void {
    this.#readers.add(reader);
    if (reader.aborted) this.leave(reader);
    else reader.addEventListener("abort", () => this.leave(reader));
  }

  /**
   * Lets a reader out; when it was the last one, the scrape is broken off.
   *
   * @param reader What it came in with.
   */
  leave(reader: AbortSignal): void {
    if (this.#readers.delete(reader) && this.#readers.size === 0) this.#controller.abort();
  }

  /**
   * Waits for the outcome.
   *
   * @param take Makes of it what is answered, at once: the bytes are used again afterwards.
   * @returns What `take` made.
   */
  wait<T>(take: (outcome: Outcome) => T): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.#waiting.push((outcome) => resolve(take(outcome)));
    return promise;
  }

  /** Takes no more readers: the server has begun to answer. */
  close(): void {
    this.#open = false;
  }

  /**
   * Gives the outcome to all who wait.
   *
   * @param outcome What became of the scrape.
   */
  settle(outcome: Outcome): void {
    this.close();
    for (const take of this.#waiting.splice(0)) take(outcome);
  }
}
