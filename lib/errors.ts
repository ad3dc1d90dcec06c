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

/** The HTTP status of a response that tells of it (RFC 9110, section 15.6); 502 for any other. */
const STATUS_OF: Partial<Record<ErrorCode, StatusCode>> = {
  UPSTREAM_TIMEOUT: STATUS_CODE.GatewayTimeout,
  BUSY: STATUS_CODE.ServiceUnavailable,
  REQUEST_INVALID: STATUS_CODE.BadRequest,
};

/**
 * An error for the operator. The message says the action, the quoted value and what is wrong,
 * without a full stop: `Cannot scrape "http://vllm:8000/metrics": connection refused`.
 */
export class MetricsError extends Error {
  /** The name in a stack trace. */
  override name = "MetricsError";
  /** What went wrong, as a stable word. */
  readonly code: ErrorCode;
  /** What to do about it: a sentence or question with its full stop, or empty. */
  readonly hint: string;

  /** Makes the error. */
  constructor(code: ErrorCode, message: string, options: ErrorOptions & { hint?: string } = {}) {
    super(message, options);
    this.code = code;
    this.hint = options.hint ?? "";
  }

  /** Message and hint as one text, for a reply or a terminal. */
  get sentence(): string {
    return this.hint === "" ? `${this.message}.` : `${this.message}. ${this.hint}`;
  }

  /** The HTTP status of a response that tells of it. */
  get status(): StatusCode {
    return STATUS_OF[this.code] ?? STATUS_CODE.BadGateway;
  }
}
