/** Redirects: followed on the same origin, so that credentials stay with the server they are for. */

import { foreignRedirect, tooManyRedirects } from "./reply_failure.ts";
import type { Reply, Transport } from "./transport.ts";

/** Redirects followed in one scrape. */
const MAX_REDIRECTS = 5;

/** The statuses that name another place for a GET (RFC 9110, section 15.4). */
const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Settings of {@linkcode followRedirects}. */
export interface FollowOptions {
  /** The URL for people. */
  label: string;
  /** Breaks it off. */
  signal: AbortSignal;
}

/**
 * Sends a GET request, and again for each redirect.
 *
 * @param transport What sends it.
 * @param url Where to.
 * @param options What breaks it off.
 * @returns The first reply that is no redirect.
 * @throws {MetricsError} When a redirect leads to another origin, or after five of them.
 */
export async function followRedirects(
  transport: Transport,
  url: URL,
  options: FollowOptions,
): Promise<Reply> {
  const { label, signal } = options;
  let at = url;
  for (let count = 0; count <= MAX_REDIRECTS; count++) {
    const reply = await transport.get(at, signal);
    const location = STATUSES.has(reply.status) ? reply.headers.get("location") : null;
    if (location === null) return reply;
    const target = URL.parse(location, at);
    if (target === null || target.origin !== url.origin) throw foreignRedirect(label, target);
    await reply.body?.cancel();
    at = withoutCredentials(target);
  }
  throw tooManyRedirects(label, MAX_REDIRECTS);
}

/** Credentials come from the configuration, never from a reply. */
function withoutCredentials(url: URL): URL {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  return plain;
}
