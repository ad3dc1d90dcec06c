/** The memory that all requests to the relay share. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { STATUS_CODE } from "@std/http/status";
import { RelayError } from "./otlp_reply.ts";

const MIB = 1_048_576;
/**
 * For all requests together: a quarter of what compose.yml gives the service. One
 * request of 10 MB from Fluent Bit takes 120 MiB, one scrape 0.3.
 */
const LIMIT_BYTES = 128 * MIB;
/** Garbage of earlier requests is collected before so much is taken at once. */
const LARGE_BYTES = 16 * MIB;
/** Seconds after which a sender may retry: requests take less. */
const RETRY_SECONDS = 1;

/** Counts the memory of requests, and refuses what would exceed the limit. */
export class MemoryBudget {
  readonly #onFull: () => void;
  #usedBytes = 0;

  /** Starts with nothing in use; `onFull` is called when a request finds no memory. */
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

/** The memory of one request: an estimate, counted before the memory is allocated. */
export class RequestMemory implements Disposable {
  readonly #change: (held: number, wanted: number) => void;
  #bytes = 0;

  /** Starts with none; `change` replaces an amount by another, or throws. */
  constructor(change: (held: number, wanted: number) => void) {
    this.#change = change;
  }

  /**
   * Takes more.
   *
   * @throws {RelayError} 413 when no request may have so much, 503 when others have it.
   */
  reserve(bytes: number): void {
    this.hold(this.#bytes + bytes);
    if (bytes > LARGE_BYTES) collectGarbage();
  }

  /**
   * Replaces what it has by `bytes`.
   *
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

let gc: unknown;

/**
 * V8 collects garbage when the heap has grown by a share of the machine's memory. It
 * does not know the limit of a container, which a few large requests would exceed.
 */
function collectGarbage(): void {
  if (gc === undefined) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc");
  }
  if (typeof gc === "function") gc();
}
