/** Where the running service is reached from this machine. */

import type { Address } from "../config/values.ts";

/**
 * The address to connect to: one that stands for all of them is reached by the loopback one.
 *
 * @param listen Where the service listens.
 * @returns Host as it stands in a URL, and port.
 */
export function reachableAddress({ hostname, port }: Address): Address {
  if (hostname === "0.0.0.0") return { hostname: "127.0.0.1", port };
  if (hostname === "::") return { hostname: "[::1]", port };
  return { hostname: hostname.includes(":") ? `[${hostname}]` : hostname, port };
}
