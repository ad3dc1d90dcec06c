/** The routes under `/api/v1/`: a view as JSON, once or as a stream of events. */

import { STATUS_CODE } from "@std/http/status";
import { MetricsError } from "../errors.ts";
import type { Selection } from "../history/history.ts";
import { nearest } from "../nearest.ts";
import type { EventStreams } from "./event_stream.ts";
import { DEFAULT_WINDOW_SECONDS } from "./query_range.ts";
import type { ViewRequest } from "./view_builder.ts";
import type { ViewCache } from "./view_cache.ts";
import type { Viewers } from "./viewers.ts";

/** Seconds after which a client may retry when too many pages are open. */
const RETRY_AFTER_SECONDS = 5;
/** Longest value of a parameter, in characters: no model name is longer than a path. */
const MAX_LENGTH = 4_096;
/** The parameters. */
const NAMES = ["window", "model", "engine", "instance"];

/** Headers of all responses: data of now is not worth caching. */
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
  /** Computes views. */
  readonly cache: ViewCache;
  /** Sends views to open pages. */
  readonly streams: EventStreams;
  /** Counts viewers. */
  readonly viewers: Viewers;
  /** Windows that can be selected, in seconds. */
  readonly windows: readonly number[];
}

/** Answers a GET or HEAD request. */
export type ApiRoute = (request: Request) => Promise<Response>;

/** Creates the routes. */
export function createApiRoutes(options: ApiOptions): Readonly<Record<string, ApiRoute>> {
  const { cache, streams, viewers, windows } = options;
  return {
    "/api/v1/view": viewRoute(windows, async (wanted, isHead) => {
      viewers.addRequest();
      const { json } = await cache.get(wanted);
      return new Response(isHead ? null : json, { headers: JSON_HEADERS });
    }),
    "/api/v1/events": viewRoute(windows, (wanted, isHead) => {
      if (isHead) return new Response(null, { headers: EVENT_HEADERS });
      const events = streams.open(wanted);
      if (events === undefined) throw tooManyPages();
      return new Response(events, { headers: EVENT_HEADERS });
    }),
  };
}

/** A route that answers a request for a view. */
function viewRoute(
  windows: readonly number[],
  respond: (wanted: ViewRequest, isHead: boolean) => Response | Promise<Response>,
): ApiRoute {
  return async (request) => {
    try {
      const wanted = parseViewRequest(new URL(request.url).searchParams, windows);
      return await respond(wanted, request.method === "HEAD");
    } catch (error) {
      if (!(error instanceof MetricsError)) throw error;
      return errorResponse(error);
    }
  };
}

function errorResponse(error: MetricsError): Response {
  const { code, message, hint, status } = error;
  const isBusy = status === STATUS_CODE.ServiceUnavailable;
  return Response.json({ error: { code, message, hint } }, {
    status,
    headers: isBusy ? { ...HEADERS, "retry-after": String(RETRY_AFTER_SECONDS) } : HEADERS,
  });
}

function tooManyPages(): MetricsError {
  return new MetricsError("BUSY", "Cannot open one more page: too many are open", {
    hint: "Close some, or select the same model, engine, server and window in them.",
  });
}

/** Reads the parameters. An unknown model, engine or server is no error: it may appear later. */
function parseViewRequest(
  parameters: URLSearchParams,
  windows: readonly number[],
): ViewRequest {
  for (const name of parameters.keys()) checkParameter(name, parameters.getAll(name));
  const valueOf = (name: string): string | undefined => parameters.get(name) || undefined;
  const [instance, model, engine] = ["instance", "model", "engine"].map(valueOf);
  const selection: Selection = {
    ...instance === undefined ? {} : { instance },
    ...model === undefined ? {} : { model },
    ...engine === undefined ? {} : { engine },
  };
  return { selection, windowSeconds: windowOf(valueOf("window"), windows) };
}

function checkParameter(name: string, values: readonly string[]): void {
  if (!NAMES.includes(name)) {
    const meant = nearest(name, NAMES);
    throw invalid(`unknown parameter "${name.slice(0, MAX_LENGTH)}"`, {
      hint: meant === undefined
        ? `The parameters are ${NAMES.join(", ")}.`
        : `Did you mean "${meant}"?`,
    });
  }
  if (values.length > 1) {
    throw invalid(`the parameter "${name}" is given ${values.length} times`, {
      hint: "Give it once, or omit it to select all.",
    });
  }
  if ((values[0] ?? "").length > MAX_LENGTH) {
    throw invalid(`the parameter "${name}" is longer than ${MAX_LENGTH} characters`, {
      hint: "Give a name as it appears in the view.",
    });
  }
}

function windowOf(text: string | undefined, windows: readonly number[]): number {
  if (text === undefined) return DEFAULT_WINDOW_SECONDS;
  const seconds = windows.find((window) => String(window) === text);
  if (seconds !== undefined) return seconds;
  throw invalid(`unsupported window "${text}"`, {
    hint: `Windows are in seconds: ${windows.join(", ")}.`,
  });
}

function invalid(problem: string, options: { readonly hint: string }): MetricsError {
  return new MetricsError("REQUEST_INVALID", `Cannot create a view: ${problem}`, options);
}
