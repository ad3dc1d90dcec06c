/**
 * Content types and responses of OTLP/HTTP
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response).
 */

import { STATUS_CODE, type StatusCode } from "@std/http/status";
import { ExportMetricsServiceResponse, Status } from "./gen/metrics.ts";

/** Settings of a {@linkcode RequestError} beyond status and message. */
export interface RequestErrorOptions {
  /** After how many seconds the sender may retry; it may not without. */
  readonly retryAfterSeconds?: number;
  /** More header fields of the response. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An OTLP request that is refused. */
export class RequestError extends Error {
  /** The HTTP status. Senders retry 429 and 503 (OTLP/HTTP, "Retryable Response Codes"). */
  readonly status: StatusCode;
  /** After how many seconds the sender may retry; undefined when it may not. */
  readonly retryAfterSeconds: number | undefined;
  /** More header fields of the response. */
  readonly headers: Readonly<Record<string, string>>;

  /** The message has no full stop and no secret. */
  constructor(status: StatusCode, message: string, options: RequestErrorOptions = {}) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
  }
}

/** The encodings of OTLP/HTTP. */
export type OtlpEncoding = "protobuf" | "json";

/** Their content types. */
export const CONTENT_TYPE: Readonly<Record<OtlpEncoding, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

/** Longest message, in characters: Fluent Bit takes any response over 4 KiB for a failure. */
const MAX_MESSAGE = 1_000;

/** Codes of `google.rpc.Status` (google/rpc/code.proto) by HTTP status; UNKNOWN for others. */
const RPC_CODE: Readonly<Record<number, number>> = {
  [STATUS_CODE.BadRequest]: 3,
  [STATUS_CODE.Unauthorized]: 16,
  [STATUS_CODE.ContentTooLarge]: 8,
  [STATUS_CODE.UnsupportedMediaType]: 3,
  [STATUS_CODE.TooManyRequests]: 8,
  [STATUS_CODE.ServiceUnavailable]: 14,
};
const RPC_UNKNOWN = 2;

/** The encoding that a Content-Type names, if it is one of OTLP/HTTP's. */
export function encodingOf(contentType: string | null): OtlpEncoding | undefined {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  if (type === CONTENT_TYPE.protobuf || type === "application/protobuf") return "protobuf";
  return type === CONTENT_TYPE.json ? "json" : undefined;
}

/** 200 for a request that was stored, with `partial_success` when points were dropped. */
export function successReply(encoding: OtlpEncoding, dropped: number): Response {
  const message = "points that Parseable cannot store were dropped; " +
    "vllm_metrics_relay_points_dropped_total says why";
  const partialSuccess = dropped === 0
    ? undefined
    : { rejectedDataPoints: String(dropped), errorMessage: message };
  const body = encoding === "json"
    ? JSON.stringify({ partialSuccess })
    : new Uint8Array(ExportMetricsServiceResponse.encode({ partialSuccess }).finish());
  return new Response(body, { headers: { "content-type": CONTENT_TYPE[encoding] } });
}

/** The status of a refusal with a `google.rpc.Status`, and `Retry-After` where it may be retried. */
export function errorReply(encoding: OtlpEncoding, error: RequestError): Response {
  const answer = {
    code: RPC_CODE[error.status] ?? RPC_UNKNOWN,
    message: error.message.slice(0, MAX_MESSAGE),
  };
  const headers = new Headers({ "content-type": CONTENT_TYPE[encoding], ...error.headers });
  if (error.retryAfterSeconds !== undefined) {
    headers.set("retry-after", String(error.retryAfterSeconds));
  }
  const body = encoding === "json"
    ? JSON.stringify(answer)
    : new Uint8Array(Status.encode(answer).finish());
  return new Response(body, { status: error.status, headers });
}
