/** `vllm-metrics check`: checks every hop from the settings to the rows in Parseable. */

import { setTimeout as delay } from "node:timers/promises";
import type { ServerConfig } from "../config/config.ts";
import type { Environment } from "../config/env_file.ts";
import { type CheckResult, CheckRun, Report, summaryOf } from "../doctor/check_run.ts";
import { checkParseable } from "../doctor/parseable_check.ts";
import { checkDiscoveredServers, checkServer } from "../doctor/server_check.ts";
import { checkService } from "../doctor/service_check.ts";
import { checkSettings } from "../doctor/settings_check.ts";
import { resolveHost } from "../net/resolve.ts";
import { type Command, command } from "./command.ts";
import { readEnvironment, withLocalVllm } from "./configure.ts";
import { EXIT, type Host } from "./host.ts";
import { type ListenerName, type LocalClient, localClient } from "./local_client.ts";

/** Pause between two runs with `--watch`, in milliseconds. */
const WATCH_MS = 10_000;
/** Variables that lead requests of `fetch` through a proxy. */
const PROXY_NAME = /^(?:https?|all)_proxy$/i;
/** Why a part is skipped. */
const MISTAKES = "not tried, since the settings have mistakes";

type Take = (result: CheckResult) => void;

async function checkAll(host: Host, take: Take): Promise<void> {
  const given = readEnvironment(host);
  if (given === undefined) {
    const found = "the .env file cannot be read";
    return take({ part: "settings", name: "settings", status: "failed", found, action: "" });
  }
  const { env, note } = await withLocalVllm(given);
  const isProxied = Object.entries(host.env)
    .some(([name, value]) => PROXY_NAME.test(name) && (value ?? "") !== "");
  const hasParseable = (env.PARSEABLE_URL ?? "").trim() !== "";
  const local = { part: "settings", name: "vLLM", found: note ?? "" };
  if (env !== given) take({ ...local, status: "ok", action: "" });
  const { config, look } = checkSettings(env, (path) => host.readTextFile(path), take);
  if (env === given && note !== undefined) {
    const action = "Start vLLM there, or set VLLM_METRICS_URL=http://HOST:8000/metrics.";
    take({ ...local, status: "failed", action });
  }
  if (config === undefined) new CheckRun("vLLM", take).skip("vLLM", MISTAKES);
  for (const server of config?.servers.list ?? []) await checkTarget(host, server, isProxied, take);
  await checkLocalService(host, env, hasParseable, new CheckRun("vllm-metrics", take));
  const run = new CheckRun("Parseable", take);
  const { parseable, credentials } = look;
  if (parseable === undefined) {
    return run.skip("Parseable", hasParseable ? MISTAKES : "PARSEABLE_URL is not set");
  }
  await checkParseable(run, { parseable, credentials, isProxied, now: () => host.now() });
}

async function checkTarget(
  host: Host,
  { name, isNamed, isDiscovered, upstream }: ServerConfig,
  isProxied: boolean,
  take: Take,
): Promise<void> {
  const part = isNamed ? `${name}: ${upstream.label}` : upstream.label;
  const options = { config: upstream, isProxied, nowMs: host.now() };
  const start = (title: string): CheckRun => new CheckRun(title, take);
  if (!isDiscovered) await checkServer(start(part), options);
  else await checkDiscoveredServers(part, { ...options, resolve: resolveHost, start });
}

async function checkLocalService(
  host: Host,
  env: Environment,
  hasRelay: boolean,
  run: CheckRun,
): Promise<void> {
  const clientOf = (name: ListenerName): LocalClient | undefined => {
    const found = localClient(env, name, (path) => host.readTextFile(path));
    return typeof found === "string" ? undefined : found;
  };
  using metrics = clientOf("LISTEN_ADDRESS");
  using relay = hasRelay ? clientOf("OTLP_LISTEN_ADDRESS") : undefined;
  if (metrics === undefined || (relay === undefined && hasRelay)) run.skip("listener", MISTAKES);
  else await checkService(run, { metrics, relay, nowMs: host.now() });
}

async function checkOnce(host: Host, isJson: boolean): Promise<number> {
  const isColored = host.terminal() !== undefined && (host.env.NO_COLOR ?? "") === "";
  const report = new Report(isColored);
  const hops: CheckResult[] = [];
  await checkAll(host, (hop) => {
    hops.push(hop);
    if (!isJson) host.print(report.linesOf(hop));
  });
  const failed = hops.some(({ status }) => status === "failed");
  host.print(isJson ? `${JSON.stringify({ ok: !failed, hops })}\n` : summaryOf(hops));
  return failed ? EXIT.failed : EXIT.ok;
}

/** Checks again and again; a signal ends it, also in the middle of a run. */
async function checkAgain(host: Host, isJson: boolean): Promise<number> {
  const stop = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  stop.signal.addEventListener("abort", () => resolve());
  const ignore = host.onStopSignal(() => stop.abort());
  let code: number = EXIT.ok;
  while (!stop.signal.aborted) {
    const run = checkOnce(host, isJson).then((result) => code = result);
    await Promise.race([run, stopped]);
    await delay(WATCH_MS, undefined, { signal: stop.signal }).catch(() => {/* Stopped. */});
    if (!stop.signal.aborted && !isJson) host.print("\n");
  }
  ignore();
  return code;
}

/** Checks every hop; 1 if one failed. With `--watch` it is the code of the last whole run. */
export const check: Command = command(
  {
    name: "check",
    summary: "check every hop from the settings to the stored rows",
    details: "Says for each hop whether it works, and what to do where it does not.",
    options: [
      { name: "json", meaning: "print one JSON object per check" },
      { name: "watch", meaning: "check again every 10 s" },
    ],
    exit: "0 nothing failed, 1 something failed",
    settings: "the same as the service's",
  },
  (args) => ({ isWatching: args.has("watch"), isJson: args.has("json") }),
  (host, { isWatching, isJson }) => (isWatching ? checkAgain : checkOnce)(host, isJson),
);
