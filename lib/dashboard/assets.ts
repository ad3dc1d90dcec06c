/** The files of the live page. They are part of the program, which works offline. */

import { createHash } from "node:crypto";
import { SAFE_HEADERS } from "../http/responses.ts";
import uplotCss from "uplot/dist/uPlot.min.css" with { type: "text" };
import script from "./page/bundle.js" with { type: "text" };
import html from "./page/index.html" with { type: "text" };
import pageCss from "./page/style.css" with { type: "text" };

/** Answers a request for a file. */
export type AssetRoute = (request: Request) => Response;

/** The files, by their path. */
export interface Assets {
  /** The page itself, for browsers. */
  readonly page: AssetRoute;
  /** The files that it loads. */
  readonly routes: Readonly<Record<string, AssetRoute>>;
}

/**
 * The page may only do what it needs (CSP level 3): run its own script and read this service; no
 * forms, and no frames but those of FRAME_ANCESTORS.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
];

/** Browsers keep a file and revalidate it each time. */
const HEADERS: Readonly<Record<string, string>> = { ...SAFE_HEADERS, "cache-control": "no-cache" };

/** Makes the route of a file. */
function createRoute(
  text: string,
  headers: Readonly<Record<string, string>>,
  common = HEADERS,
): AssetRoute {
  const tag = `"${createHash("sha256").update(text).digest("base64url")}"`;
  const all = { ...common, ...headers, etag: tag };
  return (request) => {
    // Compression makes the tag a weak one, `W/"…"`, which says enough here (RFC 9110, 13.1.2).
    const isKnown = request.headers.get("if-none-match")?.includes(tag) ?? false;
    return isKnown
      ? new Response(null, { status: 304, headers: all })
      : new Response(text, { headers: all });
  };
}

/**
 * Makes the routes of the page and of what it loads.
 *
 * @param frameAncestors Origins that may embed the page.
 */
export function createAssets(frameAncestors: readonly string[]): Assets {
  const ancestors = frameAncestors.length === 0 ? "'none'" : frameAncestors.join(" ");
  // Browsers that know frame-ancestors ignore this field; others cannot allow single sites.
  const { "x-frame-options": _, ...others } = HEADERS;
  return {
    page: createRoute(html, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": [...POLICY, `frame-ancestors ${ancestors}`].join("; "),
      vary: "accept",
    }, frameAncestors.length === 0 ? HEADERS : others),
    routes: {
      "/page.js": createRoute(script, { "content-type": "text/javascript; charset=utf-8" }),
      "/page.css": createRoute(uplotCss + pageCss, { "content-type": "text/css; charset=utf-8" }),
    },
  };
}
