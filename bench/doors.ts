/**
 * Measures what guarding the doors costs, and how the next request fares while
 * a thousand clients hang. Needs Linux, and nothing else.
 *
 *     deno task bench:doors
 *     deno task bench:doors --seconds 1 --rounds 1
 */

import { parseArgs } from "node:util";
import { createClient, type Doors, GUARDS, type Run, startDoors } from "./guarded.ts";
import { measureHanging } from "./hanging.ts";
import { readUsage } from "./process.ts";
import { print, startRun } from "./run.ts";
import { formatTable, median } from "./table.ts";

/** Asks again and again for some seconds; gives the time and the processor time of one request. */
async function pace(
  run: Run,
  doors: Doors,
  ask: (client: Deno.HttpClient) => Promise<number>,
  keepsConnections: boolean,
): Promise<{ ms: number; cpuMs: number }> {
  const times: number[] = [];
  using shared = createClient(true);
  const before = await readUsage(doors.started.pids);
  const end = performance.now() + run.seconds * 1_000;
  while (performance.now() < end) {
    using own = keepsConnections ? undefined : createClient(false);
    const startedMs = performance.now();
    const status = await ask(own ?? shared);
    if (status !== 200) throw new Error(`The service answered ${status}`);
    times.push(performance.now() - startedMs);
  }
  const after = await readUsage(doors.started.pids);
  return {
    ms: median(times),
    cpuMs: (after.cpuSeconds - before.cpuSeconds) * 1_000 / times.length,
  };
}

/** The cost of one request for each way to guard the doors; they take turns, so that noise is shared. */
async function measureCost(run: Run): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const services: [string, Doors, number[][]][] = [];
  for (const guard of GUARDS) {
    services.push([guard.name, stack.use(await startDoors(run, guard)), []]);
  }
  // The first round is for the machine code.
  for (let round = 0; round <= run.rounds; round++) {
    for (const [, doors, figures] of services) {
      const kept = await pace(run, doors, doors.scrape, true);
      const fresh = await pace(run, doors, doors.scrape, false);
      const relay = await pace(run, doors, doors.post, true);
      if (round > 0) figures.push([kept, fresh, relay].flatMap(({ ms, cpuMs }) => [ms, cpuMs]));
    }
  }
  const head = ["", "scrape ms", "CPU ms", "new conn. ms", "CPU ms", "relay ms", "CPU ms", ""];
  const rows = services.map(([name, , figures]) => {
    const [first = []] = figures;
    const middle = first.map((_, column) => median(figures.map((row) => row[column] ?? NaN)));
    return [name, ...middle.map((figure) => figure.toFixed(2)), ""];
  });
  return "One request at a time; a scrape is 63 KB, a relayed request one point.\n\n" +
    `${formatTable([head, ...rows])}\n`;
}

/** Runs all parts. */
async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "2" },
    },
  });
  await using begun = await startRun();
  const run: Run = { ...begun, rounds: Number(values.rounds), seconds: Number(values.seconds) };
  print(
    `Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} processors, ` +
      `load average ${(Deno.loadavg()[0] ?? 0).toFixed(1)} before\n\n`,
  );
  print(await measureCost(run));
  print(await measureHanging(run));
}

if (import.meta.main) {
  await main(Deno.args);
  Deno.exit();
}
