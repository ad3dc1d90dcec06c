/** The environment becomes a configuration, or every mistake in it at once. */

import type { LogFormat, LogLevel } from "../log.ts";
import { type Access, readAccess } from "./access.ts";
import type { Environment } from "./env_file.ts";
import { readRelay, type RelayConfig } from "./parseable_config.ts";
import { type PushConfig, readPush } from "./push_config.ts";
import { type Goals, readGoals } from "./goals.ts";
import { readServingTls, type ServingTls } from "./serving_tls.ts";
import { SettingReader } from "./setting_reader.ts";
import { unknownNameWarnings } from "./unknown_names.ts";
import { readAddresses, readServers, type ServersConfig } from "./upstream_config.ts";
import type { Address } from "./values.ts";

export type { Access } from "./access.ts";
export type { Goals } from "./goals.ts";
export type { PushConfig } from "./push_config.ts";
export type { RelayConfig } from "./parseable_config.ts";
export type { ServingTls } from "./serving_tls.ts";
export type { ServerConfig, ServersConfig, UpstreamConfig } from "./upstream_config.ts";
export type { TlsConfig } from "./tls.ts";

/** How the history is fed and kept. */
export interface HistoryConfig {
  /** Time from one scrape to the next while somebody needs the history, in milliseconds. */
  readonly intervalMs: number;
  /** The same at other times; 0 for no scrapes. */
  readonly idleIntervalMs: number;
  /** The path of the file that keeps it; absent when it is kept in memory only. */
  readonly file?: string;
  /** How long the file keeps it, in milliseconds. */
  readonly retentionMs: number;
}

/** Which families are passed on, by names in which `*` stands for any text. */
export interface FilterConfig {
  /** Those to leave out. */
  readonly drop: readonly string[];
  /** The only ones to hand out; empty for all. */
  readonly keep: readonly string[];
  /** Whether backends get `_created` times and all series of `lora_requests_info`. */
  readonly isBackendComplete: boolean;
}

/** What the service runs with: complete, checked and frozen. */
export interface Config {
  /** The servers whose metrics are served. */
  readonly servers: ServersConfig;
  /** Scrapes of one server that may start in a second. */
  readonly maxScrapesPerSecond: number;
  /** Where metrics are passed on to; absent when the relay is off. */
  readonly relay?: RelayConfig | undefined;
  /** Where metrics are pushed; absent when the push is off. */
  readonly push?: PushConfig | undefined;
  /** Where to listen. */
  readonly listen: Address;
  /** Host names that requests may use; absent for any. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Credentials of clients; absent if none are required. */
  readonly access?: Access | undefined;
  /** The certificate of the listeners; absent when they speak plain HTTP. */
  readonly tls?: ServingTls;
  /** Which families are passed on. */
  readonly filter: FilterConfig;
  /** Latency goals. */
  readonly goals: Goals;
  /** How the history is fed and kept. */
  readonly history: HistoryConfig;
  /** Which log lines to write, and how. */
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  /** What works but is probably unintended, one sentence each. */
  readonly warnings: readonly string[];
}

/** A configuration, or all that is wrong with the environment; no text holds a secret. */
export type ConfigResult<C = Config> =
  | { readonly ok: true; readonly config: C }
  | {
    readonly ok: false;
    readonly mistakes: readonly string[];
    readonly warnings: readonly string[];
  };

/**
 * Refuses a variable of Deno that moves a listener: it would take the place of
 * the address in the code without notice.
 */
function refuseServeAddress(reader: SettingReader, env: Environment): void {
  if ((env.DENO_SERVE_ADDRESS ?? "").trim() === "") return;
  reader.refuse(
    "DENO_SERVE_ADDRESS",
    "is set, and Deno would listen there in the place of LISTEN_ADDRESS. " +
      "Unset it and use LISTEN_ADDRESS.",
  );
}

function readHistory(reader: SettingReader): HistoryConfig | undefined {
  const intervalMs = reader.get("SCRAPE_INTERVAL");
  const idleIntervalMs = reader.get("HISTORY_IDLE_INTERVAL");
  const file = reader.get("HISTORY_FILE");
  const retentionMs = reader.get("HISTORY_RETENTION");
  if (intervalMs === undefined || idleIntervalMs === undefined || retentionMs === undefined) {
    return undefined;
  }
  return Object.freeze({
    intervalMs,
    idleIntervalMs,
    ...(file === undefined ? {} : { file }),
    retentionMs,
  });
}

/**
 * Turns the environment into a configuration. Pure: files come through `readFile`.
 * Unknown names that look like settings cause warnings.
 *
 * @example Usage
 * ```ts
 * const result = parseConfig({ VLLM_METRICS_URL: "http://vllm:8000" }, Deno.readTextFileSync);
 * if (result.ok) result.config.servers.list[0]?.upstream.label; // "http://vllm:8000/metrics"
 * ```
 */
export function parseConfig(env: Environment, readFile: (path: string) => string): ConfigResult {
  const reader = new SettingReader(env, readFile);
  const addresses = readAddresses(reader);
  const listen = reader.get("LISTEN_ADDRESS");
  const allowedHosts = reader.get("ALLOWED_HOSTS");
  const servers = readServers(reader, addresses);
  const maxScrapesPerSecond = reader.get("MAX_SCRAPES_PER_SECOND");
  const access = readAccess(reader);
  const tls = readServingTls(reader);
  const relay = readRelay(reader, listen);
  const push = readPush(reader, relay);
  const filter = Object.freeze({
    drop: reader.get("METRICS_DROP") ?? [],
    keep: reader.get("METRICS_KEEP") ?? [],
    isBackendComplete: reader.get("BACKEND_COMPLETE") ?? false,
  });
  const goals = readGoals(reader);
  const history = readHistory(reader);
  const level = reader.get("LOG_LEVEL");
  const format = reader.get("LOG_FORMAT");
  refuseServeAddress(reader, env);

  const { mistakes } = reader;
  const names = Object.keys(env).filter((name) => env[name] !== undefined);
  const warnings = Object.freeze([...reader.warnings, ...unknownNameWarnings(names)]);
  if (
    mistakes.length > 0 || servers === undefined || maxScrapesPerSecond === undefined ||
    listen === undefined ||
    goals === undefined || history === undefined || level === undefined || format === undefined
  ) return { ok: false, mistakes, warnings };
  const config = {
    servers,
    maxScrapesPerSecond,
    ...(relay === undefined ? {} : { relay }),
    ...(push === undefined ? {} : { push }),
    listen: Object.freeze(listen),
    ...(allowedHosts === undefined ? {} : { allowedHosts }),
    ...(access === undefined ? {} : { access }),
    ...(tls === undefined ? {} : { tls }),
    filter,
    goals,
    history,
    log: Object.freeze({ level, format }),
    warnings,
  };
  return { ok: true, config: Object.freeze(config) };
}
