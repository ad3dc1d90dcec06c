/** One walk along the way of the data, from the settings to the rows in Parseable. */

import type { ServerConfig } from "../config/config.ts";
import type { Environment } from "../config/env_file.ts";
import { type CheckResult, CheckRun } from "../doctor/check_run.ts";
import { checkParseable } from "../doctor/parseable_check.ts";
import { checkDiscoveredServers, checkServer } from "../doctor/server_check.ts";
import { checkService } from "../doctor/service_check.ts";
import { type CheckedSettings, checkSettings } from "../doctor/settings_check.ts";
import { resolveHost } from "../net/resolve.ts";
import type { Host } from "./host.ts";
import { findOwnListener, type ListenerName, type OwnListener } from "./own_service.ts";

/** Variables that lead requests of `fetch` through a proxy. */
const PROXY_NAME = /^(?:https?|all)_proxy$/i;

/** Walks along the way of the data, one part after the other. */
export class Examination {
  readonly #host: Host;
  readonly #env: Environment;
  readonly #take: (result: CheckResult) => void;
  readonly #isProxied: boolean;

  /**
   * Begins with nothing examined.
   *
   * @param host The process.
   * @param env The settings.
   * @param take Takes each hop once it is examined.
   */
  constructor(host: Host, env: Environment, take: (result: CheckResult) => void) {
    this.#host = host;
    this.#env = env;
    this.#take = take;
    this.#isProxied = Object.entries(host.env)
      .some(([name, value]) => PROXY_NAME.test(name) && (value ?? "") !== "");
  }

  /** Examines every hop. */
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

  readonly #begin = (part: string): CheckRun => new CheckRun(part, this.#take);

  async #server({ name, isNamed, isDiscovered, upstream }: ServerConfig): Promise<void> {
    const part = isNamed ? `${name}: ${upstream.label}` : upstream.label;
    const options = {
      config: upstream,
      isProxied: this.#isProxied,
      nowMs: this.#host.now(),
    };
    if (isDiscovered) {
      await checkDiscoveredServers(part, { ...options, resolve: resolveHost, start: this.#begin });
    } else await checkServer(this.#begin(part), options);
  }

  async #service(): Promise<void> {
    const run = this.#begin("vllm-metrics");
    using metrics = this.#listener("LISTEN_ADDRESS");
    using relay = this.#hasParseable() ? this.#listener("OTLP_LISTEN_ADDRESS") : undefined;
    if (metrics === undefined || (relay === undefined && this.#hasParseable())) {
      run.skip("listener", "not tried, since the settings have mistakes");
      return;
    }
    await checkService(run, { metrics, relay, nowMs: this.#host.now() });
  }

  /** A listener of the service; undefined where its settings have mistakes, which have been told. */
  #listener(name: ListenerName): OwnListener | undefined {
    const found = findOwnListener(this.#env, name, this.#readFile);
    return typeof found === "string" ? undefined : found;
  }

  async #parseable({ look: { parseable, credentials } }: CheckedSettings): Promise<void> {
    const run = this.#begin("Parseable");
    if (parseable === undefined) {
      const why = this.#hasParseable()
        ? "not tried, since the settings have mistakes"
        : "PARSEABLE_URL is not set";
      run.skip("Parseable", why);
      return;
    }
    const now = (): number => this.#host.now();
    await checkParseable(run, { parseable, credentials, isProxied: this.#isProxied, now });
  }

  #hasParseable(): boolean {
    return (this.#env.PARSEABLE_URL ?? "").trim() !== "";
  }
}
