/** Reads the base URL of Parseable. */

import { accept, type Parsed, refuse } from "./parsed.ts";
import { meantUrl, parseHttpUrl, type UrlForm } from "./url.ts";

/** Where Parseable takes metrics, below its base URL. */
export const METRICS_PATH = "/v1/metrics";

const BASE_URL: UrlForm = {
  example: "http://parseable:8000",
  mend: (url) => `${url.protocol}//${url.host}${prefixOf(url)}`,
};

/** The path in front of those of Parseable: without a slash at its end, empty for the root. */
function prefixOf(url: URL): string {
  const path = url.pathname.replace(/\/+$/, "");
  return path.endsWith(METRICS_PATH) ? path.slice(0, -METRICS_PATH.length) : path;
}

/**
 * Reads the base URL of Parseable. Its path is kept as a prefix, the fragment goes.
 *
 * @param text What was written.
 * @returns The base URL.
 */
export function parseBaseUrl(text: string): Parsed<URL> {
  // First, and by the sign alone: credentials that break the URL are credentials all the same.
  if (text.includes("@")) {
    return refuse(
      "it has credentials in it. Fluent Bit sends those of the relay, and provision takes " +
        `P_USERNAME and P_PASSWORD. Write "${meantUrl(text, BASE_URL)}".`,
    );
  }
  const parsed = parseHttpUrl(text, BASE_URL);
  if (!parsed.ok) return parsed;
  const url = parsed.value;
  const base = BASE_URL.mend(url);
  if (url.search !== "") return refuse(`it has a query. Write "${base}".`);
  if (/\/v1\/metrics\/*$/.test(url.pathname)) {
    return refuse(`it ends in "${METRICS_PATH}", which the relay adds. Write "${base}".`);
  }
  url.pathname = prefixOf(url);
  url.search = "";
  url.hash = "";
  return accept(url);
}

/**
 * Finds a place below the base URL of Parseable.
 *
 * @param base What {@linkcode parseBaseUrl} gave.
 * @param path The path, beginning with a slash; a query may follow.
 * @returns The URL.
 */
export function placeBelow(base: URL, path: string): URL {
  return new URL(`${prefixOf(base)}${path}`, base);
}
