/** `POST /v1/metrics`: an OTLP/HTTP receiver that forwards everything to Parseable. */

import { STATUS_CODE } from "@std/http/status";
import { requestPath } from "../http/request_path.ts";
import { textResponse } from "../http/responses.ts";
import { type Slot, Slots } from "../http/slots.ts";
import type { FamilyFilter } from "../exposition/filter.ts";
import { encodeMetrics } from "../otlp/bodies.ts";
import { cleanMetrics } from "../otlp/clean.ts";
import { countPoints, type RelayCounts } from "../otlp/counts.ts";
import { decodeMetrics } from "../otlp/decode.ts";
import { decodeMetricsJson } from "../otlp/decode_json.ts";
import { DecodeError, MAX_BODY_BYTES, TooLargeError } from "../otlp/limits.ts";
import { repairHistograms } from "../otlp/repair.ts";
import { filterRequest } from "./filter_request.ts";
import { MemoryBudget, type RequestMemory } from "./memory_budget.ts";
import {
  encodingOf,
  errorReply,
  type OtlpEncoding,
  RelayError,
  successReply,
} from "./otlp_reply.ts";
import {
  deliver,
  DeliveryError,
  forwardHeaders,
  hasCredentials,
  type ParseableOptions,
} from "./parseable.ts";
import type { RelayLog } from "./relay_log.ts";
import type { RelayMetrics } from "./relay_metrics.ts";
import { readRequestBody, REQUEST_TIMEOUT_MS } from "./request_body.ts";

/** Bounds of the relay. */
export interface RelayLimits {
  /** Requests handled at once. */
  readonly requests: number;
  /** Longest wait for a whole body, in milliseconds. */
  readonly bodyMs: number;
}

/** Fluent Bit sends one scrape of 27 KB at a time; {@linkcode MemoryBudget} bounds larger ones. */
const LIMITS: RelayLimits = { requests: 16, bodyMs: REQUEST_TIMEOUT_MS };
/** After how many seconds a sender may retry that found all slots taken. */
const BUSY_RETRY_SECONDS = 1;
/** After how many seconds a sender may retry what met a bug. */
const BUG_RETRY_SECONDS = 5;

/** What {@linkcode createRelayHandler} works with. */
export interface RelayOptions {
  /** Where Parseable is. */
  readonly parseable: ParseableOptions;
  /** The stream for senders that name none. */
  readonly stream: string;
  /** Which metrics are forwarded. @default {all} */
  readonly filter?: FamilyFilter;
  /** Its metrics. */
  readonly metrics: RelayMetrics;
  /** Its log lines. */
  readonly log: RelayLog;
  /** The time in milliseconds; only differences are used. */
  readonly now: () => number;
  /** Whether the service accepts requests; false while it stops. */
  readonly isReady: () => boolean;
  /**
   * Its bounds.
   *
   * @default {16 requests, 30 s for a body}
   */
  readonly limits?: RelayLimits;
}

/** Answers requests. */
export type RelayHandler = (request: Request) => Response | Promise<Response>;

/**
 * Makes the handler of the relay's listener, for `/v1/metrics`, `/-/healthy` and
 * `/-/ready`. It acknowledges only what Parseable accepted: of a request that is
 * sent on in several bodies, all of them.
 */
export function createRelayHandler(options: RelayOptions): RelayHandler {
  const { limits = LIMITS, now } = options;
  const slots = new Slots({ limit: limits.requests, now });
  const budget = new MemoryBudget(() => slots.evict());
  async function metricsRoute(request: Request): Promise<Response> {
    if (request.method !== "POST") {
      return textResponse(STATUS_CODE.MethodNotAllowed, "This route takes POST.", {
        allow: "POST",
      });
    }
    const slot = hasCredentials(request.headers) ? slots.enter() : undefined;
    using memory = budget.open();
    try {
      return await answer(request, { ...options, limits, memory }, slot);
    } finally {
      slot?.leave();
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

interface RequestOptions extends RelayOptions {
  readonly limits: RelayLimits;
  readonly memory: RequestMemory;
}

async function answer(
  request: Request,
  options: RequestOptions,
  slot: Slot | undefined,
): Promise<Response> {
  const encoding = encodingOf(request.headers.get("content-type"));
  let bytes = 0;
  let response: Response;
  try {
    // First of all: strangers must not make the relay read and decode bodies.
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
    if (slot === undefined) {
      throw new RelayError(STATUS_CODE.ServiceUnavailable, "too many requests at once", {
        retryAfterSeconds: BUSY_RETRY_SECONDS,
      });
    }
    const body = await readRequestBody(request, {
      timeoutMs: options.limits.bodyMs,
      slot,
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

/** What to answer after an error, which is logged unless it is logged already. */
function refusalFor(error: unknown, log: RelayLog): RelayError {
  if (error instanceof DeliveryError) return error;
  if (error instanceof RelayError) {
    log.refused(error);
    return error;
  }
  log.failed(error);
  // Not 500, for which OTLP senders drop their data.
  const message = "unexpected error; the relay's log has it";
  return new RelayError(STATUS_CODE.ServiceUnavailable, message, {
    retryAfterSeconds: BUG_RETRY_SECONDS,
  });
}

/** Forwards a request; gives how many of its points were dropped. */
async function relay(
  body: Uint8Array,
  encoding: OtlpEncoding,
  senderHeaders: Headers,
  options: RequestOptions,
): Promise<number> {
  const { parseable, metrics, log, memory, now } = options;
  log.checkCredentials(senderHeaders);
  const { counts, take } = translate(body, encoding, options);
  const headers = forwardHeaders(senderHeaders, options.stream);
  let isSplit = false;
  for (let next = take(); next !== undefined;) {
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
    const status = error === undefined ? STATUS_CODE.OK : error.answered;
    metrics.countForward((now() - startedMs) / 1_000, part.length, status);
    log.delivered(error);
    if (error !== undefined) throw error;
  }
  return metrics.countStored(counts);
}

/** A request as the bodies to send, and what became of its points. */
interface Translated {
  readonly counts: RelayCounts;
  /** Makes the next body; undefined after the last one. */
  readonly take: () => Uint8Array<ArrayBuffer> | undefined;
}

function translate(
  bytes: Uint8Array,
  encoding: OtlpEncoding,
  { memory, filter }: RequestOptions,
): Translated {
  const decode = encoding === "json" ? decodeMetricsJson : decodeMetrics;
  return refusing(() => {
    const request = decode(bytes, (more) => memory.reserve(more));
    if (filter !== undefined) filterRequest(request, filter);
    const counts = countPoints(request);
    repairHistograms(request, counts);
    cleanMetrics(request, counts);
    let bodies: ReturnType<typeof encodeMetrics> | undefined = encodeMetrics(request, counts);
    const take = (): Uint8Array<ArrayBuffer> | undefined => {
      const { value, done } = bodies?.next() ?? {};
      // A generator that has ended still refers to the request, which may be large.
      if (done) bodies = undefined;
      return value ?? undefined;
    };
    return { counts, take: () => refusing(take) };
  });
}

/** Runs a step; errors in the request become refusals. */
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
