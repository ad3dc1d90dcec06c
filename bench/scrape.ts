/**
 * Measures what a scrape costs, beside the origin, plain pass-throughs and nginx.
 * Needs `wrk` and `nginx` on the path, and Linux.
 *
 *     deno task bench
 *     deno task bench --seconds 1 --rounds 1 --servers origin,raw,ours
 *
 * Exits with 1 when a body is wrong, a request failed or a bar that does not
 * depend on the machine is missed; a rate below its bar is only printed.
 */

import { manySeries, oneEngine, severalEngines } from "./exposition.ts";
import {
  endOf,
  formatTable,
  mebibytes,
  numbers,
  print,
  printMachine,
  type Run as BenchRun,
  startRun,
  startScript,
} from "./kit.ts";
import { growthKib, measureMemory, type Memory, memoryTable } from "./memory.ts";
import { type Server, SERVER_NAMES, type ServerName, startServer } from "./servers.ts";
import { measureThroughput, type Throughput, throughputTable } from "./throughput.ts";

/** What one vLLM engine answered under load. */
const CAPTURE = new URL("../tests/testdata/vllm/during-load-c40.txt", import.meta.url);
/** The length of the large body, in bytes. */
const LARGE_BYTES = 22_000_000;
/** How far the memory may grow while the large body passes. */
const GROWTH_BAR_KIB = 32 * 1024;
/** How the origin sends the body when the first byte is timed. */
const SLICES = 10;
const SLICE_PAUSE_MS = 100;
/** The bars for our rate with several connections: against nginx, and against the raw pass-through. */
const NGINX_BAR = 2;
const RAW_BARS = { "one engine": 0.5, "eight engines": 0.4 };
/** The bars against the raw pass-through for a single connection, so that no scrape is shared. */
const ALONE_BARS = { "one engine": 0.3, "eight engines": 0.25 };

/** What the whole run shares. */
interface Run extends BenchRun {
  /** The servers to measure, in the order of the table. */
  servers: readonly ServerName[];
  /** How often each server is loaded. */
  rounds: number;
  /** Length of one load, in seconds. */
  seconds: number;
  /** Connections at once. */
  connections: number;
}

async function saveBody(run: Run, name: string, text: string): Promise<string> {
  const path = `${run.dir}/${name}.txt`;
  await Deno.writeTextFile(path, text);
  return path;
}

async function startAll(
  run: Run,
  originArgs: readonly string[],
  stack: AsyncDisposableStack,
): Promise<[Server, ...Server[]]> {
  const origin = stack.use(await startScript(run, "origin", originArgs));
  const servers: [Server, ...Server[]] = [{ name: "origin", ...origin }];
  for (const name of run.servers) {
    if (name !== "origin") servers.push(stack.use(await startServer(run, name, origin)));
  }
  return servers;
}

/** Prints our rates as ratios, and beside them the processor time, which other load disturbs less. */
function printBars(
  figures: readonly Throughput[],
  bars: readonly (readonly [name: ServerName, bar: number])[],
): void {
  for (const ours of figures.filter(({ name }) => name === "ours" || name === "watched")) {
    for (const [name, bar] of bars) {
      const other = figures.find((one) => one.name === name);
      if (other === undefined) continue;
      const ratio = ours.requestsPerSecond / other.requestsPerSecond;
      const cpuRatio = other.cpuSeconds / ours.cpuSeconds;
      const verdict = ratio >= bar ? "met" : "MISSED";
      print(
        `${ours.name} is ${ratio.toFixed(2)} x ${name} (${
          cpuRatio.toFixed(2)
        } by processor time); ` +
          `the bar of ${bar} is ${verdict}\n`,
      );
    }
  }
}

async function compareRates(run: Run, label: keyof typeof RAW_BARS, body: string): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const path = await saveBody(run, label.replace(" ", "-"), body);
  const servers = await startAll(run, [path], stack);
  for (const connections of [run.connections, 1]) {
    const load = Deno.loadavg()[0] ?? 0;
    print(
      `\n${label}, ${body.length} bytes, ${connections} connections ` +
        `(load average ${load.toFixed(1)} before)\n`,
    );
    const figures = await measureThroughput(servers, { ...run, connections });
    print(throughputTable(figures));
    printBars(
      figures,
      connections === 1
        ? [["raw", ALONE_BARS[label]]]
        : [["raw", RAW_BARS[label]], ["nginx", NGINX_BAR]],
    );
    run.faults.push(...figures.flatMap((one) => one.faults));
  }
}

async function compareMemory(run: Run, small: string): Promise<void> {
  const large = manySeries(LARGE_BYTES);
  const paths = [await saveBody(run, "small", small), await saveBody(run, "large", large)];
  print(`\nmemory while ${large.length} bytes pass, in MiB\n`);
  await using stack = new AsyncDisposableStack();
  const [origin, ...servers] = await startAll(run, paths, stack);
  const rows: Memory[] = [];
  for (const server of servers) rows.push(await measureMemory(server, origin, large.length));
  print(memoryTable(rows));
  run.faults.push(...rows.flatMap((row) => row.faults));
  const ours = rows.find((row) => row.name === "ours");
  if (ours !== undefined && growthKib(ours) >= GROWTH_BAR_KIB) {
    run.faults.push(`ours grows by ${mebibytes(growthKib(ours))} MiB, the bar is 32`);
  }
}

async function compareFirstBytes(run: Run, small: string): Promise<void> {
  const slicing = ["--slices", String(SLICES), "--pause-ms", String(SLICE_PAUSE_MS)];
  const path = await saveBody(run, "sliced", small);
  print(`\n${small.length} bytes in ${SLICES} slices with ${SLICE_PAUSE_MS} ms between\n`);
  await using stack = new AsyncDisposableStack();
  const servers = await startAll(run, [path, ...slicing], stack);
  const arrivals: Arrival[] = [];
  for (const server of servers) arrivals.push(await measureFirstByte(server));
  print(firstByteTable(arrivals));
  const ours = arrivals.find((one) => one.name === "ours");
  if (ours !== undefined && !(ours.firstMs < ours.lastMs - SLICE_PAUSE_MS)) {
    run.faults.push("ours sends its first byte only when the last has come");
  }
}

/** Two moments of one reply, in milliseconds after the request. */
interface Arrival {
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
async function measureFirstByte(server: Server): Promise<Arrival> {
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
function firstByteTable(arrivals: readonly Arrival[]): string {
  return formatTable([
    ["", "first byte ms", "last byte ms", ""],
    ...arrivals.map((one) => [one.name, one.firstMs.toFixed(1), one.lastMs.toFixed(1), ""]),
  ]);
}

function serverNames(list: string): ServerName[] {
  const words = list.split(",");
  const unknown = words.filter((word) => !SERVER_NAMES.some((name) => name === word));
  if (unknown.length > 0) {
    const known = SERVER_NAMES.join(", ");
    throw new RangeError(`Cannot use --servers "${list}": ${unknown} is none of ${known}`);
  }
  return SERVER_NAMES.filter((name) => words.includes(name));
}

/** Takes `--servers` out of the command line, and puts its value first. */
function serversFirst(args: readonly string[]): [string, ...string[]] {
  const at = args.indexOf("--servers");
  if (at < 0) return [SERVER_NAMES.join(","), ...args];
  return [args[at + 1] ?? "", ...args.toSpliced(at, 2)];
}

/** Runs all parts; returns the exit code. */
async function main(args: string[]): Promise<number> {
  const [list, ...others] = serversFirst(args);
  const options = numbers(others, { rounds: 3, seconds: 3, connections: 4 });
  await using begun = await startRun();
  const run: Run = { ...begun, ...options, servers: serverNames(list) };
  const capture = await Deno.readTextFile(CAPTURE);
  printMachine(`median of ${run.rounds} rounds of ${run.seconds} s`);
  try {
    await compareRates(run, "one engine", oneEngine(capture));
    await compareRates(run, "eight engines", severalEngines(capture, 8));
    await compareMemory(run, oneEngine(capture));
    await compareFirstBytes(run, oneEngine(capture));
  } catch (error) {
    // A stopped child process fails in ways of its own; the cause is known then.
    if (!run.signal.aborted) throw error;
    run.faults.push("stopped by a signal");
  }
  return endOf(run);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
