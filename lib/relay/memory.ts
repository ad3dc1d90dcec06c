/** The memory that all requests to the relay share. */

import { STATUS_CODE } from "@std/http/status";
import { RequestError } from "../otlp/http.ts";

const MIB = 1_048_576;
/**
 * For all requests together: a quarter of what compose.yml gives the service. One
 * request of 10 MB from Fluent Bit takes 120 MiB, one scrape 0.3.
 */
const LIMIT_BYTES = 128 * MIB;
/** Seconds after which a sender may retry: requests take less. */
const RETRY_SECONDS = 1;

/** The memory of all requests. */
export interface SharedMemory {
  /** What is in use. */
  usedBytes: number;
  /** Called when a request finds none. */
  readonly onFull: () => void;
}

/** The memory of one request: an estimate, counted before the memory is allocated. */
export class RequestMemory implements Disposable {
  readonly #shared: SharedMemory;
  #bytes = 0;

  /** Starts with none. */
  constructor(shared: SharedMemory) {
    this.#shared = shared;
  }

  /**
   * Takes more.
   *
   * @throws {RequestError} 413 when no request may have so much, 503 when others have it.
   */
  reserve(bytes: number): void {
    this.hold(this.#bytes + bytes);
  }

  /**
   * Replaces what it has by `bytes`.
   *
   * @throws {RequestError} As {@linkcode reserve} does.
   */
  hold(bytes: number): void {
    if (bytes > LIMIT_BYTES) {
      const message = `the request needs more than ${LIMIT_BYTES} bytes of memory`;
      throw new RequestError(STATUS_CODE.ContentTooLarge, message);
    }
    const usedBytes = this.#shared.usedBytes - this.#bytes + bytes;
    if (usedBytes > LIMIT_BYTES) {
      this.#shared.onFull();
      const message = "too little memory for all requests at once";
      const options = { retryAfterSeconds: RETRY_SECONDS };
      throw new RequestError(STATUS_CODE.ServiceUnavailable, message, options);
    }
    this.#shared.usedBytes = usedBytes;
    this.#bytes = bytes;
  }

  /** Returns all of it. */
  [Symbol.dispose](): void {
    this.hold(0);
  }
}
