/** One stream of chunks for several readers, each at its own pace within bounds. */

import { MetricsError } from "../errors.ts";
import type { Bytes } from "../net/body.ts";

/**
 * How far a reader may fall behind before the source waits for it, in bytes. Together with the
 * buffers of its connection that is more than the metrics of an engine.
 */
const MAX_LAG_BYTES = 1_048_576;
/** How long one reader may hold up the others, in milliseconds. */
const MAX_HOLD_UP_MS = 1_000;

/** What one reader has not taken yet. */
export class Subscription {
  readonly #chunks: Bytes[] = [];
  readonly #onTaken: () => void;
  #lagBytes = 0;
  #end: { readonly failure: MetricsError | undefined } | undefined;
  #wake: (() => void) | undefined;

  /** Starts without chunks. */
  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
  }

  /** Bytes that wait for the reader. */
  get lagBytes(): number {
    return this.#lagBytes;
  }

  /** Whether {@linkcode take} would return at once. */
  get isReady(): boolean {
    return this.#chunks.length > 0 || this.#end !== undefined;
  }

  /** Whether the reader has taken everything, and no failure follows. */
  get isDone(): boolean {
    return this.#chunks.length === 0 && this.#end !== undefined && this.#end.failure === undefined;
  }

  /** Adds a chunk. */
  push(chunk: Bytes): void {
    this.#chunks.push(chunk);
    this.#lagBytes += chunk.length;
    this.#wake?.();
  }

  /** No chunk follows; only the first call counts. */
  end(failure?: MetricsError): void {
    this.#end ??= { failure };
    this.#wake?.();
  }

  /**
   * Waits for the next chunk.
   *
   * @throws {MetricsError} When the source failed.
   */
  async take(): Promise<Bytes | undefined> {
    while (!this.isReady) {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      if (this.#end?.failure !== undefined) throw this.#end.failure;
      return undefined;
    }
    this.#lagBytes -= chunk.length;
    this.#onTaken();
    return chunk;
  }
}

/** Hands chunks to all subscribers. The source waits for the slowest of them. */
export class Broadcast {
  readonly #subscriptions = new Set<Subscription>();
  #wake: (() => void) | undefined;

  /** The number of readers. */
  get readers(): number {
    return this.#subscriptions.size;
  }

  /** Adds a reader; it gets what comes from now on. */
  subscribe(): Subscription {
    const subscription = new Subscription(() => this.#wake?.());
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /** Removes a reader. */
  unsubscribe(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    this.#wake?.();
  }

  /** Hands out a chunk, which nobody may change any more. */
  push(chunk: Bytes): void {
    for (const subscription of this.#subscriptions) subscription.push(chunk);
  }

  /** Ends the stream for all readers, with a failure or without. */
  end(failure?: MetricsError): void {
    for (const subscription of this.#subscriptions) subscription.end(failure);
  }

  /** Waits until the slowest reader is near enough, or has held up the others for too long. */
  async room(signal: AbortSignal): Promise<void> {
    if (!this.#isHeldUp()) return;
    const timer = setInterval(() => this.#dropSlow(), MAX_HOLD_UP_MS);
    const wake = (): void => this.#wake?.();
    signal.addEventListener("abort", wake);
    while (this.#isHeldUp() && !signal.aborted) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    this.#wake = undefined;
    signal.removeEventListener("abort", wake);
    clearInterval(timer);
  }

  #isHeldUp(): boolean {
    return this.#subscriptions.values().some(({ lagBytes }) => lagBytes > MAX_LAG_BYTES);
  }

  /** Drops the readers that hold up others. */
  #dropSlow(): void {
    const all = [...this.#subscriptions];
    if (all.every(({ isReady }) => isReady)) return;
    for (const subscription of all) {
      if (subscription.lagBytes <= MAX_LAG_BYTES) continue;
      subscription.end(
        new MetricsError("READER_SLOW", "Cannot finish the reply: the client reads too slowly"),
      );
      this.unsubscribe(subscription);
    }
  }
}
