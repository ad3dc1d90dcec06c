/** `vllm-metrics check`: walks the way of the data and says which hop is broken. */

import { Report, summaryOf } from "../doctor/report.ts";
import type { CheckResult } from "../doctor/check_run.ts";
import { Arguments } from "./arguments.ts";
import { readEnvironment } from "./configure.ts";
import { Examination } from "./examination.ts";
import { EXIT, type Host } from "./host.ts";

/** Time between two walks with `--watch`, in milliseconds. */
const WATCH_MS = 10_000;

/** What may stand behind the command. */
interface CheckOptions {
  readonly json: boolean;
  readonly watch: boolean;
}

async function walkAll(host: Host, take: (hop: CheckResult) => void): Promise<void> {
  const env = readEnvironment(host);
  if (env !== undefined) return await new Examination(host, env, take).run();
  const found = "the .env file cannot be read";
  take({ part: "settings", name: "settings", status: "failed", found, action: "" });
}

async function checkOnce(host: Host, { json }: CheckOptions): Promise<number> {
  const isColourful = host.terminal() !== undefined && (host.env.NO_COLOR ?? "") === "";
  const report = new Report(isColourful);
  const hops: CheckResult[] = [];
  await walkAll(host, (hop) => {
    hops.push(hop);
    if (!json) host.print(report.linesOf(hop));
  });
  const failed = hops.some(({ status }) => status === "failed");
  host.print(json ? `${JSON.stringify({ ok: !failed, hops })}\n` : summaryOf(hops));
  return failed ? EXIT.failed : EXIT.ok;
}

/** Waits until the next walk is due, or somebody stops the process. */
async function pause(stopped: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, WATCH_MS);
  await Promise.race([promise, stopped]);
  clearTimeout(timer);
}

/** Walks again and again; a signal ends it, also in the middle of a walk. */
async function checkAgain(host: Host, options: CheckOptions): Promise<number> {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  let isOver = false;
  let code: number = EXIT.ok;
  const ignore = host.onStopSignal(() => {
    isOver = true;
    resolve();
  });
  try {
    while (!isOver) {
      const walk = checkOnce(host, options).then((result) => code = result);
      await Promise.race([walk, stopped]);
      await pause(stopped);
      if (!isOver && !options.json) host.print("\n");
    }
    return code;
  } finally {
    ignore();
  }
}

/**
 * Examines every hop.
 *
 * @param host The process; `--json` prints one JSON object a walk, `--watch` walks every 10 s.
 * @returns 0 when no hop failed in the last walk, 1 when one did, 2 on a wrong argument.
 */
export async function check(host: Host): Promise<number> {
  const args = new Arguments("check", host.args);
  if (args.refuse(host)) return EXIT.badConfig;
  const options = { json: args.has("json"), watch: args.has("watch") };
  return await (options.watch ? checkAgain : checkOnce)(host, options);
}
