/** What pages of other sites may make a browser send here: nothing but a visit to the page itself. */

import { STATUS_CODE } from "@std/http/status";
import type { Route } from "./router.ts";
import { textResponse } from "./responses.ts";

/**
 * On every response: a browser guesses no other type, and gives the response to no page of another
 * origin, not even as an image or a script.
 */
const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ["x-content-type-options", "nosniff"],
  ["cross-origin-resource-policy", "same-origin"],
];

/** IP addresses as `URL` writes them, and names that lead to this machine in every browser. */
const SAFE_HOST = /^(?:\[.*\]|[\d.]+|(?:.*\.)?localhost)$/;

/** A link that was followed, or an address that was typed; not a frame, a script or an image. */
function isVisit(headers: Headers): boolean {
  const destination = headers.get("sec-fetch-dest") ?? "document";
  return headers.get("sec-fetch-mode") === "navigate" && destination === "document";
}

/** Why a request is refused; undefined when it is not. */
function refusal(
  request: Request,
  allowedHosts: readonly string[] | undefined,
): string | undefined {
  const { headers, method, url } = request;
  if (headers.get("sec-fetch-site") === "cross-site" && !(method === "GET" && isVisit(headers))) {
    return "Cannot answer: a page of another site made the browser send this request. Open the " +
      "address itself.";
  }
  if (allowedHosts === undefined) return undefined;
  const host = URL.parse(url)?.hostname;
  if (host === undefined || SAFE_HOST.test(host) || allowedHosts.includes(host)) return undefined;
  return `Cannot answer for the host "${host}": it is not in ALLOWED_HOSTS. Add it there if this ` +
    "service is reached by that name.";
}

/** Puts the policy before all routes. */
export function withOriginPolicy(route: Route, allowedHosts?: readonly string[]): Route {
  return async (request) => {
    const problem = refusal(request, allowedHosts);
    const response = problem === undefined
      ? await route(request)
      : textResponse(STATUS_CODE.Forbidden, problem);
    for (const [name, value] of HEADERS) response.headers.set(name, value);
    return response;
  };
}
