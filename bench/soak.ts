/**
 * Lets the service run for simulated hours on eight simulated engines, and measures what a scrape
 * and an open page cost, and how soon Chromium paints the page. Needs Linux and Chromium.
 *
 *     deno task bench:soak
 *     deno task bench:soak --hours 1 --seconds 5
 */

import { DrivenService } from "../tests/peers/driven_service.ts";
import { firstPaintTable } from "./first_paint.ts";
import {
  formatTable,
  mebibytes,
  numbers,
  openPage,
  print,
  printMachine,
  readUsage,
  startRun,
  startService,
} from "./kit.ts";

const ENGINES = 8;
const START_MS = Date.UTC(2026, 0, 1);
/** Simulated time between two rows of the table, in minutes, and its scrapes. */
const ROW_MINUTES = 10;
const ROW_SCRAPES = ROW_MINUTES * 30;
/** What the pages look at that are open at once: all at the same, or each at something else. */
const PAGES: readonly { readonly name: string; readonly queries: readonly string[] }[] = [
  ...[0, 1, 10, 100].map((count) => ({
    name: `${count}`,
    queries: Array.from({ length: count }, () => ""),
  })),
  {
    name: "10 different",
    queries: [
      ...[300, 900, 3_600, 10_800, 21_600, 86_400].map((seconds) => `?window=${seconds}`),
      ...[0, 1, 2, 3].map((engine) => `?engine=${engine}`),
    ],
  },
];
/** How long the service runs before it is measured, in milliseconds. */
const SETTLE_MS = 3_000;

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Collects garbage, so that what is counted after it is what is held. */
function collectGarbage(): void {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") throw new Error("Run with --v8-flags=--expose-gc.");
  collect();
}

/** Scrapes for simulated hours: memory grows with the history until its hour is full, then not. */
async function soak(hours: number): Promise<void> {
  await using driven = new DrivenService("steady", ENGINES, START_MS);
  const rows = [["minute", "ms/scrape", "resident MiB", "heap MiB", "history MiB"]];
  for (let minute = 0; minute < hours * 60; minute += ROW_MINUTES) {
    const begun = performance.now();
    await driven.pass(ROW_MINUTES * 60_000);
    const ms = (performance.now() - begun) / ROW_SCRAPES;
    collectGarbage();
    const { rss, heapUsed } = Deno.memoryUsage();
    const history = (await driven.service.ownMetrics()).get("vllm_metrics_history_bytes") ?? 0;
    const sizes = [rss, heapUsed, history].map((bytes) => mebibytes(bytes / 1024));
    rows.push([String(minute + ROW_MINUTES), ms.toFixed(1), ...sizes]);
  }
  print(`${ENGINES} engines, a scrape each 2 s, simulator and reader in the same process\n`);
  print(formatTable(rows));
}

/** Processor time of the service with these pages open, in milliseconds a second. */
async function costOf(
  urls: readonly string[],
  { pids, seconds }: { pids: readonly number[]; seconds: number },
): Promise<{ ms: number; rssKib: number }> {
  await using open = new AsyncDisposableStack();
  for (const url of urls) open.use(await openPage(url));
  await wait(SETTLE_MS);
  const before = await readUsage(pids);
  await wait(seconds * 1_000);
  const after = await readUsage(pids);
  return {
    ms: (after.cpuSeconds - before.cpuSeconds) * 1_000 / seconds,
    rssKib: after.rssKib,
  };
}

/** Measures the demo, whose simulator is in the same process, with more and more pages. */
async function comparePages(seconds: number): Promise<void> {
  await using run = await startRun();
  const started = await startService(run, { LOG_LEVEL: "error" }, {
    args: ["demo", "--engines", String(ENGINES)],
  });
  await using _started = started;
  const { origin } = new URL(started.url);
  const rows = [["pages", "CPU ms a second", "resident MiB"]];
  for (const { name, queries } of PAGES) {
    const urls = queries.map((query) => `${origin}/api/v1/events${query}`);
    const { ms, rssKib } = await costOf(urls, { pids: started.pids, seconds });
    rows.push([name, ms.toFixed(0), mebibytes(rssKib)]);
  }
  print(
    `\n${ENGINES} engines, pages open on the same view or on different ones, ${seconds} s each\n`,
  );
  print(formatTable(rows));
  const [load = 0] = Deno.loadavg();
  print(`\nChromium, from the navigation on, load average ${load.toFixed(1)} before\n`);
  print(await firstPaintTable(`${origin}/`));
}

if (import.meta.main) {
  const { hours, seconds } = numbers(Deno.args, { hours: 2, seconds: 15 });
  printMachine(`${hours} h`);
  await soak(hours);
  await comparePages(seconds);
}
