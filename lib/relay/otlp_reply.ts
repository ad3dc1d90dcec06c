/**
 * Responses of an OTLP/HTTP receiver, in the encoding of the request
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response).
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { STATUS_CODE, type StatusCode } from "@std/http/status";

/** Settings of a {@linkcode RelayError} beyond status and message. */
export interface RelayErrorOptions {
  /** After how many seconds the sender may retry. */
  readonly retryAfterSeconds?: number;
  /** More header fields of the response. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that the relay refuses. */
export class RelayError extends Error {
  /** The HTTP status. Senders retry 429 and 503 (OTLP/HTTP, "Retryable Response Codes"). */
  readonly status: StatusCode;
  /** After how many seconds the sender may retry; undefined when it may not. */
  readonly retryAfterSeconds: number | undefined;
  /** More header fields of the response. */
  readonly headers: Readonly<Record<string, string>>;

  /** The message has no full stop and no secret. */
  constructor(status: StatusCode, message: string, options: RelayErrorOptions = {}) {
    super(message);
    this.name = "RelayError";
    this.status = status;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
  }
}

/** The encodings of OTLP/HTTP. */
export type OtlpEncoding = "protobuf" | "json";

const CONTENT_TYPE = { protobuf: "application/x-protobuf", json: "application/json" } as const;

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
  return new Response(successBody(encoding, dropped, message), {
    headers: { "content-type": CONTENT_TYPE[encoding] },
  });
}

/** `ExportMetricsServiceResponse`. */
function successBody(encoding: OtlpEncoding, dropped: number, message: string): BodyInit | null {
  if (encoding === "json") {
    return dropped === 0 ? "{}" : JSON.stringify({
      partialSuccess: { rejectedDataPoints: String(dropped), errorMessage: message },
    });
  }
  return dropped === 0 ? null : new BinaryWriter()
    .tag(1, WireType.LengthDelimited).fork()
    .tag(1, WireType.Varint).int64(dropped)
    .tag(2, WireType.LengthDelimited).string(message)
    .join().finish();
}

/** The status of a refusal with a `google.rpc.Status`, and `Retry-After` where it may be retried. */
export function errorReply(encoding: OtlpEncoding, error: RelayError): Response {
  const code = RPC_CODE[error.status] ?? RPC_UNKNOWN;
  const message = error.message.slice(0, MAX_MESSAGE);
  const headers = new Headers({ "content-type": CONTENT_TYPE[encoding], ...error.headers });
  if (error.retryAfterSeconds !== undefined) {
    headers.set("retry-after", String(error.retryAfterSeconds));
  }
  const body = encoding === "json" ? JSON.stringify({ code, message }) : new BinaryWriter()
    .tag(1, WireType.Varint).int32(code)
    .tag(2, WireType.LengthDelimited).string(message)
    .finish();
  return new Response(body, { status: error.status, headers });
}
