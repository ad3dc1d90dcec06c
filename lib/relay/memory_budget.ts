/** The memory that all requests to the relay share. */

import { STATUS_CODE } from "@std/http/status";
import { collectGarbage } from "./collect_garbage.ts";
import { RelayError } from "./relay_error.ts";

/**
 * Memory for all requests together, in bytes: a quarter of what compose.yml gives
 * the service. One request of 10 MB from Fluent Bit takes 120 MiB, one scrape 0.3.
 */
const LIMIT_BYTES = 128 * 1_048_576;
/** Before so much is taken at once, what earlier requests left is collected. */
const LARGE_BYTES = 16 * 1_048_576;
/** Seconds after which a sender that found no memory may try again: requests take less. */
const RETRY_SECONDS = 1;

/** Counts the memory of requests, and refuses what would exceed the limit. */
export class MemoryBudget {
  readonly #onFull: () => void;
  #usedBytes = 0;

  /**
   * Starts with nothing in use.
   *
   * @param onFull Called when a request found no memory because of others.
   */
  constructor(onFull: () => void) {
    this.#onFull = onFull;
  }

  /** Opens the account of one request; disposing it returns all memory. */
  open(): RequestMemory {
    return new RequestMemory((held, wanted) => {
      if (wanted > LIMIT_BYTES) {
        throw new RelayError(
          STATUS_CODE.ContentTooLarge,
          `the request needs more than ${LIMIT_BYTES} bytes of memory`,
        );
      }
      const used = this.#usedBytes - held + wanted;
      if (used > LIMIT_BYTES) {
        this.#onFull();
        throw new RelayError(
          STATUS_CODE.ServiceUnavailable,
          "too little memory for all requests at once",
          { retryAfterSeconds: RETRY_SECONDS },
        );
      }
      this.#usedBytes = used;
    });
  }
}

/** The memory of one request: an estimate, taken before the memory is. */
export class RequestMemory implements Disposable {
  readonly #change: (held: number, wanted: number) => void;
  #bytes = 0;

  /**
   * Starts with none.
   *
   * @param change Replaces an amount by another, or throws.
   */
  constructor(change: (held: number, wanted: number) => void) {
    this.#change = change;
  }

  /**
   * Takes more.
   *
   * @param bytes How much.
   * @throws {RelayError} 413 when no request may have so much, 503 when others have it.
   */
  reserve(bytes: number): void {
    this.hold(this.#bytes + bytes);
    if (bytes > LARGE_BYTES) collectGarbage();
  }

  /**
   * Takes so much in all.
   *
   * @param bytes The new total.
   * @throws {RelayError} As {@linkcode reserve} does.
   */
  hold(bytes: number): void {
    this.#change(this.#bytes, bytes);
    this.#bytes = bytes;
  }

  /** Returns all of it. */
  [Symbol.dispose](): void {
    this.hold(0);
  }
}
