/** `POST /v1/metrics`: an OTLP/HTTP receiver that hands everything on to Parseable. */

import { STATUS_CODE } from "@std/http/status";
import { cleanMetrics } from "../otlp/clean.ts";
import { countPoints, type RelayCounts } from "../otlp/counts.ts";
import { decodeMetrics } from "../otlp/decode.ts";
import { DecodeError } from "../otlp/decode_error.ts";
import { decodeMetricsJson } from "../otlp/decode_json.ts";
import { MAX_BODY_BYTES, TooLargeError } from "../otlp/limits.ts";
import { repairHistograms } from "../otlp/repair.ts";
import { encodeMetrics } from "../otlp/bodies.ts";
import { requestPath } from "../http/request_path.ts";
import { textResponse } from "../http/responses.ts";
import { type Slot, Slots } from "../http/slots.ts";
import { forwardHeaders, hasCredentials } from "./forward_headers.ts";
import { MemoryBudget, type RequestMemory } from "./memory_budget.ts";
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

/** Fluent Bit sends one scrape of 27 KB at a time; {@linkcode MemoryBudget} bounds larger ones. */
const LIMITS: RelayLimits = { requests: 16, bodyMs: REQUEST_TIMEOUT_MS };
/** After how many seconds a caller that found the relay full may try again. */
const BUSY_RETRY_SECONDS = 1;
/** After how many seconds a caller may try again what met a bug. */
const FAULT_RETRY_SECONDS = 5;

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
  readonly counts: RelayCounts;
  /** Makes the next body; undefined after the last one, when the request is let go. */
  readonly take: () => Uint8Array<ArrayBuffer> | undefined;
}

function translate(bytes: Uint8Array, encoding: OtlpEncoding, memory: RequestMemory): Translated {
  const decode = encoding === "json" ? decodeMetricsJson : decodeMetrics;
  return refusing(() => {
    const request = decode(bytes, (more) => memory.reserve(more));
    const counts = countPoints(request);
    repairHistograms(request, counts);
    cleanMetrics(request, counts);
    let bodies: ReturnType<typeof encodeMetrics> | undefined = encodeMetrics(request, counts);
    const take = (): Uint8Array<ArrayBuffer> | undefined => {
      const { value, done } = bodies?.next() ?? {};
      // A generator that has ended still refers to the request.
      if (done) bodies = undefined;
      return value ?? undefined;
    };
    return { counts, take: () => refusing(take) };
  });
}

/** Makes refusals of what is wrong with a request. */
function refusing<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof DecodeError) throw new RelayError(STATUS_CODE.BadRequest, error.message);
    if (error instanceof TooLargeError) {
      throw new RelayError(STATUS_CODE.ContentTooLarge, error.message);
    }
    throw error;
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
  const admission = new Slots({ limit: limits.requests, now });
  const budget = new MemoryBudget(() => admission.evict());
  async function metricsRoute(request: Request): Promise<Response> {
    if (request.method !== "POST") {
      return textResponse(STATUS_CODE.MethodNotAllowed, "This route takes POST.", {
        allow: "POST",
      });
    }
    const ticket = hasCredentials(request.headers) ? admission.enter() : undefined;
    using memory = budget.open();
    try {
      return await answer(request, { ...options, limits, memory }, ticket);
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

/** What one request is answered with. */
interface RequestOptions extends RelayOptions {
  readonly limits: RelayLimits;
  readonly memory: RequestMemory;
}

async function answer(
  request: Request,
  options: RequestOptions,
  ticket: Slot | undefined,
): Promise<Response> {
  const encoding = encodingOf(request.headers.get("content-type"));
  let bytes = 0;
  let response: Response;
  try {
    // Before the body costs anything: what anybody may send, anybody could fill the memory with.
    if (!hasCredentials(request.headers)) {
      throw new RelayError(
        STATUS_CODE.Unauthorized,
        "the request has no credentials; send those of Parseable as Authorization or X-API-Key",
        { headers: { "www-authenticate": 'Basic realm="Parseable"' } },
      );
    }
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
      memory: options.memory,
      now: options.now,
    });
    bytes = body.length;
    response = successReply(encoding, await relay(body, encoding, request.headers, options));
  } catch (error) {
    response = errorReply(encoding ?? "protobuf", refusalFor(error, options.log));
  }
  options.metrics.countRequest(response.status, bytes);
  return response;
}

/** Logs what failed, unless it is logged already, and says what to answer. */
function refusalFor(error: unknown, log: RelayLog): RelayError {
  if (error instanceof DeliveryError) return error;
  if (error instanceof RelayError) {
    log.refused(error);
    return error;
  }
  log.failed(error);
  // Not 500, for which OTLP senders drop their data.
  return new RelayError(
    STATUS_CODE.ServiceUnavailable,
    "unexpected error; the relay's log has it",
    {
      retryAfterSeconds: FAULT_RETRY_SECONDS,
    },
  );
}

/** Sends a request on; gives how many of its points were taken out. */
async function relay(
  body: Uint8Array,
  encoding: OtlpEncoding,
  callerHeaders: Headers,
  options: RequestOptions,
): Promise<number> {
  const { parseable, metrics, log, memory, now } = options;
  log.checkCredentials(callerHeaders);
  const { counts, take } = translate(body, encoding, memory);
  const headers = forwardHeaders(callerHeaders, options.stream);
  let next = take();
  let isSplit = false;
  while (next !== undefined) {
    const part = next;
    next = take();
    if (next === undefined) {
      memory.hold(part.length);
    } else if (!isSplit) {
      isSplit = true;
      memory.reserve(2 * MAX_BODY_BYTES);
    }
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
