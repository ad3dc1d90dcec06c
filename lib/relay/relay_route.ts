/** `POST /v1/metrics`: an OTLP/HTTP receiver that hands everything on to Parseable. */

import { STATUS_CODE } from "@std/http/status";
import { cleanMetrics } from "../otlp/clean.ts";
import { countPoints, type RelayCounts } from "../otlp/counts.ts";
import { decodeMetrics } from "../otlp/decode.ts";
import { DecodeError } from "../otlp/decode_error.ts";
import { decodeMetricsJson } from "../otlp/decode_json.ts";
import { repairHistograms } from "../otlp/repair.ts";
import { encodeMetrics } from "../otlp/split.ts";
import { Admission, type Ticket } from "../server/admission.ts";
import { requestPath } from "../server/request_path.ts";
import { textResponse } from "../server/responses.ts";
import { forwardHeaders } from "./forward_headers.ts";
import { encodingOf, errorReply, type OtlpEncoding, successReply } from "./otlp_reply.ts";
import { deliver, DeliveryError, type ParseableOptions } from "./parseable.ts";
import { RelayError } from "./relay_error.ts";
import type { RelayLog } from "./relay_log.ts";
import { droppedPoints, type RelayMetrics } from "./relay_metrics.ts";
import { readRequestBody, REQUEST_TIMEOUT_MS } from "./request_body.ts";

/** What the relay bears. */
export interface RelayLimits {
  /** Requests handled at once. */
  readonly requests: number;
  /** Longest wait for a whole body, in milliseconds. */
  readonly bodyMs: number;
}

/**
 * A request of the largest size takes some 100 MB while it is decoded; Fluent
 * Bit sends one scrape of 27 KB at a time.
 */
const LIMITS: RelayLimits = { requests: 16, bodyMs: REQUEST_TIMEOUT_MS };
/** After how many seconds a caller that found the relay full may try again. */
const BUSY_RETRY_SECONDS = 1;

/** What {@linkcode createRelayHandler} works with. */
export interface RelayOptions {
  /** Where Parseable is. */
  readonly parseable: ParseableOptions;
  /** The stream for callers that name none. */
  readonly stream: string;
  /** Counts what happens. */
  readonly metrics: RelayMetrics;
  /** Tells the operator. */
  readonly log: RelayLog;
  /** The time in milliseconds; only differences are used. */
  readonly now: () => number;
  /** Whether the service takes requests; false once it has been asked to stop. */
  readonly isReady: () => boolean;
  /**
   * What it bears.
   *
   * @default {16 requests, 30 s for a body}
   */
  readonly limits?: RelayLimits;
}

/** Answers requests. */
export type RelayHandler = (request: Request) => Response | Promise<Response>;

/** A request as the bodies to send on, and what became of its points. */
interface Translated {
  readonly bodies: readonly Uint8Array<ArrayBuffer>[];
  readonly counts: RelayCounts;
}

function translate(bytes: Uint8Array, encoding: OtlpEncoding): Translated {
  try {
    const request = encoding === "json" ? decodeMetricsJson(bytes) : decodeMetrics(bytes);
    const counts = countPoints(request);
    const cleaned = cleanMetrics(repairHistograms(request, counts), counts);
    return { bodies: encodeMetrics(cleaned, counts), counts };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new RelayError(STATUS_CODE.BadRequest, error.message);
  }
}

/**
 * Makes the handler of the relay's listener. It acknowledges only what Parseable
 * accepted: of a request that is sent on in several parts, all of them.
 *
 * @param options What it works with.
 * @returns A function of a request on `/v1/metrics`, `/-/healthy` or `/-/ready`.
 */
export function createRelayHandler(options: RelayOptions): RelayHandler {
  const { limits = LIMITS, now } = options;
  const admission = new Admission({ limit: limits.requests, now });
  async function metricsRoute(request: Request): Promise<Response> {
    if (request.method !== "POST") {
      return textResponse(STATUS_CODE.MethodNotAllowed, "This route takes POST.", {
        allow: "POST",
      });
    }
    const ticket = admission.enter();
    try {
      return await answer(request, { ...options, limits }, ticket);
    } finally {
      ticket?.leave();
    }
  }
  const routes: Readonly<Record<string, RelayHandler>> = {
    "/v1/metrics": metricsRoute,
    "/-/healthy": () => textResponse(STATUS_CODE.OK, "ok"),
    "/-/ready": () =>
      options.isReady()
        ? textResponse(STATUS_CODE.OK, "ready")
        : textResponse(STATUS_CODE.ServiceUnavailable, "stopping"),
  };
  return (request) => {
    const pathname = requestPath(request) ?? "";
    const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
    return route?.(request) ??
      textResponse(STATUS_CODE.NotFound, "There is nothing here. OTLP metrics go to /v1/metrics.");
  };
}

async function answer(
  request: Request,
  options: RelayOptions & { readonly limits: RelayLimits },
  ticket: Ticket | undefined,
): Promise<Response> {
  const encoding = encodingOf(request.headers.get("content-type"));
  let bytes = 0;
  let response: Response;
  try {
    if (encoding === undefined) {
      throw new RelayError(
        STATUS_CODE.UnsupportedMediaType,
        "the content type is neither application/x-protobuf nor application/json",
      );
    }
    if (ticket === undefined) {
      throw new RelayError(STATUS_CODE.ServiceUnavailable, "too many requests at once", {
        retryAfterSeconds: BUSY_RETRY_SECONDS,
      });
    }
    const body = await readRequestBody(request, {
      timeoutMs: options.limits.bodyMs,
      ticket,
      now: options.now,
    });
    bytes = body.length;
    response = successReply(encoding, await relay(body, encoding, request.headers, options));
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    // The log was told of a refusal of Parseable's already.
    if (!(error instanceof DeliveryError)) options.log.refused(error);
    response = errorReply(encoding ?? "protobuf", error);
  }
  options.metrics.countRequest(response.status, bytes);
  return response;
}

/** Sends a request on; gives how many of its points were taken out. */
async function relay(
  body: Uint8Array,
  encoding: OtlpEncoding,
  callerHeaders: Headers,
  options: RelayOptions,
): Promise<number> {
  const { parseable, metrics, log, now } = options;
  log.checkCredentials(callerHeaders);
  const { bodies, counts } = translate(body, encoding);
  const headers = forwardHeaders(callerHeaders, options.stream);
  for (const part of bodies) {
    const startedMs = now();
    const error = await deliver(part, headers, parseable);
    const answered = error === undefined ? STATUS_CODE.OK : error.answered;
    metrics.countForward((now() - startedMs) / 1_000, part.length, answered);
    log.delivered(error);
    if (error !== undefined) throw error;
  }
  metrics.countStored(counts);
  return droppedPoints(counts);
}
