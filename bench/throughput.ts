/** How many scrapes a second each server answers, all of them side by side. */

import { describeDamage, findDamage } from "./damage.ts";
import { formatTable, mebibytes, median, readUsage } from "./kit.ts";
import type { Server, ServerName } from "./servers.ts";
import { runWrk, type WrkResult } from "./wrk.ts";

/** Load before the first round, so that the machine code is there, in seconds. */
const WARM_UP_SECONDS = 1;
/** These rename; the others pass on what they get. */
const RENAMING: readonly ServerName[] = ["nginx", "lines", "ours", "watched"];

/** How to measure. */
export interface ThroughputOptions {
  /** How often each server is loaded. */
  rounds: number;
  /** Length of one run of wrk, in seconds. */
  seconds: number;
  /** Connections at once. */
  connections: number;
  /** Ends the measurement early. */
  signal: AbortSignal;
}

/** The figures of one server, each the median of its rounds. */
export interface Throughput {
  /** Which server. */
  name: ServerName;
  /** Scrapes answered in a second. */
  requestsPerSecond: number;
  /** Time that half the scrapes kept, in milliseconds. */
  p50Ms: number;
  /** Time that 99 of 100 scrapes kept, in milliseconds. */
  p99Ms: number;
  /** Processor time of the server for a thousand scrapes, in seconds. */
  cpuSeconds: number;
  /** The most resident memory since its start, in KiB. */
  peakRssKib: number;
  /** What became of the body. */
  body: string;
  /** What went wrong, as sentences. */
  faults: string[];
}

/** What was counted for a server so far. */
interface Tally {
  server: Server;
  body: string;
  runs: WrkResult[];
  cpuSeconds: number;
  faults: string[];
}

async function bodyOf(server: Server): Promise<string> {
  const response = await fetch(server.url);
  if (!response.ok) throw new Error(`Cannot scrape "${server.name}": status ${response.status}`);
  return await response.text();
}

async function checkBody(server: Server, wanted: string): Promise<Tally> {
  const got = await bodyOf(server);
  const damage = findDamage(wanted, got);
  const body = got === wanted ? "as it came" : describeDamage(damage);
  const tally: Tally = { server, body, runs: [], cpuSeconds: 0, faults: [] };
  const renames = RENAMING.includes(server.name);
  if (renames ? damage.wrongNames > 0 : got !== wanted) {
    tally.faults.push(`${server.name} answers a wrong body: ${describeDamage(damage)}`);
  } else if (server.name === "ours" && body !== "intact") {
    tally.faults.push(`ours does more than rename: ${body}`);
  }
  return tally;
}

async function load(tally: Tally, options: ThroughputOptions): Promise<void> {
  const { server } = tally;
  const before = await readUsage(server.pids);
  const run = await runWrk({ ...server, ...options });
  const after = await readUsage(server.pids);
  tally.runs.push(run);
  tally.cpuSeconds += after.cpuSeconds - before.cpuSeconds;
  tally.faults.push(...run.faults.map((fault) => `${server.name}: ${fault}`));
}

async function figuresOf({ server, body, runs, cpuSeconds, faults }: Tally): Promise<Throughput> {
  const requests = runs.reduce((sum, run) => sum + run.requests, 0);
  return {
    name: server.name,
    requestsPerSecond: median(runs.map((run) => run.requestsPerSecond)),
    p50Ms: median(runs.map((run) => run.p50Ms)),
    p99Ms: median(runs.map((run) => run.p99Ms)),
    cpuSeconds: cpuSeconds / requests * 1_000,
    peakRssKib: (await readUsage(server.pids)).peakRssKib,
    body,
    faults,
  };
}

/** Checks every server's body, then loads the servers in turn, round by round. */
export async function measureThroughput(
  servers: readonly Server[],
  options: ThroughputOptions,
): Promise<Throughput[]> {
  const [origin] = servers;
  if (origin === undefined) return [];
  const wanted = await bodyOf(origin);
  const tallies: Tally[] = [];
  for (const server of servers) tallies.push(await checkBody(server, wanted));
  for (const { server } of tallies) {
    await runWrk({ ...server, ...options, seconds: WARM_UP_SECONDS });
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const tally of tallies) await load(tally, options);
  }
  return await Promise.all(tallies.map(figuresOf));
}

/** Writes the figures as a table. */
export function throughputTable(figures: readonly Throughput[]): string {
  const rateOf = (name: ServerName): number | undefined =>
    figures.find((one) => one.name === name)?.requestsPerSecond;
  const ratio = (rate: number, to: number | undefined): string =>
    to === undefined ? "-" : (rate / to).toFixed(2);
  const head = ["", "req/s", "p50 ms", "p99 ms", "x raw", "x nginx", "CPU s/1000", "peak MiB"];
  return formatTable([
    [...head, "body"],
    ...figures.map((one) => [
      one.name,
      one.requestsPerSecond.toFixed(0),
      one.p50Ms.toFixed(2),
      one.p99Ms.toFixed(2),
      ratio(one.requestsPerSecond, rateOf("raw")),
      ratio(one.requestsPerSecond, rateOf("nginx")),
      one.cpuSeconds.toFixed(3),
      mebibytes(one.peakRssKib),
      one.body,
    ]),
  ]);
}
