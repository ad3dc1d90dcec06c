/** Which route answers what. */

import { accepts } from "@std/http/negotiation";
import { STATUS_CODE } from "@std/http/status";
import type { Assets } from "../dashboard/assets.ts";
import { landingPageText } from "./landing_page.ts";
import type { MetricsRegistry } from "./metrics_registry.ts";
import type { MetricsRoute } from "./metrics_route.ts";
import { EXPOSITION_TYPE } from "./exposition_passage.ts";
import { requestPath } from "./request_path.ts";
import { textResponse } from "./responses.ts";
import type { UpstreamState } from "./upstream_state.ts";

/** What {@linkcode createHandler} works with. */
export interface HandlerOptions {
  /** The version of the service. */
  readonly version: string;
  /** The server's address for people. */
  readonly upstream: string;
  /** What is known of the server. */
  readonly state: UpstreamState;
  /** The service's own metrics. */
  readonly registry: MetricsRegistry;
  /** The live page. */
  readonly assets: Assets;
  /** Answers `/metrics`. */
  readonly metricsRoute: MetricsRoute;
  /** Whether the service takes requests; false once it has been asked to stop. */
  readonly isReady: () => boolean;
  /** More routes, by their path. */
  readonly routes?: Readonly<Record<string, Route>>;
}

/** Answers requests. */
export type Route = (request: Request) => Response | Promise<Response>;

/** Methods that all routes take. */
const METHODS = ["GET", "HEAD"];

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
    "/metrics": (request) => options.metricsRoute.answer(request),
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
    ...options.routes,
  };
  return (request) => {
    const pathname = requestPath(request);
    if (pathname === undefined) {
      return textResponse(STATUS_CODE.BadRequest, "The request has no valid Host field.");
    }
    const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
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

/** The live page for browsers, a few words for all others. */
function landing({ version, upstream, state, assets }: HandlerOptions, request: Request): Response {
  const wantsPage = accepts(request, "text/html", "text/plain") === "text/html" &&
    request.headers.get("accept")?.includes("text/html");
  if (wantsPage) return assets.page(request);
  const text = landingPageText({ version, upstream, state: state.sentence });
  return textResponse(STATUS_CODE.OK, text.trimEnd(), { vary: "accept" });
}
