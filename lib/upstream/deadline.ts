/** What ends a scrape before its last byte: its time, its reader, or a failure on the way. */

import { MetricsError } from "../errors.ts";

/** Settings of a {@linkcode Deadline}. */
export interface DeadlineOptions {
  /** Time for the whole scrape, in milliseconds. */
  timeoutMs: number;
  /** Aborts when the reader goes away or the service stops. */
  reader: AbortSignal;
  /** The URL for people. */
  label: string;
  /** Makes the error for the moment the time is up. */
  onTimeout: () => MetricsError;
}

/** Breaks one scrape off, once, and says why. It holds a timer until {@linkcode Deadline.end}. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #reader: AbortSignal;
  readonly #leave: () => void;
  readonly #timer: ReturnType<typeof setTimeout>;
  #failure: MetricsError | undefined;
  #tell: (() => void) | undefined;

  /**
   * Starts the clock.
   *
   * @param options The time, the reader, and the error for each.
   */
  constructor(options: DeadlineOptions) {
    this.#reader = options.reader;
    this.#leave = () => this.break(readerGone(options.label, options.reader.reason));
    this.#timer = setTimeout(() => this.break(options.onTimeout()), options.timeoutMs);
    this.#reader.addEventListener("abort", this.#leave);
    if (this.#reader.aborted) this.#leave();
  }

  /** Aborts when the scrape breaks off. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the scrape broke off; undefined as long as it did not. */
  get failure(): MetricsError | undefined {
    return this.#failure;
  }

  /**
   * Names the one function that is told when the scrape breaks off. On this
   * path a listener of the signal would cost some microseconds a scrape.
   *
   * @param tell Is called once, at once if it has broken off already.
   */
  onBreak(tell: () => void): void {
    this.#tell = tell;
    if (this.#failure !== undefined) tell();
  }

  /** Lets go of the timer and the reader: the scrape is over. */
  end(): void {
    clearTimeout(this.#timer);
    this.#reader.removeEventListener("abort", this.#leave);
  }

  /**
   * Breaks the scrape off; only the first call counts.
   *
   * @param failure Why.
   */
  break(failure: MetricsError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.end();
    this.#tell?.();
    this.#controller.abort(failure);
  }
}

/**
 * Makes the error for a reader that went away.
 *
 * @param label The URL for people.
 * @param reason The reason of the reader's signal; an error of ours is passed on as it is.
 * @returns The error.
 */
export function readerGone(label: string, reason?: unknown): MetricsError {
  if (reason instanceof MetricsError) return reason;
  return new MetricsError("READER_GONE", `Cannot finish the scrape of "${label}": the reader left`);
}
