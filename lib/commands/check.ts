/** `vllm-metrics check`: walks the way of the data and says which hop is broken. */

import { parseArgs } from "node:util";
import { type Config, parseConfig } from "../config/config.ts";
import type { Environment } from "../config/env_file.ts";
import { parseProvision } from "../config/provision_config.ts";
import { walkParseable } from "../doctor/parseable_walk.ts";
import { Report, summaryOf } from "../doctor/report.ts";
import { walkServer } from "../doctor/server_walk.ts";
import { walkService } from "../doctor/service_walk.ts";
import { type Hop, Walk } from "../doctor/walk.ts";
import { MetricsError } from "../errors.ts";
import { readEnvironment } from "./configure.ts";
import { EXIT, type Host } from "./host.ts";
import { findOwnListener } from "./own_service.ts";

/** Time between two walks with `--watch`, in milliseconds. */
const WATCH_MS = 10_000;

/** What may stand behind the command. */
interface CheckOptions {
  readonly json: boolean;
  readonly watch: boolean;
}

/** Takes each hop once it is examined. */
type Take = (hop: Hop) => void;

function readOptions(host: Host): CheckOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...host.args],
      options: {
        json: { type: "boolean", default: false },
        watch: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    host.printError(`vllm-metrics check: ${error.message}\n`);
    return undefined;
  }
}

/** Reads the settings; mistakes are hops that failed. */
function checkSettings(host: Host, env: Environment, take: Take): Config | undefined {
  const part = "settings";
  const result = parseConfig(env, (path) => host.readTextFile(path));
  if (result.ok) {
    take({ part, name: "settings", status: "ok", found: "complete", action: "" });
  } else {
    for (const found of result.mistakes) {
      take({ part, name: "settings", status: "failed", found, action: "" });
    }
  }
  const { warnings } = result.ok ? result.config : result;
  for (const found of warnings) take({ part, name: "settings", status: "warn", found, action: "" });
  return result.ok ? result.config : undefined;
}

async function checkService(host: Host, env: Environment, take: Take): Promise<void> {
  const walk = new Walk("vllm-metrics", take);
  const readFile = (path: string): string => host.readTextFile(path);
  const metrics = findOwnListener(env, "LISTEN_ADDRESS", readFile);
  const relay = (env.PARSEABLE_URL ?? "").trim() === ""
    ? undefined
    : findOwnListener(env, "OTLP_LISTEN_ADDRESS", readFile);
  // What is wrong with these settings has been told.
  if (typeof metrics === "string" || typeof relay === "string") return;
  using _metrics = metrics;
  using _relay = relay;
  await walkService(walk, { metrics, relay });
}

async function checkParseable(host: Host, env: Environment, take: Take): Promise<void> {
  const walk = new Walk("Parseable", take);
  if ((env.PARSEABLE_URL ?? "").trim() === "") {
    walk.skip("Parseable", "PARSEABLE_URL is not set");
    return;
  }
  const result = parseProvision(env, (path) => host.readTextFile(path));
  if (result.ok) await walkParseable(walk, { config: result.config, nowMs: host.now() });
  else walk.skip("Parseable", `not tried: ${result.mistakes.join(" ")}`);
}

/** Walks once. */
async function walkAll(host: Host, take: Take): Promise<void> {
  const env = readEnvironment(host);
  if (env === undefined) {
    const found = "the .env file cannot be read";
    take({ part: "settings", name: "settings", status: "failed", found, action: "" });
    return;
  }
  const config = checkSettings(host, env, take);
  for (const { name, upstream } of config?.servers.list ?? []) {
    const part = upstream.label.includes(name) ? upstream.label : `${name}: ${upstream.label}`;
    await walkServer(new Walk(part, take), { config: upstream, nowMs: host.now() });
  }
  await checkService(host, env, take);
  await checkParseable(host, env, take);
}

async function checkOnce(host: Host, { json }: CheckOptions): Promise<number> {
  const isColourful = host.terminal() !== undefined && (host.env.NO_COLOR ?? "") === "";
  const report = new Report(isColourful);
  const hops: Hop[] = [];
  try {
    await walkAll(host, (hop) => {
      hops.push(hop);
      if (!json) host.print(report.linesOf(hop));
    });
  } catch (error) {
    // A certificate or a header field that cannot be used is found only when it is used.
    if (!(error instanceof MetricsError)) throw error;
    host.printError(`vllm-metrics check: ${error.sentence}\n`);
    return EXIT.failed;
  }
  const failed = hops.some(({ status }) => status === "failed");
  host.print(json ? `${JSON.stringify({ ok: !failed, hops })}\n` : summaryOf(hops));
  return failed ? EXIT.failed : EXIT.ok;
}

/** Waits until the next walk is due, or somebody stops the process. */
async function pause(stopped: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, WATCH_MS);
  await Promise.race([promise, stopped]);
  clearTimeout(timer);
}

async function checkAgain(host: Host, options: CheckOptions): Promise<number> {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  let isOver = false;
  const ignore = host.onStopSignal(() => {
    isOver = true;
    resolve();
  });
  try {
    for (;;) {
      const code = await checkOnce(host, options);
      await pause(stopped);
      if (isOver) return code;
      if (!options.json) host.print("\n");
    }
  } finally {
    ignore();
  }
}

/**
 * Examines every hop.
 *
 * @param host The process; `--json` prints one JSON object a walk, `--watch` walks every 10 s.
 * @returns 0 when no hop failed, 1 when one did, 2 on a wrong argument.
 */
export async function check(host: Host): Promise<number> {
  const options = readOptions(host);
  if (options === undefined) return EXIT.badConfig;
  return await (options.watch ? checkAgain : checkOnce)(host, options);
}
