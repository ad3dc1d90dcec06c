/** The servers that one name leads to, as a headless service of Kubernetes: a walk for each. */

import { MetricsError } from "../errors.ts";
import type { Resolve } from "../net/resolve.ts";
import { type ServerWalkOptions, walkServer } from "./server_walk.ts";
import type { Verdict, Walk } from "./walk.ts";

/** Servers that are walked to: one that hangs costs some seconds. */
const MAX_WALKS = 32;

/** What {@linkcode walkFoundServers} works with. */
export interface FoundServersOptions extends ServerWalkOptions {
  /** Looks the name up. */
  readonly resolve: Resolve;
  /** Begins a walk of a part. */
  readonly begin: (part: string) => Walk;
}

/**
 * Looks a name up, and walks to every address that it leads to.
 *
 * @param part What the servers are called together.
 * @param options The name, and how to begin a walk.
 */
export async function walkFoundServers(part: string, options: FoundServersOptions): Promise<void> {
  const { begin, ...server } = options;
  const addresses = await begin(part).step("name", (signal) => lookUp(options, signal));
  for (const address of (addresses ?? []).slice(0, MAX_WALKS)) {
    await walkServer(begin(`${part} at ${address}`), { ...server, address });
  }
}

async function lookUp(
  { config: { url, label }, resolve }: FoundServersOptions,
  signal: AbortSignal,
): Promise<Verdict<readonly string[]>> {
  const addresses = await resolve(url.hostname, signal);
  if (addresses.length === 0) {
    throw new MetricsError(
      "UPSTREAM_DNS",
      `Cannot scrape "${label}": host name "${url.hostname}" not found`,
      { hint: "Is the name right, and is a server behind it ready?" },
    );
  }
  const found = `"${url.hostname}" leads to ${addresses.join(", ")}`;
  if (addresses.length <= MAX_WALKS) return { found, value: addresses };
  return {
    status: "warn",
    found: `${found}: the first ${MAX_WALKS} are walked to`,
    value: addresses,
  };
}
