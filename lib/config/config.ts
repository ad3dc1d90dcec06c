/** The environment becomes a configuration, or every mistake in it at once. */

import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "../log.ts";
import type { Environment } from "./env_file.ts";
import { REDACTED, Secret } from "./secret.ts";
import {
  MAX_BODY_RANGE,
  SCRAPE_TIMEOUT_RANGE,
  type SettingName,
  SETTINGS,
  unknownNameWarnings,
} from "./settings.ts";
import {
  type Address,
  type Header,
  maskUrl,
  parseAddress,
  parseBoolean,
  parseBytes,
  parseCertificates,
  parseChoice,
  type Parsed,
  parseDuration,
  parseHeaders,
  parsePassword,
  parsePrivateKey,
  parseToken,
  parseUrl,
  parseUsername,
  type UrlWithCredentials,
} from "./values.ts";

export { maskUrl };

/** How to reach a TLS server. */
export interface UpstreamTls {
  /** PEM text of authorities to trust besides the usual ones. */
  readonly caCerts?: string;
  /** PEM text of the certificate to show; there is a key with it. */
  readonly cert?: string;
  /** PEM text of the private key of that certificate. */
  readonly key?: Secret;
  /** Whether any certificate of the server is taken. */
  readonly skipVerify: boolean;
}

/** One vLLM server and how to ask it. */
export interface UpstreamConfig {
  /** Where its metrics are: a URL with a path, without credentials. Do not change it. */
  readonly url: URL;
  /** The URL for people: without credentials, its query values masked as `***`. */
  readonly label: string;
  /** What to send with each request, `Authorization` first where there are credentials. */
  readonly headers: readonly Header[];
  /** Longest wait for a whole answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Longest answer, in bytes. */
  readonly maxBodyBytes: number;
  /** How to reach it when the URL is `https:`. */
  readonly tls: UpstreamTls;
}

/** What the service runs with: complete, checked and frozen. */
export interface Config {
  /** The server whose metrics are served. */
  readonly upstream: UpstreamConfig;
  /** Where to listen. */
  readonly listen: Address;
  /** Which log lines to write, and how. */
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  /** What works but is probably not meant, one sentence each. */
  readonly warnings: readonly string[];
}

/** A configuration, or all that is wrong with the environment; no text holds a secret. */
export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | {
    readonly ok: false;
    readonly mistakes: readonly string[];
    readonly warnings: readonly string[];
  };

/** Longest value that a message quotes, in characters. */
const MAX_QUOTED = 200;

/** What the names of file errors mean to an operator. */
const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  IsADirectory: "it is a directory",
  NotADirectory: "there is no such file",
  NotCapable: "the service may not read it (see --allow-read)",
  NotFound: "there is no such file",
  PermissionDenied: "the service may not read it",
};

function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}

/** Reads settings one by one and keeps what is wrong with them. */
class SettingReader {
  readonly mistakes: string[] = [];
  readonly #env: Environment;
  readonly #readFile: (path: string) => string;

  constructor(env: Environment, readFile: (path: string) => string) {
    this.#env = env;
    this.#readFile = readFile;
  }

  /** Whether a setting or its `NAME_FILE` form has a value. */
  isSet(name: SettingName): boolean {
    return this.#text(name) !== "" || this.#text(`${name}_FILE`) !== "";
  }

  /** The value of a setting that is not secret; undefined after a mistake and without value. */
  plain<T>(name: SettingName, parse: (text: string) => Parsed<T>): T | undefined {
    const standard = SETTINGS.find((setting) => setting.name === name)?.defaultText ?? "";
    const text = this.#text(name).trim() || standard;
    if (text === "") return undefined;
    const parsed: Parsed<T> = /^(["']).*\1$/s.test(text)
      ? { ok: false, problem: "it has quotes around it. Write it without them." }
      : parse(text);
    if (parsed.ok) return parsed.value;
    // Masked whatever the setting: a URL with a password may be in the wrong place.
    this.refuse(name, `cannot use ${quote(maskUrl(text))}: ${parsed.problem}`);
    return undefined;
  }

  /** The value of a secret, from its variable or its file. */
  secret<T>(name: SettingName, parse: (text: string) => Parsed<T>): T | undefined {
    const text = this.#text(name);
    const fileName = `${name}_FILE`;
    if (this.#text(fileName) === "") {
      if (text === "") return undefined;
      const parsed = parse(text);
      if (parsed.ok) return parsed.value;
      this.refuse(name, `cannot use ${REDACTED}: ${parsed.problem}`);
      return undefined;
    }
    if (text === "") return this.#file(fileName, (content) => parse(content.replace(/\r?\n$/, "")));
    this.refuse(name, `is set together with ${fileName}. Set one of them only.`);
    return undefined;
  }

  /** What is in the file that a setting names. */
  file<T>(name: SettingName, parse: (text: string) => Parsed<T>): T | undefined {
    return this.#text(name) === "" ? undefined : this.#file(name, parse);
  }

  /** Notes a mistake when only one of two settings is set. */
  together(name: SettingName, other: SettingName): void {
    if (this.isSet(name) === this.isSet(other)) return;
    const [set, missing] = this.isSet(name) ? [name, other] : [other, name];
    this.refuse(set, `is set without ${missing}. Set both or neither.`);
  }

  /** Notes a mistake. */
  refuse(name: string, sentence: string): void {
    this.mistakes.push(`${name}: ${sentence}`);
  }

  /** A variable without value is one that is not set. */
  #text(name: string): string {
    const text = this.#env[name] ?? "";
    return text.trim() === "" ? "" : text;
  }

  #file<T>(name: string, parse: (text: string) => Parsed<T>): T | undefined {
    const path = this.#text(name);
    const content = this.#content(path);
    const parsed = content.ok ? parse(content.value) : content;
    if (parsed.ok) return parsed.value;
    this.refuse(name, `cannot use ${quote(path)}: ${parsed.problem}`);
    return undefined;
  }

  #content(path: string): Parsed<string> {
    try {
      const value = this.#readFile(path);
      return value.trim() === "" ? { ok: false, problem: "it is empty." } : { ok: true, value };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const problem = FILE_PROBLEMS[error.name] ?? "it cannot be read";
      return { ok: false, problem: `${problem}. Write the path of a file.` };
    }
  }
}

/** The credentials as a header; at most one of the places to give them may be used. */
function readCredentials(reader: SettingReader, url: UrlWithCredentials | undefined): Header[] {
  const token = reader.secret("VLLM_BEARER_TOKEN", parseToken);
  const username = reader.secret("VLLM_USERNAME", parseUsername) ?? url?.credentials?.username;
  const password = reader.secret("VLLM_PASSWORD", parsePassword) ?? url?.credentials?.password;
  reader.together("VLLM_USERNAME", "VLLM_PASSWORD");
  const headers = reader.secret("VLLM_HEADERS", parseHeaders) ?? [];

  const places: string[] = [];
  if (reader.isSet("VLLM_BEARER_TOKEN")) places.push("VLLM_BEARER_TOKEN");
  if (reader.isSet("VLLM_USERNAME")) places.push("VLLM_USERNAME");
  if (url?.credentials !== undefined) places.push("VLLM_METRICS_URL");
  if (headers.some(([name]) => name.toLowerCase() === "authorization")) places.push("VLLM_HEADERS");
  const [first, ...others] = places;
  if (first !== undefined && others.length > 0) {
    const sentence = `is set together with credentials in ${others.join(" and ")}.`;
    reader.refuse(first, `${sentence} Give them in one place only.`);
  }

  if (token !== undefined) return [authorization(`Bearer ${token.reveal()}`), ...headers];
  if (username === undefined || password === undefined) return [...headers];
  const pair = new TextEncoder().encode(`${username.reveal()}:${password.reveal()}`);
  return [authorization(`Basic ${pair.toBase64()}`), ...headers];
}

function authorization(value: string): Header {
  return Object.freeze(["Authorization", new Secret(value)] as const);
}

function readTls(reader: SettingReader): UpstreamTls {
  const caCerts = reader.file("VLLM_TLS_CA_FILE", parseCertificates);
  const cert = reader.file("VLLM_TLS_CERT_FILE", parseCertificates);
  const key = reader.file("VLLM_TLS_KEY_FILE", parsePrivateKey);
  reader.together("VLLM_TLS_CERT_FILE", "VLLM_TLS_KEY_FILE");
  const skipVerify = reader.plain("VLLM_TLS_INSECURE_SKIP_VERIFY", parseBoolean) ?? false;
  return Object.freeze({
    ...(caCerts === undefined ? {} : { caCerts }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    skipVerify,
  });
}

function tlsWarnings(tls: UpstreamTls, url: URL | undefined): string[] {
  const uses: [SettingName, boolean][] = [
    ["VLLM_TLS_CA_FILE", tls.caCerts !== undefined],
    ["VLLM_TLS_CERT_FILE", tls.cert !== undefined],
    ["VLLM_TLS_INSECURE_SKIP_VERIFY", tls.skipVerify],
  ];
  if (url?.protocol === "http:") {
    return uses.filter(([, used]) => used)
      .map(([name]) => `${name}: has no effect, since VLLM_METRICS_URL is not "https:".`);
  }
  if (!tls.skipVerify) return [];
  return [
    "VLLM_TLS_INSECURE_SKIP_VERIFY: no certificate of vLLM is checked, so whoever is on the way " +
    "can listen in. Set VLLM_TLS_CA_FILE in its place.",
  ];
}

/**
 * Turns the environment into a configuration. Pure: files come through `readFile`.
 * The names in `env` that are no settings give warnings where they look like one.
 *
 * @param env The variables: at least those of `SETTING_NAMES`; an empty one counts as not set.
 * @param readFile Gives the text of a file; what it throws becomes a mistake.
 * @returns The frozen configuration, or every mistake at once, in the order of the table.
 *
 * @example Usage
 * ```ts
 * const result = parseConfig({ VLLM_METRICS_URL: "http://vllm:8000" }, Deno.readTextFileSync);
 * if (result.ok) result.config.upstream.label; // "http://vllm:8000/metrics"
 * ```
 */
export function parseConfig(env: Environment, readFile: (path: string) => string): ConfigResult {
  const reader = new SettingReader(env, readFile);
  if (!reader.isSet("VLLM_METRICS_URL")) {
    reader.refuse(
      "VLLM_METRICS_URL",
      'is not set. Write where vLLM serves its metrics, such as "http://localhost:8000/metrics".',
    );
  }
  const target = reader.plain("VLLM_METRICS_URL", parseUrl);
  const listen = reader.plain("LISTEN_ADDRESS", parseAddress);
  const timeoutMs = reader.plain(
    "SCRAPE_TIMEOUT",
    (text) => parseDuration(text, SCRAPE_TIMEOUT_RANGE),
  );
  const maxBodyBytes = reader.plain("MAX_BODY_BYTES", (text) => parseBytes(text, MAX_BODY_RANGE));
  const headers = readCredentials(reader, target);
  const tls = readTls(reader);
  const level = reader.plain("LOG_LEVEL", (text) => parseChoice(text, LOG_LEVELS));
  const format = reader.plain("LOG_FORMAT", (text) => parseChoice(text, LOG_FORMATS));

  const names = Object.keys(env).filter((name) => env[name] !== undefined);
  const warnings = Object.freeze([
    ...tlsWarnings(tls, target?.url),
    ...unknownNameWarnings(names),
  ]);
  if (
    reader.mistakes.length > 0 || target === undefined || listen === undefined ||
    timeoutMs === undefined || maxBodyBytes === undefined || level === undefined ||
    format === undefined
  ) return { ok: false, mistakes: reader.mistakes, warnings };
  const upstream = Object.freeze({
    url: target.url,
    label: maskUrl(target.url),
    headers: Object.freeze(headers),
    timeoutMs,
    maxBodyBytes,
    tls,
  });
  const log = Object.freeze({ level, format });
  return {
    ok: true,
    config: Object.freeze({ upstream, listen: Object.freeze(listen), log, warnings }),
  };
}
