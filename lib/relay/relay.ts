/** `POST /v1/metrics`: an OTLP/HTTP receiver that forwards everything to Parseable. */

import { STATUS_CODE } from "@std/http/status";
import type { FamilyFilter } from "../exposition/filter.ts";
import { requestPath, textResponse } from "../http/responses.ts";
import { type Slot, Slots } from "../http/slots.ts";
import type { Logger } from "../log.ts";
import type { MetricsRegistry } from "../metrics_registry.ts";
import { cleanMetrics } from "../otlp/clean.ts";
import { countPoints, type RelayCounts } from "../otlp/counts.ts";
import { decodeMetrics, decodeMetricsJson } from "../otlp/decode.ts";
import { encodeMetrics, MAX_BODY_BYTES } from "../otlp/encode.ts";
import { filterRequest } from "../otlp/filter.ts";
import type { ExportMetricsServiceRequest } from "../otlp/gen/metrics.ts";
import {
  encodingOf,
  errorReply,
  type OtlpEncoding,
  RequestError,
  successReply,
} from "../otlp/http.ts";
import { repairHistograms } from "../otlp/repair.ts";
import { RequestMemory } from "./memory.ts";
import {
  deliver,
  DeliveryError,
  forwardHeaders,
  hasCredentials,
  type ParseableOptions,
} from "./parseable.ts";
import { RelayLog } from "./relay_log.ts";
import { RelayMetrics } from "./relay_metrics.ts";
import { readRequestBody, REQUEST_TIMEOUT_MS } from "./request_body.ts";

/** Bounds of the relay. */
export interface RelayLimits {
  /** Requests handled at once. */
  readonly requests: number;
  /** Longest wait for a whole body, in milliseconds. */
  readonly bodyMs: number;
}

/** Fluent Bit sends one scrape of 27 KB at a time; {@linkcode RequestMemory} bounds larger ones. */
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
  /** Gets its metrics. */
  readonly registry: MetricsRegistry;
  /** Gets its log lines. */
  readonly log: Logger;
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
  const { limits = LIMITS, now, parseable: { label } } = options;
  const slots = new Slots({ limit: limits.requests, now });
  const shared = { usedBytes: 0, onFull: () => slots.evict() };
  const relay = {
    ...options,
    limits,
    metrics: new RelayMetrics(options.registry),
    log: new RelayLog(options.log, label),
  };
  async function metricsRoute(request: Request): Promise<Response> {
    if (request.method !== "POST") {
      return textResponse(STATUS_CODE.MethodNotAllowed, "This route takes POST.", {
        allow: "POST",
      });
    }
    const slot = hasCredentials(request.headers) ? slots.enter() : undefined;
    using memory = new RequestMemory(shared);
    try {
      return await answer(request, { ...relay, memory }, slot);
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

interface RequestOptions extends Omit<RelayOptions, "log"> {
  readonly limits: RelayLimits;
  readonly metrics: RelayMetrics;
  readonly log: RelayLog;
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
      throw new RequestError(
        STATUS_CODE.Unauthorized,
        "the request has no credentials; send those of Parseable as Authorization or X-API-Key",
        { headers: { "www-authenticate": 'Basic realm="Parseable"' } },
      );
    }
    if (encoding === undefined) {
      throw new RequestError(
        STATUS_CODE.UnsupportedMediaType,
        "the content type is neither application/x-protobuf nor application/json",
      );
    }
    if (slot === undefined) {
      throw new RequestError(STATUS_CODE.ServiceUnavailable, "too many requests at once", {
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
function refusalFor(error: unknown, log: RelayLog): RequestError {
  if (error instanceof DeliveryError) return error;
  if (error instanceof RequestError) {
    log.refused(error);
    return error;
  }
  log.failed(error);
  // Not 500, for which OTLP senders drop their data.
  const message = "unexpected error; the relay's log has it";
  return new RequestError(STATUS_CODE.ServiceUnavailable, message, {
    retryAfterSeconds: BUG_RETRY_SECONDS,
  });
}

/** Forwards a request; gives how many of its points were dropped. */
async function relay(
  bytes: Uint8Array,
  encoding: OtlpEncoding,
  senderHeaders: Headers,
  { parseable, metrics, log, memory, now, filter, stream }: RequestOptions,
): Promise<number> {
  log.checkCredentials(senderHeaders);
  const headers = forwardHeaders(senderHeaders, stream);
  const decode = encoding === "json" ? decodeMetricsJson : decodeMetrics;
  const { counts, take } = translate(decode(bytes, (more) => memory.reserve(more)), filter);
  let isSplit = false;
  for (let next = take(); next !== undefined;) {
    const part = next;
    next = take();
    if (next === undefined) memory.hold(part.length);
    else if (!isSplit) memory.reserve(2 * MAX_BODY_BYTES);
    isSplit = true;
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
  request: ExportMetricsServiceRequest,
  filter: FamilyFilter | undefined,
): Translated {
  if (filter !== undefined) filterRequest(request, filter);
  const counts = countPoints(request);
  repairHistograms(request, counts);
  cleanMetrics(request, counts);
  let bodies: ReturnType<typeof encodeMetrics> | undefined = encodeMetrics(request, counts);
  return {
    counts,
    take(): Uint8Array<ArrayBuffer> | undefined {
      const { value, done } = bodies?.next() ?? {};
      // A generator that has ended still refers to the request, which may be large.
      if (done) bodies = undefined;
      return value?.bytes;
    },
  };
}
