/** Which route answers which path, and what pages of other sites may make a browser send here. */

import { accepts } from "@std/http/negotiation";
import { STATUS_CODE } from "@std/http/status";
import type { MetricsError } from "../errors.ts";
import type { MetricsRegistry } from "../metrics_registry.ts";
import { escapedJson } from "../terminal_text.ts";
import { EXPOSITION_TYPE } from "./metrics_route.ts";
import { requestPath, type Route, textResponse } from "./responses.ts";

/** The servers, as far as routes show them. */
export type TargetList = {
  /** Whether samples carry a label that distinguishes the servers. */
  readonly isMerged: boolean;
  readonly list: readonly Target[];
  /** Looks up discovered servers, within a time in milliseconds. */
  refresh(waitMs: number): Promise<unknown>;
};

/** A server, as far as routes show it. */
export type Target = {
  readonly name: string;
  /** Its address for people, without secrets. */
  readonly label: string;
  readonly state: {
    readonly sentence: string;
    readonly current: string;
    readonly scrapedMs: number | undefined;
    readonly succeededMs: number | undefined;
    readonly lastFailure: { readonly error: MetricsError; readonly timeMs: number } | undefined;
  };
};

/** What {@linkcode createRouter} needs. */
export type RouterOptions = {
  readonly version: string;
  readonly targets: TargetList;
  readonly registry: MetricsRegistry;
  readonly metrics: (request: Request, name?: string) => Promise<Response>;
  readonly page: Route;
  readonly routes: Readonly<Record<string, Route>>;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  /** Whether the service accepts requests; false once it was asked to stop. */
  readonly isReady: () => boolean;
};

/** Methods that all routes accept. */
const METHODS = ["GET", "HEAD"];
/** What the path of one server's metrics begins with. */
const ONE_SERVER = "/metrics/";
/** Longest wait for name servers when an unknown server is requested, in milliseconds. */
const LOOKUP_MS = 1_000;
/** Servers that are named when an unknown one is requested. */
const MAX_NAMED = 50;

/** The routes that the text at `/` names. */
const LINKS: readonly (readonly [path: string, text: string])[] = [
  ["/metrics", "the metrics of vLLM, with names that every client accepts"],
  ["/metrics/NAME", "those of one server"],
  ["/metrics/otel", "the metrics of all servers and of this service, as OTLP"],
  ["/-/targets", "the servers and their state, as JSON"],
  ["/-/metrics", "the metrics of this service"],
  ["/-/healthy", "whether this process is alive"],
  ["/-/ready", "whether this service is ready"],
];

/** Creates the handler of the service's listener. */
export function createRouter(options: RouterOptions): Route {
  const { metrics, registry, targets, now, isReady } = options;
  const healthy: Route = () => textResponse(STATUS_CODE.OK, "ok");
  const routes: Record<string, Route> = {
    "/": (request) => landing(options, request),
    "/metrics": (request) => metrics(request),
    "/health": healthy,
    "/-/healthy": healthy,
    "/-/ready": () =>
      isReady()
        ? textResponse(STATUS_CODE.OK, "ready")
        : textResponse(STATUS_CODE.ServiceUnavailable, "stopping"),
    "/-/metrics": async () =>
      new Response(await registry.text(), { headers: { "content-type": EXPOSITION_TYPE } }),
    "/-/targets": () => targetsResponse(targets.list, now()),
    ...options.routes,
  };
  return (request) => {
    const path = requestPath(request);
    if (path === undefined) {
      return textResponse(STATUS_CODE.BadRequest, "The request has no valid Host field.");
    }
    const route = Object.hasOwn(routes, path) ? routes[path] : oneServerRoute(options, path);
    if (route === undefined) {
      const text = "There is nothing here. The metrics are at /metrics.";
      return textResponse(STATUS_CODE.NotFound, text);
    }
    if (METHODS.includes(request.method)) return route(request);
    const allow = METHODS.join(", ");
    return textResponse(STATUS_CODE.MethodNotAllowed, `This route takes ${allow}.`, { allow });
  };
}

/** The route of one server's metrics; undefined for any other path. */
function oneServerRoute({ targets, metrics }: RouterOptions, path: string): Route | undefined {
  if (!path.startsWith(ONE_SERVER) || path === ONE_SERVER) return undefined;
  const wanted = decoded(path.slice(ONE_SERVER.length));
  const names = (): string[] => targets.list.map(({ name }) => name);
  return async (request) => {
    if (!names().includes(wanted)) await targets.refresh(LOOKUP_MS);
    const all = names();
    if (all.includes(wanted)) return await metrics(request, wanted);
    const more = all.length > MAX_NAMED ? ` and ${all.length - MAX_NAMED} more` : "";
    const known = all.slice(0, MAX_NAMED).join(", ");
    return textResponse(
      STATUS_CODE.NotFound,
      `There is no such server. There is ${known}${more}.`,
    );
  };
}

/** Decodes percent encoding; a path in which it is broken stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The live page for browsers, a few lines of text for all others. */
function landing(
  { version, targets, page }: RouterOptions,
  request: Request,
): Response | Promise<Response> {
  const wantsPage = accepts(request, "text/html", "text/plain") === "text/html" &&
    request.headers.get("accept")?.includes("text/html");
  if (wantsPage) return page(request);
  const servers = targets.list.flatMap(({ name, label, state }) => [
    `upstream: ${targets.isMerged ? `${name} ` : ""}${label}`,
    `state:    ${state.sentence}`,
  ]);
  const links = LINKS.map(([path, text]) => `  ${path.padEnd(13)} ${text}`);
  const text = [`vllm-metrics ${version}`, ...servers, "", ...links].join("\n");
  return textResponse(STATUS_CODE.OK, text, { vary: "accept" });
}

/** `GET /-/targets`: the servers and their state. Ages are in seconds, null before the first. */
function targetsResponse(servers: readonly Target[], nowMs: number): Response {
  const age = (timeMs: number | undefined): number | null =>
    timeMs === undefined ? null : Math.max(nowMs - timeMs, 0) / 1_000;
  const targets = servers.map(({ name, label, state }) => ({
    instance: name,
    url: label,
    state: state.current === "up" || state.current === "unknown" ? state.current : "down",
    ageSeconds: age(state.scrapedMs),
    successAgeSeconds: age(state.succeededMs),
    lastError: state.lastFailure === undefined ? null : {
      code: state.lastFailure.error.code,
      message: state.lastFailure.error.sentence,
      ageSeconds: age(state.lastFailure.timeMs),
    },
  }));
  return new Response(escapedJson(JSON.stringify({ targets })), {
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    },
  });
}

/** IP addresses as `URL` writes them, and names that lead to this machine in every browser. */
const SAFE_HOST = /^(?:\[.*\]|[\d.]+|(?:.*\.)?localhost)$/;

/** Which hosts the service answers for, and which sites may embed the page. */
export type OriginPolicy = {
  readonly allowedHosts?: readonly string[] | undefined;
  readonly frameAncestors?: readonly string[];
};

/**
 * Puts the policy for pages of other sites before all routes: they may send nothing but a visit to
 * the page itself, and get no response to read, not even as an image or a script.
 */
export function withOriginPolicy(
  route: Route,
  { allowedHosts, frameAncestors = [] }: OriginPolicy,
): Route {
  const isEmbeddable = frameAncestors.length > 0;
  return async (request) => {
    const problem = refusal(request, isEmbeddable, allowedHosts);
    const response = problem === undefined
      ? await route(request)
      : textResponse(STATUS_CODE.Forbidden, problem);
    response.headers.set("x-content-type-options", "nosniff");
    response.headers.set("cross-origin-resource-policy", "same-origin");
    return response;
  };
}

/** Why a request is refused; undefined when it is not. */
function refusal(
  request: Request,
  isEmbeddable: boolean,
  allowedHosts: readonly string[] | undefined,
): string | undefined {
  const { headers, method, url } = request;
  const isAllowed = method === "GET" &&
    (isVisit(headers) || (isEmbeddable && isFrame(headers) && requestPath(request) === "/"));
  if (headers.get("sec-fetch-site") === "cross-site" && !isAllowed) {
    return "Cannot answer: a page of another site made the browser send this request. Open the " +
      "address itself.";
  }
  if (allowedHosts === undefined) return undefined;
  const host = URL.parse(url)?.hostname;
  if (host === undefined || SAFE_HOST.test(host) || allowedHosts.includes(host)) return undefined;
  return `Cannot answer for the host "${host}": it is not in ALLOWED_HOSTS. Add it there if this ` +
    "service is reached by that name.";
}

/** A page in a frame; the browser holds it to `frame-ancestors`. */
function isFrame(headers: Headers): boolean {
  return headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "iframe";
}

/** A link that was followed, or an address that was typed; not a frame, a script or an image. */
function isVisit(headers: Headers): boolean {
  const destination = headers.get("sec-fetch-dest") ?? "document";
  return headers.get("sec-fetch-mode") === "navigate" && destination === "document";
}
