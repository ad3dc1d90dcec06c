/**
 * Answers of an OTLP/HTTP receiver, in the encoding of the request
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response).
 */

import { STATUS_CODE } from "@std/http/status";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { RelayError } from "./relay_error.ts";

/** The encodings of OTLP/HTTP. */
export type OtlpEncoding = "protobuf" | "json";

const CONTENT_TYPE = { protobuf: "application/x-protobuf", json: "application/json" } as const;

/**
 * Longest message in a reply, in characters: Fluent Bit takes any reply over
 * 4 KiB for a failure, also a good one.
 */
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

/**
 * Tells the encoding of a request by its Content-Type.
 *
 * @param contentType The header's value; null when there was none.
 * @returns The encoding, or undefined when it is none of OTLP/HTTP's.
 */
export function encodingOf(contentType: string | null): OtlpEncoding | undefined {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  if (type === CONTENT_TYPE.protobuf || type === "application/protobuf") return "protobuf";
  return type === CONTENT_TYPE.json ? "json" : undefined;
}

/** `ExportMetricsServiceResponse`, with `partial_success` when points were taken out. */
function successBody(encoding: OtlpEncoding, rejected: number, message: string): BodyInit | null {
  if (encoding === "json") {
    return rejected === 0 ? "{}" : JSON.stringify({
      partialSuccess: { rejectedDataPoints: String(rejected), errorMessage: message },
    });
  }
  return rejected === 0 ? null : new BinaryWriter()
    .tag(1, WireType.LengthDelimited).fork()
    .tag(1, WireType.Varint).int64(rejected)
    .tag(2, WireType.LengthDelimited).string(message)
    .join().finish();
}

/**
 * The answer to a request that was stored.
 *
 * @param encoding The encoding of the request.
 * @param rejected Points that were taken out and counted.
 * @returns 200 with an `ExportMetricsServiceResponse`.
 */
export function successReply(encoding: OtlpEncoding, rejected: number): Response {
  const message = "points that Parseable cannot store were taken out; " +
    "vllm_metrics_relay_points_dropped_total tells why";
  return new Response(successBody(encoding, rejected, message), {
    headers: { "content-type": CONTENT_TYPE[encoding] },
  });
}

/**
 * The answer to a request that was not stored.
 *
 * @param encoding The encoding of the request.
 * @param error What is wrong.
 * @returns Its status with a `google.rpc.Status`, and `Retry-After` where that makes sense.
 */
export function errorReply(encoding: OtlpEncoding, error: RelayError): Response {
  const code = RPC_CODE[error.status] ?? RPC_UNKNOWN;
  const message = error.message.slice(0, MAX_MESSAGE);
  const headers = new Headers({ "content-type": CONTENT_TYPE[encoding], ...error.headers });
  if (error.retryAfterSeconds !== undefined) {
    headers.set("retry-after", String(error.retryAfterSeconds));
  }
  return new Response(statusBody(encoding, code, message), { status: error.status, headers });
}

function statusBody(encoding: OtlpEncoding, code: number, message: string): BodyInit {
  if (encoding === "json") return JSON.stringify({ code, message });
  return new BinaryWriter()
    .tag(1, WireType.Varint).int32(code)
    .tag(2, WireType.LengthDelimited).string(message)
    .finish();
}
