/** Which route answers which path. */

import { accepts } from "@std/http/negotiation";
import { STATUS_CODE } from "@std/http/status";
import type { MetricsRegistry } from "../metrics_registry.ts";
import { EXPOSITION_TYPE } from "./metrics_route.ts";
import { requestPath } from "./request_path.ts";
import { textResponse } from "./responses.ts";
import { type TargetList, targetsResponse } from "./targets_route.ts";

/** Answers requests. */
export type Route = (request: Request) => Response | Promise<Response>;

/** What {@linkcode createRouter} needs. */
export interface RouterOptions {
  /** The version of the service. */
  readonly version: string;
  /** The servers. */
  readonly targets: TargetList;
  /** The service's own metrics. */
  readonly registry: MetricsRegistry;
  /** Answers `/metrics`, or `/metrics/NAME` for one of the servers. */
  readonly metrics: (request: Request, name?: string) => Promise<Response>;
  /** Answers `/` for browsers. */
  readonly page: Route;
  /** The routes of the page, by their path. */
  readonly routes: Readonly<Record<string, Route>>;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  /** Whether the service accepts requests; false once it was asked to stop. */
  readonly isReady: () => boolean;
}

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
      return textResponse(
        STATUS_CODE.NotFound,
        "There is nothing here. The metrics are at /metrics.",
      );
    }
    if (!METHODS.includes(request.method)) {
      const allow = METHODS.join(", ");
      return textResponse(STATUS_CODE.MethodNotAllowed, `This route takes ${allow}.`, { allow });
    }
    return route(request);
  };
}

/** Decodes percent encoding; a path in which it is broken stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
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
    return textResponse(
      STATUS_CODE.NotFound,
      `There is no such server. There is ${all.slice(0, MAX_NAMED).join(", ")}${more}.`,
    );
  };
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
