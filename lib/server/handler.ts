/** Which route answers what. */

import { accepts } from "@std/http/negotiation";
import { STATUS_CODE } from "@std/http/status";
import type { Assets } from "../dashboard/assets.ts";
import { landingPageText } from "./landing_page.ts";
import type { MetricsRegistry } from "./metrics_registry.ts";
import { EXPOSITION_TYPE } from "./metrics_route.ts";
import { requestPath } from "./request_path.ts";
import { textResponse } from "./responses.ts";
import { type TargetList, targetsResponse } from "./targets.ts";

/** What {@linkcode createHandler} works with. */
export interface HandlerOptions {
  /** The version of the service. */
  readonly version: string;
  /** The servers. */
  readonly targets: TargetList;
  /** The service's own metrics. */
  readonly registry: MetricsRegistry;
  /** The live page. */
  readonly assets: Assets;
  /** Answers `/metrics`, or `/metrics/NAME` for one of the servers. */
  readonly metrics: (request: Request, name?: string) => Promise<Response>;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  /** Whether the service takes requests; false once it has been asked to stop. */
  readonly isReady: () => boolean;
  /** More routes, by their path. */
  readonly routes?: Readonly<Record<string, Route>>;
}

/** Answers requests. */
export type Route = (request: Request) => Response | Promise<Response>;

/** Methods that all routes take. */
const METHODS = ["GET", "HEAD"];
/** What the path of one server's metrics begins with. */
const ONE_SERVER = "/metrics/";
/** Longest wait for name servers when the metrics of one server are asked for, in milliseconds. */
const LOOKUP_MS = 1_000;
/** Servers that are named when one is asked for that there is not. */
const MAX_NAMED = 50;

/**
 * Makes the handler of the service's listener.
 *
 * @param options What the routes work with.
 * @returns A function of a request; it looks at nothing but method, path and a few headers.
 */
export function createHandler(options: HandlerOptions): Route {
  const healthy: Route = () => textResponse(STATUS_CODE.OK, "ok");
  const routes: Record<string, Route> = {
    ...options.assets.routes,
    "/": (request) => landing(options, request),
    "/metrics": (request) => options.metrics(request),
    "/health": healthy,
    "/-/healthy": healthy,
    "/-/ready": () =>
      options.isReady()
        ? textResponse(STATUS_CODE.OK, "ready")
        : textResponse(STATUS_CODE.ServiceUnavailable, "stopping"),
    "/-/metrics": async () =>
      new Response(await options.registry.text(), {
        headers: { "content-type": EXPOSITION_TYPE },
      }),
    "/-/targets": () => targetsResponse(options.targets.list, options.now()),
    ...options.routes,
  };
  return (request) => {
    const pathname = requestPath(request);
    if (pathname === undefined) {
      return textResponse(STATUS_CODE.BadRequest, "The request has no valid Host field.");
    }
    const route = Object.hasOwn(routes, pathname)
      ? routes[pathname]
      : oneServerRoute(options, pathname);
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

/** Takes percent encoding off; a path in which it is broken stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

/** The route of one server's metrics; undefined for a path of another kind. */
function oneServerRoute({ targets, metrics }: HandlerOptions, pathname: string): Route | undefined {
  if (!pathname.startsWith(ONE_SERVER) || pathname === ONE_SERVER) return undefined;
  const wanted = decoded(pathname.slice(ONE_SERVER.length));
  return async (request) => {
    const names = (): string[] => targets.list.map(({ name }) => name);
    if (!names().includes(wanted)) await targets.refresh(LOOKUP_MS);
    if (names().includes(wanted)) return await metrics(request, wanted);
    const all = names();
    const more = all.length > MAX_NAMED ? ` and ${all.length - MAX_NAMED} more` : "";
    return textResponse(
      STATUS_CODE.NotFound,
      `There is no such server. There is ${all.slice(0, MAX_NAMED).join(", ")}${more}.`,
    );
  };
}

/** The live page for browsers, a few words for all others. */
function landing({ version, targets, assets }: HandlerOptions, request: Request): Response {
  const wantsPage = accepts(request, "text/html", "text/plain") === "text/html" &&
    request.headers.get("accept")?.includes("text/html");
  if (wantsPage) return assets.page(request);
  const servers = targets.list.map(({ name, label, state }) => ({
    name: targets.isMerged ? name : "",
    upstream: label,
    state: state.sentence,
  }));
  const text = landingPageText({ version, servers });
  return textResponse(STATUS_CODE.OK, text.trimEnd(), { vary: "accept" });
}
