/** Writes log lines without waiting for whoever reads them. */

/**
 * Bytes that may wait to be read: some thousand lines. A pipe that nobody reads holds 64 KiB on
 * Linux; what does not fit into both is dropped.
 */
const MAX_WAITING_BYTES = 1_048_576;

const ENCODER = new TextEncoder();

/**
 * A queue in front of standard error. A write to a pipe that nobody reads blocks, and a blocked
 * process answers no request, so lines are written in the background and dropped when too many wait.
 */
export class LogWriter {
  readonly #sink: (bytes: Uint8Array) => Promise<number>;
  readonly #onResume: (dropped: number) => void;
  readonly #maxBytes: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #draining: Promise<void> | undefined;
  #isClosed = false;
  #dropped = 0;
  #reported = 0;

  /** Opens the queue. */
  constructor(
    sink: (bytes: Uint8Array) => Promise<number>,
    onResume: (dropped: number) => void,
    maxBytes: number = MAX_WAITING_BYTES,
  ) {
    this.#sink = sink;
    this.#onResume = onResume;
    this.#maxBytes = maxBytes;
  }

  /** Lines dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Queues a line, or drops it when the queue is full. */
  write(line: string): void {
    const bytes = ENCODER.encode(line);
    if (this.#isClosed || this.#waitingBytes + bytes.length > this.#maxBytes) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#draining ??= this.#drain();
  }

  /** Waits until all lines are written. */
  async flush(timeoutMs: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, timeoutMs);
    await Promise.race([this.#draining, late.promise]);
    clearTimeout(timer);
  }

  async #drain(): Promise<void> {
    for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) {
      if (this.#isClosed) this.#dropped++;
      else await this.#writeAll(line);
      this.#waitingBytes -= line.length;
    }
    this.#draining = undefined;
  }

  async #writeAll(line: Uint8Array): Promise<void> {
    try {
      for (let rest = line; rest.length > 0;) rest = rest.subarray(await this.#sink(rest));
      this.#reportDropped();
    } catch (error) {
      // Nothing opens a pipe again that its reader closed. Other failures may pass, such as that of a
      // pipe that another process set to non-blocking.
      this.#isClosed = error instanceof Deno.errors.BrokenPipe;
      this.#dropped++;
    }
  }

  #reportDropped(): void {
    const lines = this.#dropped - this.#reported;
    if (lines === 0) return;
    this.#reported = this.#dropped;
    this.#onResume(lines);
  }
}
