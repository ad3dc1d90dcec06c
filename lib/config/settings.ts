/**
 * The one table of settings. Types, checks, help and docs derive from its rows, so that a new
 * setting is one row and the code that uses it.
 */

import { LOG_FORMATS, LOG_LEVELS } from "../log.ts";
import type { Secret } from "./secret.ts";
import { parseBaseUrl, parseOtlpUrl, parseServer, splitServers } from "./url.ts";
import {
  accept,
  type Address,
  parseAddress,
  parseBoolean,
  parseBytes,
  parseCertificates,
  parseChoice,
  parseCount,
  type Parsed,
  parseDays,
  parseDuration,
  parseFamilyPattern,
  parseHeaderPairs,
  parseHeaders,
  parseHostName,
  parseOrigin,
  parsePairs,
  parsePassword,
  parsePrice,
  parsePrivateKey,
  parseShare,
  parseStreamName,
  parseToken,
  parseUsername,
  parseWebhook,
} from "./values.ts";

/** A value, or each part of a text that is wrong with what is wrong with it. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly (readonly [part: string, what: string])[] };

/** What there is to know of one setting. */
export interface Setting<T> {
  /**
   * Where its text comes from: its variable; its variable or the file that `NAME_FILE` names,
   * neither of which is ever shown; the file that its variable names.
   */
  readonly kind: "plain" | "secret" | "file";
  /** What holds when it is not set, as one would write it; empty for nothing. */
  readonly defaultText: string;
  /** The same as a value; it also takes the place of one that is wrong. */
  readonly fallback: T;
  /** How the value is written. */
  readonly form: string;
  /** What it is for, in one sentence. */
  readonly meaning: string;
  /** Reads its text. */
  readonly read: (text: string) => Reading<T>;
}

/** How vLLM's names are written on `/metrics`. */
export const METRIC_NAMES = ["underscore", "colon", "both"] as const;

/** How a value is written, and what reads it. */
type Form<T> = readonly [form: string, parse: (text: string) => Parsed<T>];

function readWhole<T>(text: string, [, parse]: Form<T>): Reading<T> {
  const parsed = parse(text);
  return parsed.ok ? parsed : { ok: false, problems: [[text, parsed.problem]] };
}

/** A setting that nothing holds for when it is not set. */
function optional<T>(form: Form<T>, meaning: string): Setting<T | undefined> {
  const read = (text: string): Reading<T> => readWhole(text, form);
  return { kind: "plain", defaultText: "", fallback: undefined, form: form[0], meaning, read };
}

/** A setting with a default. */
function usual<T>(text: string, form: Form<T>, meaning: string): Setting<T> {
  const parsed = form[1](text);
  if (!parsed.ok) throw new TypeError(`The default "${text}" is wrong: ${parsed.problem}`);
  const read = (one: string): Reading<T> => readWhole(one, form);
  const { value: fallback } = parsed;
  return { kind: "plain", defaultText: text, fallback, form: form[0], meaning, read };
}

function secret<T>(form: Form<T>, meaning: string): Setting<T | undefined> {
  return { ...optional(form, meaning), kind: "secret" };
}

function file<T>(form: Form<T>, meaning: string): Setting<T | undefined> {
  return { ...optional(form, meaning), kind: "file" };
}

/** A list, each part of which is checked by itself. */
function list<T>(
  [form, parse]: Form<T>,
  meaning: string,
  split: (text: string) => readonly string[] = splitNames,
): Setting<readonly T[]> {
  function read(text: string): Reading<readonly T[]> {
    const values: T[] = [];
    const problems: [string, string][] = [];
    for (const part of split(text)) {
      const parsed = parse(part);
      if (parsed.ok) values.push(parsed.value);
      else problems.push([part, parsed.problem]);
    }
    return problems.length === 0 ? { ok: true, value: values } : { ok: false, problems };
  }
  return { kind: "plain", defaultText: "", fallback: [], form, meaning, read };
}

function splitNames(text: string): string[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "");
}

function flag(meaning: string): Setting<boolean> {
  return usual("false", ["true or false", parseBoolean], meaning);
}

function oneOf<T extends string>(words: readonly T[]): Form<T> {
  return [words.join(", "), (text) => parseChoice(text, words)];
}

function duration(text: string, min: string, max: string, meaning: string): Setting<number> {
  const parse = (one: string): Parsed<number> => parseDuration(one, { min, max, example: text });
  return usual(text, [`duration, ${min} to ${max}`, parse], meaning);
}

/** A timeout: under 0.1 s no server answers, beyond 5 min no client waits. */
function wait(text: string, meaning: string): Setting<number> {
  return duration(text, "100ms", "5m", meaning);
}

/** A number of milliseconds, as OpenTelemetry has them. */
function milliseconds(max: number): Form<number> {
  const range = { min: 100, max, example: 10_000 };
  return [`milliseconds, 100 to ${max}`, (text) => parseCount(text, range)];
}

const TEXT: Form<string> = ["text", accept];
const PATH: Form<string> = ["path of a file", accept];
const USERNAME: Form<Secret> = ["text", parseUsername];
const PASSWORD: Form<Secret> = ["text", parsePassword];
const TOKEN: Form<Secret> = ["token", parseToken];
const CERTIFICATES: Form<string> = ["path of a PEM file", parseCertificates];
const KEY: Form<Secret> = ["path of a PEM file", parsePrivateKey];
const ADDRESS: Form<Address> = ["host:port", parseAddress];
const FAMILIES: Form<string> = ["names, * for any text", parseFamilyPattern];
const PARSEABLE: Form<URL> = ["URL", parseBaseUrl];
const RECEIVER: Form<URL> = ["URL", parseOtlpUrl];
const PAIRS = "key=value,key=value";
const PROTOCOL = oneOf(["http/protobuf", "http/json"]);
const COMPRESSION = oneOf(["gzip", "none"]);
const PUSH_TIMEOUT = milliseconds(300_000);
const SIZES = { min: "1KiB", max: "4GiB", example: "16MiB" } as const;
/** A scrape takes 5 ms of the vLLM process that serves users. */
const RATES = { min: 1, max: 100_000, example: 20 } as const;
/** As many as Parseable 2.9.5 takes. */
const DAYS = { min: 1, max: 36_500, example: "30d" } as const;
const IDLE = { min: "100ms", max: "5m", example: "15s" } as const;

/** All settings, in the order in which people meet them; {@linkcode SETTINGS} has their types. */
export const ROWS = {
  VLLM_METRICS_URL: list(
    ["URL or URLs", parseServer],
    "Where vLLM serves metrics (unset: localhost:8000); also NAME=URL, dns+URL.",
    splitServers,
  ),
  LISTEN_ADDRESS: usual("0.0.0.0:9090", ADDRESS, "Where to listen; [::]:9090 includes IPv6."),
  ALLOWED_HOSTS: list(
    ["host names, comma-separated", parseHostName],
    "Names clients may call it by, besides localhost and IP addresses.",
  ),
  FRAME_ANCESTORS: list(
    ["origins, comma-separated", parseOrigin],
    "Sites that may embed the live page, such as Grafana's; without it none.",
  ),
  SCRAPE_TIMEOUT: wait("10s", "Timeout of a scrape of vLLM, to its last byte."),
  // 63 KB is one engine's response, so the default is enough for 250 engines behind one address; it
  // suits the mem_limit of 512 MB in compose.yml.
  MAX_BODY_BYTES: usual(
    "16MiB",
    ["size, 1KiB to 4GiB", (text) => parseBytes(text, SIZES)],
    "Maximum response size of vLLM.",
  ),
  METRICS_DROP: list(
    FAMILIES,
    "Families left out of /metrics, relay and push, such as vllm_lora_*.",
  ),
  METRICS_KEEP: list(FAMILIES, "The only families to pass on; METRICS_DROP wins."),
  METRICS_NAMES: usual(
    "underscore",
    oneOf(METRIC_NAMES),
    "Names as vllm_, as vLLM writes them, or both; also /metrics?names=colon.",
  ),
  METRICS_ALIASES: flag("Add the names that older and newer vLLM have for the same metrics."),
  BACKEND_COMPLETE: flag("Send backends _created and all series of lora_requests_info."),
  MAX_SCRAPES_PER_SECOND: usual(
    "20",
    ["number, 1 to 100000", (text) => parseCount(text, RATES)],
    "Scrapes of one server per second; more clients wait and share them.",
  ),
  VLLM_BEARER_TOKEN: secret(TOKEN, "Token for vLLM or the gateway in front of it."),
  VLLM_USERNAME: secret(USERNAME, "Username for vLLM, with VLLM_PASSWORD."),
  VLLM_PASSWORD: secret(PASSWORD, "Password for vLLM, with VLLM_USERNAME."),
  VLLM_HEADERS: secret(
    ["Name: value, one per line", parseHeaders],
    "More request headers for vLLM; \\n also ends a line.",
  ),
  VLLM_TLS_CA_FILE: file(CERTIFICATES, "Extra CA certificates for vLLM."),
  VLLM_TLS_CERT_FILE: file(CERTIFICATES, "Client certificate for vLLM, with VLLM_TLS_KEY_FILE."),
  VLLM_TLS_KEY_FILE: file(KEY, "Its private key, without a passphrase."),
  VLLM_TLS_INSECURE_SKIP_VERIFY: flag("Skip TLS verification of vLLM (allows man-in-the-middle)."),
  METRICS_USERNAME: secret(USERNAME, "Username clients must send, with METRICS_PASSWORD."),
  METRICS_PASSWORD: secret(PASSWORD, "Password clients must send, on all but the health routes."),
  METRICS_BEARER_TOKEN: secret(TOKEN, "Token clients may send instead of both."),
  TLS_CERT_FILE: file(CERTIFICATES, "Certificate of both listeners; a renewed file is reloaded."),
  TLS_KEY_FILE: file(KEY, "Private key of TLS_CERT_FILE, without a passphrase."),
  PARSEABLE_URL: optional(
    PARSEABLE,
    "Parseable, such as http://parseable:8000; without it the relay is off.",
  ),
  PARSEABLE_QUERY_URL: optional(
    PARSEABLE,
    "Query node for provision and check, if PARSEABLE_URL is an ingest node.",
  ),
  OTLP_LISTEN_ADDRESS: usual(
    "0.0.0.0:4318",
    ADDRESS,
    "Where the relay listens for OTLP metrics.",
  ),
  PARSEABLE_STREAM: usual(
    "vLLMmetrics",
    ["letters, digits, - and _", parseStreamName],
    "Stream in Parseable for senders that name none.",
  ),
  PARSEABLE_TIMEOUT: wait("30s", "Timeout of a request to Parseable."),
  PARSEABLE_TLS_CA_FILE: file(CERTIFICATES, "Extra CA certificates for Parseable."),
  PARSEABLE_TLS_INSECURE_SKIP_VERIFY: flag(
    "Skip TLS verification of Parseable (allows man-in-the-middle).",
  ),
  P_USERNAME: secret(USERNAME, "User of Parseable for provision, with P_PASSWORD."),
  P_PASSWORD: secret(PASSWORD, "Password of that user."),
  PARSEABLE_API_KEY: secret(TOKEN, "API key of Parseable for provision, instead of both."),
  PARSEABLE_RETENTION: usual(
    "30d",
    ["days, 1d to 36500d", (text) => parseDays(text, DAYS)],
    "How long Parseable keeps rows; provision sets it.",
  ),
  PARSEABLE_PUSH: flag("Push to Parseable without Fluent Bit; needs P_USERNAME and P_PASSWORD."),
  // Of the settings of OpenTelemetry, those for metrics win over the general ones.
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(
    RECEIVER,
    "Push metrics there by OTLP/HTTP; /v1/metrics is appended.",
  ),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: optional(RECEIVER, "The same, as the whole URL."),
  OTEL_EXPORTER_OTLP_HEADERS: secret(
    [PAIRS, parseHeaderPairs],
    "Headers of the push; values percent-encoded.",
  ),
  OTEL_EXPORTER_OTLP_METRICS_HEADERS: secret(
    [PAIRS, parseHeaderPairs],
    "Headers of the push, before the general setting; values percent-encoded.",
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: usual("http/protobuf", PROTOCOL, "Encoding of the push."),
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: optional(
    PROTOCOL,
    "Encoding of the push, before the general setting.",
  ),
  OTEL_EXPORTER_OTLP_COMPRESSION: optional(COMPRESSION, "Compression of the push."),
  OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: optional(
    COMPRESSION,
    "Compression of the push, before the general setting.",
  ),
  OTEL_EXPORTER_OTLP_TIMEOUT: usual("10000", PUSH_TIMEOUT, "Timeout of a pushed request."),
  OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: optional(
    PUSH_TIMEOUT,
    "Timeout of a pushed request, before the general setting.",
  ),
  OTEL_EXPORTER_OTLP_CERTIFICATE: file(CERTIFICATES, "Extra CA certificates for the push."),
  OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: file(
    CERTIFICATES,
    "Extra CA certificates for the push, before the general setting.",
  ),
  OTEL_METRIC_EXPORT_INTERVAL: usual("10000", milliseconds(3_600_000), "Interval of the push."),
  OTEL_RESOURCE_ATTRIBUTES: optional(
    [PAIRS, parsePairs],
    "Resource attributes of pushed metrics; values are percent-encoded.",
  ),
  OTEL_SERVICE_NAME: optional(TEXT, "Service name of pushed metrics; vllm without it."),
  OTLP_QUEUE_FILE: optional(
    PATH,
    "SQLite file that keeps unsent pushes; without it they are in memory.",
  ),
  // The defaults are those of vLLM's own dashboards.
  SLO_TTFT: duration("1s", "1ms", "10m", "SLO for the time to first token (TTFT)."),
  SLO_TPOT: duration("100ms", "1ms", "10m", "SLO for the time per output token (TPOT)."),
  SLO_TARGET: usual(
    "0.99",
    ["share, above 0 and below 1", parseShare],
    "Share of requests that should meet each SLO: the rest is the error budget.",
  ),
  GPU_COST_PER_HOUR: list(
    ["number, or NAME=number, ...", parsePrice],
    "What a server costs per hour, in any currency; NAME is one server.",
  ),
  SCRAPE_INTERVAL: wait("2s", "Interval of the history's scrapes."),
  HISTORY_IDLE_INTERVAL: usual(
    "15s",
    [
      "duration, 100ms to 5m, or 0",
      (text) => text === "0" ? accept(0) : parseDuration(text, IDLE),
    ],
    "The same while no page is open and HISTORY_FILE is unset.",
  ),
  HISTORY_FILE: optional(
    PATH,
    "SQLite file for the history; without it the last day is kept in memory.",
  ),
  HISTORY_RETENTION: duration("30d", "1h", "3650d", "How long that file keeps the history."),
  ALERT_KV_LIMIT: usual(
    "0.9",
    ["share, above 0 and below 1", parseShare],
    "KV cache usage above which provision's alert fires.",
  ),
  ALERT_WEBHOOK_URL: secret(
    ["URL", parseWebhook],
    "Where provision's alerts are sent; without it they only show in Parseable.",
  ),
  LOG_LEVEL: usual("info", oneOf(LOG_LEVELS), "Lowest level of the log lines to write."),
  LOG_FORMAT: usual("text", oneOf(LOG_FORMATS), "Log lines as logfmt or as JSON."),
};

/** The name of a setting. */
export type SettingName = keyof typeof ROWS;

/** What each setting is, once it is read. */
export type SettingValues = {
  readonly [N in SettingName]: typeof ROWS[N] extends Setting<infer T> ? T : never;
};

/** All settings by name. */
export const SETTINGS: { readonly [N in SettingName]: Setting<SettingValues[N]> } = ROWS;

/** Names and rows, in the order of the table. */
export const SETTING_ROWS: readonly (readonly [name: string, row: Setting<unknown>])[] = Object
  .entries(SETTINGS);

/** The names of the secret settings. */
export const SECRET_NAMES: readonly string[] = SETTING_ROWS
  .filter(([, { kind }]) => kind === "secret").map(([name]) => name);

/** Every variable that the service reads, including the `NAME_FILE` form of secrets. */
export const SETTING_NAMES: readonly string[] = SETTING_ROWS.flatMap(([name, { kind }]) =>
  kind === "secret" ? [name, `${name}_FILE`] : [name]
);
