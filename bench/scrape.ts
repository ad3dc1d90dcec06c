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
import { type Arrival, firstByteTable, measureFirstByte } from "./first_byte.ts";
import { growthKib, measureMemory, type Memory, memoryTable } from "./memory.ts";
import { type Options, parseOptions } from "./options.ts";
import { endOf, print, type Run as BenchRun, startRun } from "./run.ts";
import { type Server, startServer } from "./servers.ts";
import { mebibytes } from "./table.ts";
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
/** The bars for our rate: against nginx at each size, and against the raw pass-through. */
const NGINX_BAR = 2;
const RAW_BARS = { "one engine": 0.5, "eight engines": 0.4 };
/** The bars against the raw pass-through for a single connection, so that no scrape is shared. */
const ALONE_BARS = { "one engine": 0.3, "eight engines": 0.25 };

/** What the whole run shares. */
type Run = BenchRun & Options;

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
  const options = { ...run, originArgs };
  const origin = stack.use(await startServer("origin", 0, options));
  const servers: [Server, ...Server[]] = [origin];
  for (const name of run.servers) {
    if (name !== "origin") servers.push(stack.use(await startServer(name, origin.port, options)));
  }
  return servers;
}

/** Prints our rates as ratios, and beside them the processor time, which other load disturbs less. */
function printBars(figures: readonly Throughput[], rawBar: number): void {
  for (const ours of figures.filter(({ name }) => name === "ours" || name === "watched")) {
    for (const [name, bar] of [["raw", rawBar], ["nginx", NGINX_BAR]] as const) {
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
    printBars(figures, (connections === 1 ? ALONE_BARS : RAW_BARS)[label]);
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

/** Runs all parts; returns the exit code. */
async function main(args: string[]): Promise<number> {
  const options = parseOptions(args);
  await using begun = await startRun();
  const run: Run = { ...begun, ...options };
  const capture = await Deno.readTextFile(CAPTURE);
  print(
    `Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} processors, ` +
      `${run.connections} connections, median of ${run.rounds} rounds of ${run.seconds} s\n`,
  );
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
