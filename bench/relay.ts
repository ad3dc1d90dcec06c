/**
 * Measures what it costs to relay a scrape from Fluent Bit to Parseable: a
 * recorded OTLP request in, a Parseable out that answers at once. Needs `wrk`
 * on the path, and Linux.
 *
 *     deno task bench:relay
 *     deno task bench:relay --seconds 1 --rounds 1
 *
 * Exits with 1 when a request failed or the memory grows; a rate below its bar is only printed.
 */

import {
  endOf,
  formatTable,
  freePort,
  mebibytes,
  median,
  numbers,
  print,
  printMachine,
  readUsage,
  type Run as BenchRun,
  type Started,
  startRun,
  startScript,
  startService,
} from "./kit.ts";
import { measureEncoding } from "./relay_encoding.ts";
import { runWrk, type WrkResult } from "./wrk.ts";

/** What Fluent Bit made of one engine under load. */
const CAPTURE = new URL("../tests/testdata/otlp/during-load-c40.pb", import.meta.url);
/** Engines of the fleet whose scrapes come in one request. */
const FLEET = 20;
/** Scrapes of one engine a second that the relay shall manage at least. */
const RATE_BAR = 1_000;
/** Scrapes before the first round: the machine code is there then, and V8's heap as large as it gets. */
const WARM_UP_SCRAPES = 5_000;
/** Scrapes after which the memory is looked at. */
const MEMORY_SCRAPES = 10_000;
/** How far it may have grown by then. */
const GROWTH_BAR_KIB = 32 * 1024;

/** What the whole run shares. */
interface Run extends BenchRun {
  rounds: number;
  seconds: number;
  connections: number;
}

/** A request to measure. */
interface Load {
  label: string;
  engines: number;
  payload: Uint8Array<ArrayBuffer>;
}

/** The same message several times in a row is one message with all their resources. */
function repeated(bytes: Uint8Array<ArrayBuffer>, times: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(bytes.length * times);
  for (let at = 0; at < all.length; at += bytes.length) all.set(bytes, at);
  return all;
}

/** Writes the script with which wrk posts a payload. */
async function writeScript(run: Run, { label, payload }: Load): Promise<string> {
  const path = `${run.dir}/${label.replaceAll(" ", "-")}`;
  await Deno.writeFile(`${path}.pb`, payload);
  await Deno.writeTextFile(
    `${path}.lua`,
    `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-protobuf"
wrk.headers["Authorization"] = "Basic c2hpcHBlcjpzaGlwcGVy"
local file = io.open("${path}.pb", "rb")
wrk.body = file:read("*a")
file:close()
`,
  );
  return `${path}.lua`;
}

/** Starts Parseable's stand-in and the relay; gives the relay and where it takes OTLP. */
async function startRelay(
  run: Run,
  stack: AsyncDisposableStack,
): Promise<{ relay: Started; sink: Started; url: string }> {
  const otlpPort = freePort();
  const sink = stack.use(await startScript(run, "origin"));
  const relay = stack.use(
    await startService(run, {
      VLLM_METRICS_URL: sink.url,
      PARSEABLE_URL: new URL(sink.url).origin,
      OTLP_LISTEN_ADDRESS: `127.0.0.1:${otlpPort}`,
    }, { name: "relay", url: `http://127.0.0.1:${otlpPort}/-/ready` }),
  );
  return { relay, sink, url: `http://127.0.0.1:${otlpPort}/v1/metrics` };
}

/** Loads the relay until it has had the rounds and enough requests for its memory to tell. */
async function measure(run: Run, load: Load): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const script = await writeScript(run, load);
  const { relay, sink, url } = await startRelay(run, stack);
  const options = { ...run, url, script };
  for (let scrapes = 0; scrapes < WARM_UP_SCRAPES;) {
    scrapes += (await runWrk(options)).requests * load.engines;
  }
  const [before, sinkBefore] = [await readUsage(relay.pids), await readUsage(sink.pids)];
  const runs: WrkResult[] = [];
  let requests = 0;
  while (runs.length < run.rounds || requests * load.engines < MEMORY_SCRAPES) {
    const result = await runWrk(options);
    run.faults.push(...result.faults.map((fault) => `${load.label}: ${fault}`));
    if (result.requests === 0) throw new Error(`The relay answers nothing to ${load.label}`);
    requests += result.requests;
    runs.push(result);
  }
  const [after, sinkAfter] = [await readUsage(relay.pids), await readUsage(sink.pids)];
  const grownKib = after.rssKib - before.rssKib;
  if (grownKib > GROWTH_BAR_KIB) {
    run.faults.push(`${load.label}: the memory grew by ${mebibytes(grownKib)} MiB`);
  }
  const cpuFor1000 = (from: number, to: number): string =>
    ((to - from) / requests * 1e3).toFixed(3);
  return [
    load.label,
    String(load.payload.length),
    median(runs.map((one) => one.requestsPerSecond)).toFixed(0),
    median(runs.map((one) => one.p50Ms)).toFixed(2),
    median(runs.map((one) => one.p99Ms)).toFixed(2),
    cpuFor1000(before.cpuSeconds, after.cpuSeconds),
    cpuFor1000(sinkBefore.cpuSeconds, sinkAfter.cpuSeconds),
    String(requests),
    mebibytes(before.rssKib),
    mebibytes(after.rssKib),
    mebibytes(after.peakRssKib),
    "",
  ];
}

/** Runs all parts; returns the exit code. */
async function main(args: string[]): Promise<number> {
  const options = numbers(args, { rounds: 3, seconds: 4, connections: 4 });
  await using begun = await startRun();
  const run: Run = { ...begun, ...options };
  const payload = await Deno.readFile(CAPTURE);
  printMachine(`${run.connections} connections, rounds of ${run.seconds} s`);
  const head = ["", "bytes", "req/s", "p50 ms", "p99 ms", "CPU s/1000", "sink's", "requests"];
  const one = await measure(run, { label: "one engine", engines: 1, payload });
  const fleet = await measure(run, {
    label: `${FLEET} engines`,
    engines: FLEET,
    payload: repeated(payload, FLEET),
  });
  print(formatTable([[...head, "MiB before", "after", "peak", ""], one, fleet]));
  const verdict = Number(one[2]) >= RATE_BAR ? "met" : "MISSED";
  print(`\nthe bar of ${RATE_BAR} scrapes a second is ${verdict}\n\n`);
  print(measureEncoding(payload));
  return endOf(run);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
