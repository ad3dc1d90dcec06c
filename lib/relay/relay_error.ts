/** A request that the relay refuses. */

import type { StatusCode } from "@std/http/status";

/** Settings of a {@linkcode RelayError} beyond status and message. */
export interface RelayErrorOptions {
  /** After how many seconds the caller may try again. */
  readonly retryAfterSeconds?: number;
  /** More header fields of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal: what the caller is answered. */
export class RelayError extends Error {
  /** The HTTP status. 429 and 503 tell the caller to try again (OTLP/HTTP, "Retryable Response Codes"). */
  readonly status: StatusCode;
  /** After how many seconds the caller may try again; undefined when it may not. */
  readonly retryAfterSeconds: number | undefined;
  /** More header fields of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  /**
   * Words the refusal.
   *
   * @param status The HTTP status.
   * @param message What is wrong; no full stop, no secret.
   * @param options When to try again, and how.
   */
  constructor(status: StatusCode, message: string, options: RelayErrorOptions = {}) {
    super(message);
    this.name = "RelayError";
    this.status = status;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
  }
}
