/**
 * Measures the merge of many servers in one scrape: how long it takes beside the slowest of them,
 * what a change of the set and a server that hangs cost, and whether memory stays flat. The servers
 * are one process under 32 names. Needs Linux.
 *
 *     deno task bench:servers
 *     deno task bench:servers --servers 8 --scrapes 100
 *
 * Exits with 1 when a scrape failed or lost a server; a time over its bar is only printed.
 */

import {
  endOf,
  formatTable,
  mebibytes,
  median,
  numbers,
  print,
  printMachine,
  readUsage,
  type Run,
  startRun,
  startScript,
  startService,
} from "./kit.ts";

/** What a vLLM of one engine answers under load: 63 KB. */
const CAPTURE = new URL("../tests/testdata/vllm/during-load-c40.txt", import.meta.url).pathname;
/** Scrapes before the first look, so that the machine code is there. */
const WARM_UP_SCRAPES = 100;
/** What a merge may take beyond twice the slowest server, in milliseconds. */
const BAR_MS = 100;
/** Time that a reader of the hung server has, in seconds; half a second of it is the service's. */
const PATIENCE_SECONDS = 2;

/** One scrape. */
interface Scrape {
  ms: number;
  bytes: number;
  servers: number;
}

async function scrape(url: string, headers: HeadersInit = {}): Promise<Scrape> {
  const start = performance.now();
  const response = await fetch(url, { headers });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const ms = performance.now() - start;
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  const found = new TextDecoder().decode(bytes).matchAll(/instance="([^"]*)"/g);
  return { ms, bytes: bytes.length, servers: new Set([...found].map(([, name]) => name)).size };
}

/** The slowest of so many servers that are asked at once, without the service. */
async function slowest(url: string, servers: number): Promise<number> {
  const scrapes = await Promise.all(Array.from({ length: servers }, () => scrape(url)));
  return Math.max(...scrapes.map(({ ms }) => ms));
}

function quantile(figures: readonly number[], q: number): number {
  return figures.toSorted((a, b) => a - b)[Math.ceil(q * figures.length) - 1] ?? NaN;
}

function namesOf(url: string, servers: number): string[] {
  return Array.from({ length: servers }, (_, index) => `vllm-${index + 1}=${url}?${index}`);
}

/** Many scrapes of all servers. */
async function measure(
  run: Run,
  options: { label: string; slices: string[]; servers: number; scrapes: number },
): Promise<string[]> {
  const { label, slices, servers, scrapes } = options;
  await using origin = await startScript(run, "origin", [...slices, CAPTURE]);
  await using service = await startService(run, {
    VLLM_METRICS_URL: namesOf(origin.url, servers).join(),
    LOG_LEVEL: "error",
  });
  const url = new URL("/metrics", service.url).href;
  const first = await scrape(url);
  const times: number[] = [];
  const alone: number[] = [];
  for (let count = 0; count < WARM_UP_SCRAPES; count++) await scrape(url);
  const before = await readUsage(service.pids);
  let bytes = 0;
  for (let count = 0; count < scrapes; count++) {
    if (count % 10 === 0) alone.push(await slowest(origin.url, servers));
    const one = await scrape(url);
    times.push(one.ms);
    bytes = one.bytes;
    if (one.servers !== servers) run.faults.push(`${one.servers} servers in place of ${servers}`);
  }
  const after = await readUsage(service.pids);
  const barMs = 2 * median(alone) + BAR_MS;
  const cpuMs = (after.cpuSeconds - before.cpuSeconds) * 1_000 / scrapes;
  return [
    label,
    (bytes / 1e6).toFixed(2),
    median(alone).toFixed(1),
    first.ms.toFixed(1),
    median(times).toFixed(1),
    quantile(times, 0.99).toFixed(1),
    barMs.toFixed(0),
    cpuMs.toFixed(1),
    mebibytes(before.rssKib),
    mebibytes(after.rssKib),
    mebibytes(after.peakRssKib),
    quantile(times, 0.99) <= barMs ? "met" : "MISSED",
  ];
}

/** One server takes connections and says nothing. */
async function measureHung(run: Run, servers: number): Promise<string> {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using origin = await startScript(run, "origin", [CAPTURE]);
  const urls = [...namesOf(origin.url, servers), `hung=http://127.0.0.1:${silent.addr.port}`];
  await using service = await startService(run, {
    VLLM_METRICS_URL: urls.join(),
    LOG_LEVEL: "error",
  });
  const headers = { "x-prometheus-scrape-timeout-seconds": String(PATIENCE_SECONDS) };
  const times: number[] = [];
  for (let count = 0; count < 5; count++) {
    const one = await scrape(new URL("/metrics", service.url).href, headers);
    times.push(one.ms);
    if (one.servers !== servers) run.faults.push(`${one.servers} servers beside a hung one`);
  }
  return `one more server that hangs, a reader with ${PATIENCE_SECONDS} s: ` +
    `answered after ${(Math.max(...times) / 1_000).toFixed(2)} s with all ${servers} others\n`;
}

/** Runs all parts; returns the exit code. */
async function main(args: string[]): Promise<number> {
  const { servers, scrapes } = numbers(args, { servers: 32, scrapes: 1_000 });
  await using run = await startRun();
  printMachine(`${servers} servers, ${scrapes} scrapes`);
  const head = ["servers that answer", "MB", "slowest ms", "first ms", "p50 ms", "p99 ms"];
  const more = ["bar ms", "CPU ms", "MiB before", "after", "peak", ""];
  const fast = { label: "at once", slices: [], servers, scrapes };
  const slow = { label: "in 200 ms", slices: ["--slices", "3", "--pause-ms", "100"], servers };
  print(formatTable([
    [...head, ...more],
    await measure(run, fast),
    await measure(run, { ...slow, scrapes: Math.ceil(scrapes / 20) }),
  ]));
  print(`\n${await measureHung(run, servers)}`);
  return endOf(run);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
