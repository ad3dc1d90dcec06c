/** The routes under `/api/v1/`: a view as JSON, once or as a stream of events, and the explorer. */

import { STATUS_CODE } from "@std/http/status";
import { MetricsError } from "../errors.ts";
import type { FamilyInfo, History, Selection } from "../history/history.ts";
import { nearest } from "../nearest.ts";
import { terminalText } from "../terminal_text.ts";
import type { EventStreams } from "./event_stream.ts";
import { type Exploration, explore, SHOWN } from "./explore.ts";
import { DEFAULT_WINDOW_SECONDS, windowRanges } from "./query_range.ts";
import { Scope } from "./scope.ts";
import type { ViewRequest } from "./view_builder.ts";
import type { ViewCache } from "./view_cache.ts";
import type { Viewers } from "./viewers.ts";

/** Seconds after which a client may retry when too many pages are open. */
const RETRY_AFTER_SECONDS = 5;
/** Longest value of a parameter, in characters: no model name is longer than a path. */
const MAX_LENGTH = 4_096;
/** Names that an error lists. */
const MAX_NAMED = 10;
/** The parameters of a view. */
const VIEW_NAMES = ["window", "from", "to", "model", "engine", "instance"];
/** The parameters of the explorer. */
const EXPLORE_NAMES = ["family", "show", "by", ...VIEW_NAMES];
/** Shortest and longest time from `from` to `to`, in seconds. */
const SPAN_SECONDS = { shortest: 60, longest: 2_592_000 } as const;
/** Seconds by which a clock may be ahead. */
const CLOCK_SECONDS = 60;

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
  /** The history, for the names that can be selected. */
  readonly history: History;
  /** Windows that can be selected, in seconds. */
  readonly windows: readonly number[];
  /** Distance of two scrapes, in milliseconds. */
  readonly intervalMs: number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** Answers a GET or HEAD request. */
export type ApiRoute = (request: Request) => Promise<Response>;

/** Creates the routes. */
export function createApiRoutes(options: ApiOptions): Readonly<Record<string, ApiRoute>> {
  const { cache, streams, viewers, history, intervalMs, now } = options;
  return {
    "/api/v1/view": viewRoute(options, VIEW_NAMES, async (wanted, { isHead }) => {
      viewers.addRequest();
      const { json } = await cache.get(wanted);
      return new Response(isHead ? null : json, { headers: JSON_HEADERS });
    }),
    "/api/v1/events": viewRoute(options, VIEW_NAMES, (wanted, { isHead, request }) => {
      if (isHead) return new Response(null, { headers: EVENT_HEADERS });
      const events = streams.open(wanted);
      if (events === undefined) throw tooManyPages();
      if (!acceptsGzip(request)) return new Response(events, { headers: EVENT_HEADERS });
      return new Response(events.pipeThrough(new CompressionStream("gzip")), {
        headers: { ...EVENT_HEADERS, "content-encoding": "gzip" },
      });
    }),
    "/api/v1/explore": viewRoute(options, EXPLORE_NAMES, (wanted, { isHead, parameters }) => {
      const exploration = parseExploration(parameters, history.families());
      viewers.addRequest();
      if (isHead) return new Response(null, { headers: JSON_HEADERS });
      if (exploration === undefined) {
        return Response.json({ families: history.families(wanted.selection) }, {
          headers: HEADERS,
        });
      }
      const { selection, windowSeconds, toMs = now() } = wanted;
      const { chart } = windowRanges(windowSeconds, toMs, intervalMs);
      return Response.json({ chart: explore(exploration, new Scope(history, selection, chart)) }, {
        headers: HEADERS,
      });
    }),
  };
}

/** Which family is shown and how; undefined for the list of all. */
function parseExploration(
  parameters: URLSearchParams,
  families: readonly FamilyInfo[],
): Exploration | undefined {
  const name = parameters.get("family") || undefined;
  const [shown, by] = ["show", "by"].map((each) => parameters.get(each) || undefined);
  if (name === undefined) {
    if (shown === undefined && by === undefined) return undefined;
    throw invalid("show and by are given without a family", { hint: "Add family=NAME." });
  }
  const family = families.find((each) => each.name === name);
  if (family === undefined) {
    throw unknownOf("family", name, families.map((each) => each.name), "without vllm: or vllm_");
  }
  const { kind, labels } = family;
  const [standard = ""] = SHOWN[kind];
  const show = shown ?? standard;
  if (!SHOWN[kind].includes(show)) {
    throw invalid(`a ${kind} has no "${terminalText(show)}"`, {
      hint: `It has ${SHOWN[kind].join(", ")}.`,
    });
  }
  if (by === undefined) return { family, show };
  if (!labels.includes(by)) throw unknownOf("label", by, labels, `of ${name}`);
  return { family, show, by };
}

function unknownOf(
  what: string,
  wanted: string,
  known: readonly string[],
  where: string,
): MetricsError {
  const meant = nearest(wanted, known);
  return invalid(`unknown ${what} "${terminalText(wanted)}"`, {
    hint: meant === undefined
      ? `Names are those ${where}, such as ${known.slice(0, MAX_NAMED).join(", ")}.`
      : `Did you mean "${meant}"?`,
  });
}

/** Whether a client takes gzip (RFC 9110, 12.5.3); one that gives it a weight of 0 does not. */
function acceptsGzip({ headers }: Request): boolean {
  const accepted = headers.get("accept-encoding") ?? "";
  return /(?:^|[\s,])(?:gzip|\*)(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(accepted);
}

/** A route that answers a request for a view. */
function viewRoute(
  options: ApiOptions,
  names: readonly string[],
  respond: (
    wanted: ViewRequest,
    asked: {
      readonly isHead: boolean;
      readonly request: Request;
      readonly parameters: URLSearchParams;
    },
  ) => Response | Promise<Response>,
): ApiRoute {
  return async (request) => {
    try {
      const parameters = new URL(request.url).searchParams;
      for (const name of parameters.keys()) {
        checkParameter(name, parameters.getAll(name), names);
      }
      const wanted = parseViewRequest(parameters, options);
      return await respond(wanted, { isHead: request.method === "HEAD", request, parameters });
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

/** Reads the parameters. */
function parseViewRequest(
  parameters: URLSearchParams,
  options: ApiOptions,
): ViewRequest {
  const valueOf = (name: string): string | undefined => parameters.get(name) || undefined;
  const [instance, model, engine] = ["instance", "model", "engine"].map(valueOf);
  const selection: Selection = {
    ...instance === undefined ? {} : { instance },
    ...model === undefined ? {} : { model },
    ...engine === undefined ? {} : { engine },
  };
  checkSelection(selection, options.history);
  const [from, to] = [valueOf("from"), valueOf("to")];
  if (from === undefined && to === undefined) {
    return { selection, windowSeconds: windowOf(valueOf("window"), options.windows) };
  }
  return { selection, ...spanOf(from, to, options.now()) };
}

/** A link may name what is gone: an empty page would look like an outage. */
function checkSelection({ instance, model, engine }: Selection, history: History): void {
  const check = (what: string, wanted: string | undefined, known: readonly string[]): void => {
    // Before the first scrape no name is known.
    if (wanted === undefined || known.length === 0 || known.includes(wanted)) return;
    const meant = nearest(wanted, known);
    throw invalid(`unknown ${what} "${terminalText(wanted)}"`, {
      hint: meant === undefined
        ? `Omit it to show all, or choose one of ${known.slice(0, MAX_NAMED).join(", ")}.`
        : `Did you mean "${meant}"? Omit it to show all.`,
    });
  };
  check("server", instance, history.targets.map((target) => target.instance));
  check("model", model, history.labelValues("model_name"));
  check("engine", engine, history.labelValues("engine"));
}

/** The time between two times in seconds since 1970. */
function spanOf(
  from: string | undefined,
  to: string | undefined,
  nowMs: number,
): Pick<ViewRequest, "windowSeconds" | "toMs"> {
  const [start, end] = [from, to].map((text) => /^\d{1,12}$/.test(text ?? "") ? Number(text) : NaN);
  const hint = "Give both from and to in whole seconds since 1970.";
  if (start === undefined || end === undefined || Number.isNaN(start + end)) {
    throw invalid(`from "${from ?? ""}" and to "${to ?? ""}" are no span of time`, { hint });
  }
  const seconds = end - start;
  const { shortest, longest } = SPAN_SECONDS;
  if (seconds < shortest || seconds > longest || end > nowMs / 1_000 + CLOCK_SECONDS) {
    throw invalid(`from ${start} to ${end} is ${seconds} s`, {
      hint: `A span has ${shortest} s to ${longest} s and ends in the past.`,
    });
  }
  return { windowSeconds: seconds, toMs: end * 1_000 };
}

function checkParameter(name: string, values: readonly string[], names: readonly string[]): void {
  if (!names.includes(name)) {
    const meant = nearest(name, names);
    throw invalid(`unknown parameter "${name.slice(0, MAX_LENGTH)}"`, {
      hint: meant === undefined
        ? `The parameters are ${names.join(", ")}.`
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
