/** The one error class of the service: what an operator or a reader of `/metrics` can act on. */

import { STATUS_CODE, type StatusCode } from "@std/http/status";

/** What went wrong, as a stable word for logs, metrics and tests. */
export type ErrorCode =
  | "CONFIG_INVALID"
  | "LISTEN_FAILED"
  | "HISTORY_FILE"
  | "HISTORY_FILE_TAKEN"
  | "SERVICE_UNREACHABLE"
  | "UPSTREAM_REFUSED"
  | "UPSTREAM_DNS"
  | "UPSTREAM_TLS"
  | "UPSTREAM_TIMEOUT"
  | "UPSTREAM_STATUS"
  | "UPSTREAM_REDIRECT"
  | "UPSTREAM_TOO_LARGE"
  | "UPSTREAM_CLOSED"
  | "UPSTREAM_NOT_EXPOSITION"
  | "UPSTREAM_FAILED"
  | "REQUEST_INVALID"
  | "PARSEABLE_UNREACHABLE"
  | "PARSEABLE_DENIED"
  | "PARSEABLE_REFUSED"
  | "PARSEABLE_FAILED"
  | "PARSEABLE_FOREIGN"
  | "READER_GONE"
  | "READER_SLOW"
  | "BUSY";

/**
 * The HTTP status that a reader gets for each code that can reach
 * it (RFC 9110, section 15.6): 504 for a server that did not answer in time,
 * 503 for temporary conditions, 502 for any other failure of the server; 400 for a
 * request for something that does not exist.
 */
const STATUS_OF: Partial<Record<ErrorCode, StatusCode>> = {
  UPSTREAM_TIMEOUT: STATUS_CODE.GatewayTimeout,
  BUSY: STATUS_CODE.ServiceUnavailable,
  REQUEST_INVALID: STATUS_CODE.BadRequest,
};

/** Settings of a {@linkcode MetricsError} beyond code and message. */
export interface MetricsErrorOptions extends ErrorOptions {
  /** What to do about it, as one sentence or question with its full stop. */
  hint?: string;
}

/**
 * An error with a plain sentence for the operator. The message says the action,
 * the quoted value and what is wrong, without a full stop:
 * `Cannot scrape "http://vllm:8000/metrics": connection refused`.
 */
export class MetricsError extends Error {
  /** What went wrong, as a stable word. */
  readonly code: ErrorCode;
  /** What to do about it; empty when there is nothing to add. */
  readonly hint: string;

  /** Words the error. */
  constructor(code: ErrorCode, message: string, options: MetricsErrorOptions = {}) {
    super(message, options);
    this.name = "MetricsError";
    this.code = code;
    this.hint = options.hint ?? "";
  }

  /** Message and hint as one text, for a reply or a terminal. */
  get sentence(): string {
    return this.hint === "" ? `${this.message}.` : `${this.message}. ${this.hint}`;
  }

  /** The HTTP status that a reader gets for it: 400, 502, 503 or 504. */
  get status(): StatusCode {
    return STATUS_OF[this.code] ?? STATUS_CODE.BadGateway;
  }
}
