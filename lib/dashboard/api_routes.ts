/** The routes under `/api/v1/`: views as JSON, once or as they come. */

import { STATUS_CODE } from "@std/http/status";
import { MetricsError } from "../errors.ts";
import type { Attention } from "./attention.ts";
import type { Feed } from "./feed.ts";
import type { ViewRequest } from "./view_builder.ts";
import { parseViewRequest } from "./view_request.ts";
import type { ViewSource } from "./view_source.ts";

/** Seconds after which a reader may try again what passes by itself. */
const RETRY_AFTER_SECONDS = 5;

/** Headers of all replies: numbers of now are of no use later. */
const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};
const JSON_HEADERS = { ...HEADERS, "content-type": "application/json" };
const EVENT_HEADERS = {
  ...HEADERS,
  "content-type": "text/event-stream",
  // nginx would hold events back until its buffer is full.
  "x-accel-buffering": "no",
};

/** What {@linkcode createApiRoutes} works with. */
export interface ApiOptions {
  /** Where views come from. */
  readonly source: ViewSource;
  /** Sends views to open pages. */
  readonly feed: Feed;
  /** Told that somebody looks. */
  readonly attention: Attention;
  /** Windows that can be chosen, in seconds. */
  readonly windows: readonly number[];
}

/** Answers a GET or HEAD request. */
export type ApiRoute = (request: Request) => Promise<Response>;

/** An error as JSON. */
function errorReply(error: MetricsError): Response {
  const { code, message, hint, status } = error;
  const isBusy = status === STATUS_CODE.ServiceUnavailable;
  return Response.json({ error: { code, message, hint } }, {
    status,
    headers: isBusy ? { ...HEADERS, "retry-after": String(RETRY_AFTER_SECONDS) } : HEADERS,
  });
}

/** A route that answers a request for a view. */
function viewRoute(
  windows: readonly number[],
  answer: (wanted: ViewRequest, isHead: boolean) => Response | Promise<Response>,
): ApiRoute {
  return async (request) => {
    try {
      const wanted = parseViewRequest(new URL(request.url).searchParams, windows);
      return await answer(wanted, request.method === "HEAD");
    } catch (error) {
      if (!(error instanceof MetricsError)) throw error;
      return errorReply(error);
    }
  };
}

/**
 * Makes the routes.
 *
 * @param options What they work with.
 * @returns The routes by their path.
 */
export function createApiRoutes(options: ApiOptions): Readonly<Record<string, ApiRoute>> {
  const { source, feed, attention, windows } = options;
  return {
    "/api/v1/view": viewRoute(windows, async (wanted, isHead) => {
      attention.glance();
      const { json } = await source.get(wanted);
      return new Response(isHead ? null : json, { headers: JSON_HEADERS });
    }),
    "/api/v1/events": viewRoute(windows, (wanted, isHead) => {
      if (isHead) return new Response(null, { headers: EVENT_HEADERS });
      const events = feed.open(wanted);
      if (events === undefined) throw tooMany();
      return new Response(events, { headers: EVENT_HEADERS });
    }),
  };
}

function tooMany(): MetricsError {
  return new MetricsError("BUSY", "Cannot open one more page: too many are open", {
    hint: "Close some, or let them look at the same model, engine, server and window.",
  });
}
