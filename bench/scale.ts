/**
 * Measures how many servers one service carries: processor time, memory and the time of a scrape of
 * all of them, while a client scrapes at an interval as Prometheus or Fluent Bit would. The servers
 * are one process that answers 63 KB (459 samples) each. Needs Linux.
 *
 *     deno task bench:scale
 *     deno task bench:scale --interval 2 --scrapes 10
 */

import { setTimeout as delay } from "node:timers/promises";
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
  type Started,
  startRun,
  startScript,
  startService,
} from "./kit.ts";

/** What a vLLM of one engine answers under load. */
const CAPTURE = new URL("../tests/testdata/vllm/during-load-c40.txt", import.meta.url).pathname;
const SERVERS = [1, 8, 32, 64, 128, 250];
/** Scrapes before the first look, so that the machine code and the memory are there. */
const WARM_UP_SCRAPES = 5;

/** Scrapes once; returns the time in milliseconds and the length in bytes. */
async function scrape(url: URL): Promise<{ ms: number; bytes: number }> {
  const start = performance.now();
  const response = await fetch(url);
  const { byteLength: bytes } = await response.arrayBuffer();
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return { ms: performance.now() - start, bytes };
}

/** A row of the table. */
async function measure(
  run: Run,
  origin: Started,
  options: { servers: number; intervalMs: number; scrapes: number },
): Promise<string[]> {
  const { servers, intervalMs, scrapes } = options;
  const names = Array.from({ length: servers }, (_, index) => `v${index}=${origin.url}?${index}`);
  await using service = await startService(run, {
    VLLM_METRICS_URL: names.join(),
    SCRAPE_INTERVAL: `${intervalMs}ms`,
    LOG_LEVEL: "error",
  });
  const times: number[] = [];
  let bytes = 0;
  let before = await readUsage(service.pids);
  for (let count = -WARM_UP_SCRAPES; count < scrapes; count++) {
    if (count === 0) before = await readUsage(service.pids);
    const one = await scrape(new URL("/metrics", service.url));
    bytes = one.bytes;
    if (count >= 0) times.push(one.ms);
    await delay(Math.max(0, intervalMs - one.ms));
  }
  const after = await readUsage(service.pids);
  const cpuMs = (after.cpuSeconds - before.cpuSeconds) * 1_000 / scrapes;
  const own = await (await fetch(new URL("/-/metrics", service.url))).text();
  const series = /^vllm_metrics_history_series (\d+)/m.exec(own)?.[1] ?? "?";
  return [
    String(servers),
    (bytes / 1e6).toFixed(1),
    median(times).toFixed(0),
    cpuMs.toFixed(0),
    `${(100 * cpuMs / intervalMs).toFixed(0)} %`,
    mebibytes(after.rssKib),
    mebibytes(after.peakRssKib),
    series,
    median(times) < intervalMs ? "" : "TOO SLOW",
  ];
}

/** Measures each number of servers; returns the exit code. */
async function main(args: string[]): Promise<number> {
  const { interval, scrapes } = numbers(args, { interval: 2, scrapes: 10 });
  await using run = await startRun();
  await using origin = await startScript(run, "origin", [CAPTURE]);
  printMachine(`a scrape every ${interval} s`);
  const head = ["servers", "MB", "scrape ms", "CPU ms", "of one core", "MiB", "peak"];
  const rows = [[...head, "series kept", ""]];
  for (const servers of SERVERS) {
    rows.push(await measure(run, origin, { servers, intervalMs: interval * 1_000, scrapes }));
  }
  print(formatTable(rows));
  return endOf(run);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
