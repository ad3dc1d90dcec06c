/** The environment becomes a configuration, or every mistake in it at once. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { LogFormat, LogLevel } from "../log.ts";
import { type PushConfig, readPush, readRelay, type RelayConfig } from "./backend_config.ts";
import type { Environment } from "./env_file.ts";
import { Secret } from "./secret.ts";
import { type ConfigResult, SettingReader } from "./setting_reader.ts";
import { readAddresses, readServers, type ServersConfig } from "./upstream_config.ts";
import type { METRIC_NAMES } from "./settings.ts";
import type { Address, Price } from "./values.ts";

export type { ParseableConfig, PushConfig, RelayConfig } from "./backend_config.ts";
export type { ConfigResult } from "./setting_reader.ts";
export type { ServerConfig, ServersConfig, TlsConfig, UpstreamConfig } from "./upstream_config.ts";

/** The names of vLLM's metrics for clients of `/metrics`. */
export interface NamingConfig {
  /** With an underscore behind `vllm`, with vLLM's colon, or each family with both. */
  readonly style: typeof METRIC_NAMES[number];
  /** Whether families that were renamed have the names of older and newer vLLM as well. */
  readonly hasAliases: boolean;
}

/** The credentials that clients must send; either is enough if both are set. */
export type Access = {
  /** User name and password with a colon between them, as Basic sends them (RFC 7617). */
  readonly basic?: Secret | undefined;
  readonly bearer?: Secret | undefined;
};

/** A certificate with its key, and where both come from. */
export type ServingTls = {
  readonly certFile: string;
  readonly keyFile: string;
  /** PEM text of the certificate and the authorities between. */
  readonly cert: string;
  readonly key: Secret;
};

/** How fast answers should be. */
export type Goals = {
  readonly ttftSeconds: number;
  readonly tpotSeconds: number;
  /** Share of requests that should be within them, 0 to 1. */
  readonly target: number;
};

/** How the history is fed and kept. */
export type HistoryConfig = {
  /** Time from one scrape to the next while somebody needs the history, in milliseconds. */
  readonly intervalMs: number;
  /** The same at other times; 0 for no scrapes. */
  readonly idleIntervalMs: number;
  /** The path of the file that keeps it; absent when it is kept in memory only. */
  readonly file?: string | undefined;
  readonly retentionMs: number;
};

/** Which families are passed on, by names in which `*` matches any text. */
export type FilterConfig = {
  readonly drop: readonly string[];
  readonly keep: readonly string[];
  /** Whether backends get `_created` times and all series of `lora_requests_info`. */
  readonly isBackendComplete: boolean;
};

/** What the service runs with: complete and checked. */
export type Config = {
  readonly servers: ServersConfig;
  readonly maxScrapesPerSecond: number;
  readonly relay?: RelayConfig | undefined;
  readonly push?: PushConfig | undefined;
  readonly listen: Address;
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins that may embed the live page. */
  readonly frameAncestors: readonly string[];
  readonly access?: Access | undefined;
  readonly tls?: ServingTls | undefined;
  readonly filter: FilterConfig;
  /** The names on `/metrics`. */
  readonly naming: NamingConfig;
  readonly goals: Goals;
  /** What servers cost; none when it is not known. */
  readonly prices: readonly Price[];
  readonly history: HistoryConfig;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
};

/** Shorter secrets can be guessed within hours or days. */
const MIN_SECRET_LENGTH = 12;

/** Reads the credentials of clients. */
export function readAccess(reader: SettingReader): Access | undefined {
  const username = reader.get("METRICS_USERNAME");
  const password = reader.get("METRICS_PASSWORD");
  reader.together("METRICS_USERNAME", "METRICS_PASSWORD");
  const bearer = reader.get("METRICS_BEARER_TOKEN");
  for (
    const [name, secret] of [
      ["METRICS_PASSWORD", password],
      ["METRICS_BEARER_TOKEN", bearer],
    ] as const
  ) {
    if (secret === undefined || secret.reveal().length >= MIN_SECRET_LENGTH) continue;
    reader.warn(name, `has fewer than ${MIN_SECRET_LENGTH} characters, so it can be guessed.`);
  }
  const basic = username && password && new Secret(`${username.reveal()}:${password.reveal()}`);
  return basic === undefined && bearer === undefined ? undefined : { basic, bearer };
}

/** What is wrong with a pair, as the setting and a sentence; undefined when they belong together. */
function pairProblem(cert: string, key: Secret): [setting: string, sentence: string] | undefined {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(cert);
  } catch {
    return ["TLS_CERT_FILE", "holds no certificate that can be read."];
  }
  try {
    if (leaf.checkPrivateKey(createPrivateKey(key.reveal()))) return undefined;
    return ["TLS_KEY_FILE", "is not the key of the first certificate in TLS_CERT_FILE."];
  } catch {
    return ["TLS_KEY_FILE", "holds no private key that can be read."];
  }
}

/** Reads the certificate of the listeners and its key. */
function readServingTls(reader: SettingReader): ServingTls | undefined {
  const cert = reader.get("TLS_CERT_FILE");
  const key = reader.get("TLS_KEY_FILE");
  reader.together("TLS_CERT_FILE", "TLS_KEY_FILE");
  if (cert === undefined || key === undefined) return undefined;
  const problem = pairProblem(cert, key);
  if (problem !== undefined) reader.refuse(...problem);
  const [certFile, keyFile] = [reader.text("TLS_CERT_FILE"), reader.text("TLS_KEY_FILE")];
  return { certFile, keyFile, cert, key };
}

/** Reads the files of a certificate and its key again. */
export function readServingTlsAgain(
  { certFile, keyFile }: ServingTls,
  readFile: (path: string) => string,
): { readonly ok: true; readonly tls: ServingTls } | {
  readonly ok: false;
  readonly problem: string;
} {
  const reader = new SettingReader({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }, readFile);
  const tls = readServingTls(reader);
  const problem = reader.mistakes.join(" ");
  return tls === undefined || problem !== "" ? { ok: false, problem } : { ok: true, tls };
}

/** Reads the latency goals. */
export function readGoals(reader: SettingReader): Goals {
  return {
    ttftSeconds: reader.get("SLO_TTFT") / 1_000,
    tpotSeconds: reader.get("SLO_TPOT") / 1_000,
    target: reader.get("SLO_TARGET"),
  };
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
export function parseConfig(
  env: Environment,
  readFile: (path: string) => string,
): ConfigResult<Config> {
  const reader = new SettingReader(env, readFile);
  const addresses = readAddresses(reader);
  const listen = reader.get("LISTEN_ADDRESS");
  const hosts = reader.get("ALLOWED_HOSTS");
  const servers = readServers(reader, addresses);
  const maxScrapesPerSecond = reader.get("MAX_SCRAPES_PER_SECOND");
  const access = readAccess(reader);
  const tls = readServingTls(reader);
  const relay = readRelay(reader, listen);
  const push = readPush(reader, relay);
  const style = reader.get("METRICS_NAMES");
  if (relay !== undefined && style !== "underscore") {
    reader.warn(
      "METRICS_NAMES",
      "Fluent Bit drops a scrape with a colon in a name. " +
        'Set its metrics_path to "/metrics?names=underscore".',
    );
  }
  const config: Config = {
    servers,
    maxScrapesPerSecond,
    relay,
    push,
    listen,
    allowedHosts: reader.isSet("ALLOWED_HOSTS") ? hosts : undefined,
    frameAncestors: reader.get("FRAME_ANCESTORS"),
    access,
    tls,
    filter: {
      drop: reader.get("METRICS_DROP"),
      keep: reader.get("METRICS_KEEP"),
      isBackendComplete: reader.get("BACKEND_COMPLETE"),
    },
    naming: {
      style,
      hasAliases: reader.get("METRICS_ALIASES"),
    },
    goals: readGoals(reader),
    prices: reader.get("GPU_COST_PER_HOUR"),
    history: {
      intervalMs: reader.get("SCRAPE_INTERVAL"),
      idleIntervalMs: reader.get("HISTORY_IDLE_INTERVAL"),
      file: reader.get("HISTORY_FILE"),
      retentionMs: reader.get("HISTORY_RETENTION"),
    },
    log: { level: reader.get("LOG_LEVEL"), format: reader.get("LOG_FORMAT") },
  };
  // Deno would listen there without notice, instead of the address in the code.
  if (reader.isSet("DENO_SERVE_ADDRESS")) {
    reader.refuse(
      "DENO_SERVE_ADDRESS",
      "is set, and Deno would listen there instead of LISTEN_ADDRESS. " +
        "Unset it and use LISTEN_ADDRESS.",
    );
  }
  reader.warnOfUnknownNames();
  return reader.result(config);
}
