/** What ends a request before its last byte: its time, its caller, or a failure. */

import { NetError } from "./net_error.ts";

/** How far a request has come. */
export interface Progress {
  /** Whether the headers have come. */
  inBody: boolean;
  /** Bytes of the body that have come, after decompression. */
  receivedBytes: number;
  /** Bytes of the body that should come; undefined when unknown. */
  expectedBytes: number | undefined;
  /** True while the caller waits for the server, false while the server waits for the caller. */
  waiting: boolean;
}

/** Settings of a {@linkcode Deadline}. */
export interface DeadlineOptions {
  /** Time for the whole request, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts when the caller gives up. */
  readonly signal: AbortSignal | undefined;
  /** Kept up to date by whoever reads. */
  readonly progress: Progress;
}

/** Breaks a request off, once, and knows why. It holds a timer until {@linkcode Deadline.end}. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #leave: () => void;
  readonly #timer: ReturnType<typeof setTimeout>;
  #failure: Error | undefined;
  #onBreak: (() => void) | undefined;

  /** Starts the clock. */
  constructor({ timeoutMs, signal, progress }: DeadlineOptions) {
    this.#caller = signal;
    this.#leave = () => this.break(abortError(signal?.reason));
    this.#timer = setTimeout(() => this.break(timeoutError(timeoutMs, progress)), timeoutMs);
    signal?.addEventListener("abort", this.#leave);
    if (signal?.aborted) this.#leave();
  }

  /** Aborts when the request breaks off. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the request broke off; undefined as long as it did not. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Sets the one function that is called when the request breaks off. Here, a listener of the
   * signal would cost some microseconds per request.
   */
  onBreak(onBreak: () => void): void {
    this.#onBreak = onBreak;
    if (this.#failure !== undefined) onBreak();
  }

  /** Releases timer and signal: the request is over. */
  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#leave);
  }

  /** Breaks the request off; only the first call counts. */
  break(failure: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.end();
    this.#onBreak?.();
    this.#controller.abort(failure);
  }
}

/** The error for a caller that gave up. */
export function abortError(reason?: unknown): Error {
  // Without a reason of its own, a signal has a DOMException.
  if (reason instanceof Error && !(reason instanceof DOMException)) return reason;
  return new NetError("aborted", "the reader left");
}

/** The error for a request whose time is up. */
export function timeoutError(timeoutMs: number, progress: Progress): NetError {
  const milliseconds = Math.round(timeoutMs);
  const time = milliseconds < 1000 ? `${milliseconds}ms` : `${milliseconds / 1000}s`;
  if (progress.inBody && !progress.waiting) {
    return new NetError("slow", `the reader took only ${amount(progress)} in ${time}`);
  }
  const state = progress.inBody
    ? `only ${amount(progress)} of the body within ${time}`
    : `no answer within ${time}`;
  return new NetError("timeout", state, {
    hint: "Is vLLM overloaded? SCRAPE_TIMEOUT and the reader's own timeout set the limit.",
  });
}

/** The error for a body that is truncated. */
export function truncatedError(progress: Progress): NetError {
  return new NetError(
    "closed",
    `the server closed the connection in the middle of the body, after ${amount(progress)}`,
    { hint: "Did vLLM stop, or a gateway in front of it give up?" },
  );
}

function amount({ receivedBytes, expectedBytes }: Progress): string {
  return expectedBytes === undefined
    ? `${receivedBytes} bytes`
    : `${receivedBytes} of ${expectedBytes} bytes`;
}
