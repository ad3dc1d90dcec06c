/** How far a server's memory grows while a body passes that is too large to hold. */

import { formatTable, mebibytes, readUsage, resetPeak, watchRss } from "./kit.ts";
import type { Server } from "./servers.ts";

/** Small scrapes before the first look, so that only the large body counts. */
const WARM_UP_SCRAPES = 20;
/** How often the large body passes at full speed. */
const FAST_PASSES = 3;
/** The pace of the slow reader, in bytes a second: what the server may not buffer for it. */
const SLOW_BYTES_PER_SECOND = 8_000_000;

/** Memory of one server while a large body passes, in KiB. */
export interface Memory {
  /** Which server. */
  name: string;
  /** Resident before the first large body. */
  beforeKib: number;
  /** The highest resident memory seen by looking every few milliseconds. */
  seenKib: number;
  /** The kernel's own peak with a reader that takes all it can get. */
  fastPeakKib: number;
  /** The kernel's own peak with a slow reader. */
  slowPeakKib: number;
  /** How often the memory was looked at. */
  looks: number;
  /** Time of the fastest pass, in seconds. */
  seconds: number;
  /** What went wrong, as sentences. */
  faults: string[];
}

/** Reads a body to its end, at most at a given pace; returns its length in bytes. */
async function drain(url: string, bytesPerSecond: number): Promise<number> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) {
    throw new Error(`status ${response.status}: ${(await response.text()).slice(0, 200).trim()}`);
  }
  const start = performance.now();
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    const aheadMs = bytes / bytesPerSecond * 1_000 - (performance.now() - start);
    if (aheadMs > 1) await new Promise((resolve) => setTimeout(resolve, aheadMs));
  }
  return bytes;
}

async function choose(origin: Server, body: number): Promise<void> {
  const response = await fetch(new URL(`/use/${body}`, origin.url), { method: "POST" });
  if (!response.ok) throw new Error(`Cannot choose body ${body}: status ${response.status}`);
}

/** Lets the second body of an origin pass through a server. */
export async function measureMemory(
  server: Server,
  origin: Server,
  wantedBytes: number,
): Promise<Memory> {
  const faults: string[] = [];
  await choose(origin, 0);
  for (let scrape = 0; scrape < WARM_UP_SCRAPES; scrape++) await drain(server.url, Infinity);
  await choose(origin, 1);
  const before = await readUsage(server.pids);
  await using watch = watchRss(server.pids);
  const pass = async (bytesPerSecond: number): Promise<number> => {
    const start = performance.now();
    try {
      const bytes = await drain(server.url, bytesPerSecond);
      if (bytes !== wantedBytes) {
        faults.push(`${server.name} sent ${bytes} bytes of the large body, wanted ${wantedBytes}`);
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      faults.push(`${server.name} did not send the large body: ${error.message}`);
    }
    return (performance.now() - start) / 1_000;
  };
  await resetPeak(server.pids);
  const times: number[] = [];
  for (let round = 0; round < FAST_PASSES; round++) times.push(await pass(Infinity));
  const fast = await readUsage(server.pids);
  await resetPeak(server.pids);
  await pass(SLOW_BYTES_PER_SECOND);
  const slow = await readUsage(server.pids);
  const looks = await watch.stop();
  return {
    name: server.name,
    beforeKib: before.rssKib,
    seenKib: Math.max(...looks),
    fastPeakKib: fast.peakRssKib,
    slowPeakKib: slow.peakRssKib,
    looks: looks.length,
    seconds: Math.min(...times),
    faults,
  };
}

/** Tells how far the memory grew. */
export function growthKib(memory: Memory): number {
  return Math.max(memory.fastPeakKib, memory.slowPeakKib) - memory.beforeKib;
}

/** Writes what was measured as a table, in MiB. */
export function memoryTable(rows: readonly Memory[]): string {
  const head = ["", "before", "seen", "peak, fast reader", "peak, slow reader", "growth", "s"];
  return formatTable([
    [...head, "looks"],
    ...rows.map((row) => [
      row.name,
      mebibytes(row.beforeKib),
      mebibytes(row.seenKib),
      mebibytes(row.fastPeakKib),
      mebibytes(row.slowPeakKib),
      mebibytes(growthKib(row)),
      row.seconds.toFixed(2),
      String(row.looks),
    ]),
  ]);
}
