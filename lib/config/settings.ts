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
  type Header,
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
  parsePairs,
  parsePassword,
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

type Parse<T> = (text: string) => Parsed<T>;

function readWhole<T>(text: string, parse: Parse<T>): Reading<T> {
  const parsed = parse(text);
  return parsed.ok ? parsed : { ok: false, problems: [[text, parsed.problem]] };
}

/** A setting that nothing holds for when it is not set. */
function optional<T>(parse: Parse<T>, form: string, meaning: string): Setting<T | undefined> {
  const read = (text: string): Reading<T> => readWhole(text, parse);
  return { kind: "plain", defaultText: "", fallback: undefined, form, meaning, read };
}

/** A setting with a default. */
function usual<T>(text: string, parse: Parse<T>, form: string, meaning: string): Setting<T> {
  const parsed = parse(text);
  if (!parsed.ok) throw new TypeError(`The default "${text}" is wrong: ${parsed.problem}`);
  const read = (one: string): Reading<T> => readWhole(one, parse);
  return { kind: "plain", defaultText: text, fallback: parsed.value, form, meaning, read };
}

function secret<T>(parse: Parse<T>, form: string, meaning: string): Setting<T | undefined> {
  return { ...optional(parse, form, meaning), kind: "secret" };
}

function file<T>(parse: Parse<T>, meaning: string): Setting<T | undefined> {
  return { ...optional(parse, "path of a PEM file", meaning), kind: "file" };
}

/** A list, each part of which is checked by itself. */
function list<T>(
  split: (text: string) => readonly string[],
  parse: Parse<T>,
  form: string,
  meaning: string,
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
  return usual("false", parseBoolean, "true or false", meaning);
}

function word<T extends string>(text: T, words: readonly T[], meaning: string): Setting<T> {
  return usual(text, (one) => parseChoice(one, words), words.join(", "), meaning);
}

function listen(text: string, meaning: string): Setting<Address> {
  return usual(text, parseAddress, "host:port", meaning);
}

function duration(text: string, min: string, max: string, meaning: string): Setting<number> {
  const parse = (one: string): Parsed<number> => parseDuration(one, { min, max, example: text });
  return usual(text, parse, `duration, ${min} to ${max}`, meaning);
}

/** A timeout: under 0.1 s no server answers, beyond 5 min no client waits. */
function wait(text: string, meaning: string): Setting<number> {
  return duration(text, "100ms", "5m", meaning);
}

/** A number of milliseconds, as OpenTelemetry has them. */
function parseMilliseconds(max: number): Parse<number> {
  return (text) => parseCount(text, { min: 100, max, example: 10_000 });
}

// Those for metrics win over the general ones.
const MAX_PUSH_TIMEOUT = 300_000;
const PUSH_TIMEOUT = ["milliseconds, 100 to 300000", "Timeout of a pushed request"] as const;
const PUSH_PROTOCOLS = ["http/protobuf", "http/json"] as const;
const PUSH_COMPRESSIONS = ["gzip", "none"] as const;
const FIRST = ", before the general setting";

function pushHeaders(note: string): Setting<readonly Header[] | undefined> {
  const meaning = `Headers of the push${note}; values percent-encoded.`;
  return secret(parseHeaderPairs, "key=value,key=value", meaning);
}

function pushCompression(note: string): Setting<typeof PUSH_COMPRESSIONS[number] | undefined> {
  const parse = (text: string): Parsed<typeof PUSH_COMPRESSIONS[number]> =>
    parseChoice(text, PUSH_COMPRESSIONS);
  return optional(parse, PUSH_COMPRESSIONS.join(", "), `Compression of the push${note}.`);
}

/** All settings, in the order in which people meet them; {@linkcode SETTINGS} has their types. */
export const ROWS = {
  VLLM_METRICS_URL: list(
    splitServers,
    parseServer,
    "URL or URLs",
    "Where vLLM serves metrics (unset: localhost:8000); also NAME=URL, dns+URL.",
  ),
  LISTEN_ADDRESS: listen("0.0.0.0:9090", "Where to listen; [::]:9090 includes IPv6."),
  ALLOWED_HOSTS: list(
    splitNames,
    parseHostName,
    "host names, comma-separated",
    "Names clients may call it by, besides localhost and IP addresses.",
  ),
  SCRAPE_TIMEOUT: wait("10s", "Timeout of a scrape of vLLM, to its last byte."),
  // 63 KB is one engine's response, so the default is enough for 250 engines behind one address; it
  // suits the mem_limit of 512 MB in compose.yml.
  MAX_BODY_BYTES: usual(
    "16MiB",
    (text) => parseBytes(text, { min: "1KiB", max: "4GiB", example: "16MiB" }),
    "size, 1KiB to 4GiB",
    "Maximum response size of vLLM.",
  ),
  METRICS_DROP: list(
    splitNames,
    parseFamilyPattern,
    "names, * for any text",
    "Families left out of /metrics, relay and push, such as vllm_lora_*.",
  ),
  METRICS_KEEP: list(
    splitNames,
    parseFamilyPattern,
    "names, * for any text",
    "The only families to pass on; METRICS_DROP wins.",
  ),
  METRICS_NAMES: word(
    "underscore",
    METRIC_NAMES,
    "Names on /metrics: vllm_, vllm: as vLLM writes them, or both; one request: /metrics?names=colon.",
  ),
  METRICS_ALIASES: flag("Add the names that older and newer vLLM have for the same metrics."),
  BACKEND_COMPLETE: flag("Send backends _created and all series of lora_requests_info."),
  // A scrape takes 5 ms of the vLLM process that serves users.
  MAX_SCRAPES_PER_SECOND: usual(
    "20",
    (text) => parseCount(text, { min: 1, max: 100_000, example: 20 }),
    "number, 1 to 100000",
    "Scrapes of one server per second; more clients wait and share them.",
  ),
  VLLM_BEARER_TOKEN: secret(parseToken, "token", "Token for vLLM or the gateway in front of it."),
  VLLM_USERNAME: secret(parseUsername, "text", "Username for vLLM, with VLLM_PASSWORD."),
  VLLM_PASSWORD: secret(parsePassword, "text", "Password for vLLM, with VLLM_USERNAME."),
  VLLM_HEADERS: secret(
    parseHeaders,
    "Name: value, one per line",
    "More request headers for vLLM; \\n also ends a line.",
  ),
  VLLM_TLS_CA_FILE: file(parseCertificates, "Extra CA certificates for vLLM."),
  VLLM_TLS_CERT_FILE: file(
    parseCertificates,
    "Client certificate for vLLM, with VLLM_TLS_KEY_FILE.",
  ),
  VLLM_TLS_KEY_FILE: file(parsePrivateKey, "Its private key, without a passphrase."),
  VLLM_TLS_INSECURE_SKIP_VERIFY: flag("Skip TLS verification of vLLM (allows man-in-the-middle)."),
  METRICS_USERNAME: secret(
    parseUsername,
    "text",
    "Username clients must send, with METRICS_PASSWORD.",
  ),
  METRICS_PASSWORD: secret(
    parsePassword,
    "text",
    "Password clients must send, on all but the health routes.",
  ),
  METRICS_BEARER_TOKEN: secret(parseToken, "token", "Token clients may send instead of both."),
  TLS_CERT_FILE: file(
    parseCertificates,
    "Certificate of both listeners; a renewed file is reloaded.",
  ),
  TLS_KEY_FILE: file(parsePrivateKey, "Private key of TLS_CERT_FILE, without a passphrase."),
  PARSEABLE_URL: optional(
    parseBaseUrl,
    "URL",
    "Parseable, such as http://parseable:8000; without it the relay is off.",
  ),
  PARSEABLE_QUERY_URL: optional(
    parseBaseUrl,
    "URL",
    "Query node for provision and check, if PARSEABLE_URL is an ingest node.",
  ),
  OTLP_LISTEN_ADDRESS: listen("0.0.0.0:4318", "Where the relay listens for OTLP metrics."),
  PARSEABLE_STREAM: usual(
    "vLLMmetrics",
    parseStreamName,
    "letters, digits, - and _",
    "Stream in Parseable for senders that name none.",
  ),
  PARSEABLE_TIMEOUT: wait("30s", "Timeout of a request to Parseable."),
  PARSEABLE_TLS_CA_FILE: file(parseCertificates, "Extra CA certificates for Parseable."),
  PARSEABLE_TLS_INSECURE_SKIP_VERIFY: flag(
    "Skip TLS verification of Parseable (allows man-in-the-middle).",
  ),
  P_USERNAME: secret(parseUsername, "text", "User of Parseable for provision, with P_PASSWORD."),
  P_PASSWORD: secret(parsePassword, "text", "Password of that user."),
  PARSEABLE_API_KEY: secret(
    parseToken,
    "token",
    "API key of Parseable for provision, instead of both.",
  ),
  // As many as Parseable 2.9.5 takes.
  PARSEABLE_RETENTION: usual(
    "30d",
    (text) => parseDays(text, { min: 1, max: 36_500, example: "30d" }),
    "days, 1d to 36500d",
    "How long Parseable keeps rows; provision sets it.",
  ),
  PARSEABLE_PUSH: flag("Push to Parseable without Fluent Bit; needs P_USERNAME and P_PASSWORD."),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(
    parseOtlpUrl,
    "URL",
    "Push metrics there by OTLP/HTTP; /v1/metrics is appended.",
  ),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: optional(
    parseOtlpUrl,
    "URL",
    "The same, as the whole URL.",
  ),
  OTEL_EXPORTER_OTLP_HEADERS: pushHeaders(""),
  OTEL_EXPORTER_OTLP_METRICS_HEADERS: pushHeaders(FIRST),
  OTEL_EXPORTER_OTLP_PROTOCOL: word("http/protobuf", PUSH_PROTOCOLS, "Encoding of the push."),
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: optional(
    (text) => parseChoice(text, PUSH_PROTOCOLS),
    PUSH_PROTOCOLS.join(", "),
    `Encoding of the push${FIRST}.`,
  ),
  OTEL_EXPORTER_OTLP_COMPRESSION: pushCompression(""),
  OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: pushCompression(FIRST),
  OTEL_EXPORTER_OTLP_TIMEOUT: usual(
    "10000",
    parseMilliseconds(MAX_PUSH_TIMEOUT),
    PUSH_TIMEOUT[0],
    `${PUSH_TIMEOUT[1]}.`,
  ),
  OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: optional(
    parseMilliseconds(MAX_PUSH_TIMEOUT),
    PUSH_TIMEOUT[0],
    `${PUSH_TIMEOUT[1]}${FIRST}.`,
  ),
  OTEL_EXPORTER_OTLP_CERTIFICATE: file(parseCertificates, "Extra CA certificates for the push."),
  OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: file(
    parseCertificates,
    `Extra CA certificates for the push${FIRST}.`,
  ),
  OTEL_METRIC_EXPORT_INTERVAL: usual(
    "10000",
    parseMilliseconds(3_600_000),
    "milliseconds, 100 to 3600000",
    "Interval of the push.",
  ),
  OTEL_RESOURCE_ATTRIBUTES: optional(
    parsePairs,
    "key=value,key=value",
    "Resource attributes of pushed metrics; values are percent-encoded.",
  ),
  OTEL_SERVICE_NAME: optional<string>(
    accept,
    "text",
    "Service name of pushed metrics; vllm without it.",
  ),
  OTLP_QUEUE_FILE: optional<string>(
    accept,
    "path of a file",
    "SQLite file that keeps unsent pushes; without it they are in memory.",
  ),
  // The defaults are those of vLLM's own dashboards.
  SLO_TTFT: duration("1s", "1ms", "10m", "SLO for the time to first token (TTFT)."),
  SLO_TPOT: duration("100ms", "1ms", "10m", "SLO for the time per output token (TPOT)."),
  SCRAPE_INTERVAL: wait("2s", "Interval of the history's scrapes."),
  HISTORY_IDLE_INTERVAL: usual(
    "15s",
    (text) =>
      text === "0" ? accept(0) : parseDuration(text, { min: "100ms", max: "5m", example: "15s" }),
    "duration, 100ms to 5m, or 0",
    "The same while no page is open and HISTORY_FILE is unset.",
  ),
  HISTORY_FILE: optional<string>(
    accept,
    "path of a file",
    "SQLite file for the history; without it the last day is kept in memory.",
  ),
  HISTORY_RETENTION: duration("30d", "1h", "3650d", "How long that file keeps the history."),
  ALERT_KV_LIMIT: usual(
    "0.9",
    parseShare,
    "share, above 0 and below 1",
    "KV cache usage above which provision's alert fires.",
  ),
  ALERT_WEBHOOK_URL: secret<Secret>(
    parseWebhook,
    "URL",
    "Where provision's alerts are sent; without it they only show in Parseable.",
  ),
  LOG_LEVEL: word("info", LOG_LEVELS, "Lowest level of the log lines to write."),
  LOG_FORMAT: word("text", LOG_FORMATS, "Log lines as logfmt or as JSON."),
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
