/** When the first byte of a body leaves a server, and when the last. */

import type { Server } from "./servers.ts";
import { formatTable } from "./table.ts";

/** Two moments of one reply, in milliseconds after the request. */
export interface Arrival {
  /** Which server. */
  name: string;
  /** When the first byte came. */
  firstMs: number;
  /** When the last byte came. */
  lastMs: number;
}

/**
 * Scrapes once and notes when bytes come.
 *
 * @throws {Error} When the reply has no body.
 */
export async function measureFirstByte(server: Server): Promise<Arrival> {
  const start = performance.now();
  const response = await fetch(server.url);
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`Cannot scrape "${server.name}": status ${response.status}`);
  }
  const moments: number[] = [];
  for await (const chunk of response.body) {
    if (chunk.length > 0) moments.push(performance.now() - start);
  }
  return { name: server.name, firstMs: moments[0] ?? NaN, lastMs: moments.at(-1) ?? NaN };
}

/** Writes the moments as a table. */
export function firstByteTable(arrivals: readonly Arrival[]): string {
  return formatTable([
    ["", "first byte ms", "last byte ms", ""],
    ...arrivals.map((one) => [one.name, one.firstMs.toFixed(1), one.lastMs.toFixed(1), ""]),
  ]);
}
