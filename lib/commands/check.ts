/** `vllm-metrics check`: walks the way of the data and says which hop is broken. */

import { parseArgs } from "node:util";
import type { ServerConfig } from "../config/config.ts";
import type { Environment } from "../config/env_file.ts";
import { walkFoundServers } from "../doctor/found_servers.ts";
import { walkParseable } from "../doctor/parseable_walk.ts";
import { Report, summaryOf } from "../doctor/report.ts";
import { walkServer } from "../doctor/server_walk.ts";
import { walkService } from "../doctor/service_walk.ts";
import { type CheckedSettings, checkSettings } from "../doctor/settings_check.ts";
import { type Hop, Walk } from "../doctor/walk.ts";
import { resolveHost } from "../upstream/resolve.ts";
import { readEnvironment } from "./configure.ts";
import { EXIT, type Host } from "./host.ts";
import { findOwnListener } from "./own_service.ts";

/** Time between two walks with `--watch`, in milliseconds. */
const WATCH_MS = 10_000;
/** Variables that lead requests of `fetch` through a proxy. */
const PROXY_NAME = /^(?:https?|all)_proxy$/i;

/** What may stand behind the command. */
interface CheckOptions {
  readonly json: boolean;
  readonly watch: boolean;
}

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

/** One walk along the way of the data. */
class Examination {
  readonly #host: Host;
  readonly #env: Environment;
  readonly #take: (hop: Hop) => void;
  readonly #isProxied: boolean;

  constructor(host: Host, env: Environment, take: (hop: Hop) => void) {
    this.#host = host;
    this.#env = env;
    this.#take = take;
    this.#isProxied = Object.entries(host.env)
      .some(([name, value]) => PROXY_NAME.test(name) && (value ?? "") !== "");
  }

  async run(): Promise<void> {
    const settings = checkSettings(this.#env, this.#readFile, this.#take);
    if (settings.config === undefined) {
      this.#begin("vLLM").skip("vLLM", "not tried, since the settings have mistakes");
    }
    for (const server of settings.config?.servers.list ?? []) await this.#server(server);
    await this.#service();
    await this.#parseable(settings);
  }

  readonly #readFile = (path: string): string => this.#host.readTextFile(path);

  readonly #begin = (part: string): Walk => new Walk(part, this.#take);

  async #server({ name, isNamed, isDiscovered, upstream }: ServerConfig): Promise<void> {
    const part = isNamed ? `${name}: ${upstream.label}` : upstream.label;
    const options = {
      config: upstream,
      isProxied: this.#isProxied,
      nowMs: this.#host.now(),
    };
    if (isDiscovered) {
      await walkFoundServers(part, { ...options, resolve: resolveHost, begin: this.#begin });
    } else await walkServer(this.#begin(part), options);
  }

  async #service(): Promise<void> {
    const walk = this.#begin("vllm-metrics");
    const metrics = findOwnListener(this.#env, "LISTEN_ADDRESS", this.#readFile);
    const relay = this.#hasParseable()
      ? findOwnListener(this.#env, "OTLP_LISTEN_ADDRESS", this.#readFile)
      : undefined;
    if (typeof metrics === "string" || typeof relay === "string") {
      walk.skip("listener", "not tried, since the settings have mistakes");
      return;
    }
    using _metrics = metrics;
    using _relay = relay;
    await walkService(walk, { metrics, relay, nowMs: this.#host.now() });
  }

  async #parseable({ look: { parseable, credentials } }: CheckedSettings): Promise<void> {
    const walk = this.#begin("Parseable");
    if (parseable === undefined) {
      const why = this.#hasParseable()
        ? "not tried, since the settings have mistakes"
        : "PARSEABLE_URL is not set";
      walk.skip("Parseable", why);
      return;
    }
    const now = (): number => this.#host.now();
    await walkParseable(walk, { parseable, credentials, isProxied: this.#isProxied, now });
  }

  #hasParseable(): boolean {
    return (this.#env.PARSEABLE_URL ?? "").trim() !== "";
  }
}

async function walkAll(host: Host, take: (hop: Hop) => void): Promise<void> {
  const env = readEnvironment(host);
  if (env !== undefined) return await new Examination(host, env, take).run();
  const found = "the .env file cannot be read";
  take({ part: "settings", name: "settings", status: "failed", found, action: "" });
}

async function checkOnce(host: Host, { json }: CheckOptions): Promise<number> {
  const isColourful = host.terminal() !== undefined && (host.env.NO_COLOR ?? "") === "";
  const report = new Report(isColourful);
  const hops: Hop[] = [];
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
  const options = readOptions(host);
  if (options === undefined) return EXIT.badConfig;
  return await (options.watch ? checkAgain : checkOnce)(host, options);
}
