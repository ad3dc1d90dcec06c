/**
 * The one table of settings. A row holds everything about a setting: its parser, default, form,
 * meaning and whether it is secret. Types, checks, help and docs derive from it, so that a new
 * setting is one row and the code that uses it.
 */

import { LOG_FORMATS, LOG_LEVELS } from "../log.ts";
import {
  type Header,
  parseHeaderPairs,
  parseHeaders,
  parsePairs,
  parsePassword,
  parseToken,
  parseUsername,
  parseWebhook,
} from "./headers.ts";
import {
  accept,
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
  parseHostName,
  parsePrivateKey,
  parseShare,
  parseStreamName,
  type Range,
} from "./values.ts";
import { parseServer, splitServers } from "./server_list.ts";
import { parseBaseUrl, parseOtlpUrl } from "./url.ts";

/**
 * Where the text of a setting comes from: its variable; its variable as a list; its variable or the
 * file that `NAME_FILE` names, neither of which is ever shown; the file that its variable names.
 */
export type SettingKind = "plain" | "list" | "secret" | "file";

/** What there is to know of one setting. */
export interface Setting<T> {
  /** Where its text comes from. */
  readonly kind: SettingKind;
  /** What holds when it is not set, as one would write it; empty for nothing. */
  readonly defaultText: string;
  /** How the value is written. */
  readonly form: string;
  /** What it is for, in one sentence. */
  readonly meaning: string;
  /** Takes a text apart; each part is checked by itself. */
  readonly split: (text: string) => readonly string[];
  /** Checks a part; `path` is that of its file, if it comes from one. */
  readonly check: (part: string, path: string) => Parsed<unknown>;
  /** Reads the text, of which every part is right. */
  readonly read: (text: string, path: string) => Parsed<T>;
}

type Words = readonly [form: string, meaning: string];

function row<T>(
  kind: SettingKind,
  read: (text: string, path: string) => Parsed<T>,
  [form, meaning]: Words,
  defaultText = "",
): Setting<T> {
  return { kind, defaultText, form, meaning, split: (text) => [text], check: read, read };
}

function plain<T>(read: (text: string) => Parsed<T>, words: Words, usual = ""): Setting<T> {
  return row("plain", read, words, usual);
}

function secret<T>(read: (text: string) => Parsed<T>, words: Words): Setting<T> {
  return row("secret", read, words);
}

/** A PEM file. */
function file<T>(
  read: (text: string) => Parsed<T>,
  meaning: string,
): Setting<{ readonly path: string; readonly text: T }> {
  return row("file", (content, path) => {
    const parsed = read(content);
    return parsed.ok ? accept({ path, text: parsed.value }) : parsed;
  }, ["path of a PEM file", meaning]);
}

function duration(usual: string, range: Omit<Range, "example">, meaning: string): Setting<number> {
  return plain(
    (text) => parseDuration(text, { ...range, example: usual }),
    [`duration, ${range.min} to ${range.max}`, meaning],
    usual,
  );
}

function list<T>(
  split: (text: string) => readonly string[],
  check: (part: string) => Parsed<T>,
  words: Words,
): Setting<readonly T[]> {
  function read(text: string): Parsed<readonly T[]> {
    const values: T[] = [];
    for (const part of split(text)) {
      const parsed = check(part);
      if (!parsed.ok) return parsed;
      values.push(parsed.value);
    }
    return accept(values);
  }
  return { ...row("list", read, words), split, check };
}

function splitNames(text: string): string[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "");
}

const SIZE = { min: "1KiB", max: "4GiB", example: "16MiB" } as const;
/** A scrape takes 5 ms of the vLLM process that serves users. */
const SCRAPE_RATES = { min: 1, max: 100_000, example: 20 } as const;
/** As many as Parseable 2.9.5 takes. */
const DAYS = { min: 1, max: 36_500, example: "30d" } as const;
/** What SLO_TTFT and SLO_TPOT allow; their defaults are those of vLLM's own dashboards. */
const GOAL = { min: "1ms", max: "10m" } as const;
/** Under 0.1 s no server answers, beyond 5 min no client waits. */
const WAIT = { min: "100ms", max: "5m" } as const;

const OTLP_PROTOCOLS = ["http/protobuf", "http/json"] as const;
const OTLP_COMPRESSIONS = ["gzip", "none"] as const;

/** A number of milliseconds, as OpenTelemetry has them. */
function milliseconds(
  usual: string,
  range: { readonly min: number; readonly max: number },
  meaning: string,
): Setting<number> {
  return plain((text) => parseCount(text, { ...range, example: 10_000 }), [
    `milliseconds, ${range.min} to ${range.max}`,
    meaning,
  ], usual);
}

/** The settings of an OTLP exporter: the general ones, or those for metrics, which win. */
function exporter(protocol: string, timeout: string, note: string): {
  readonly HEADERS: Setting<readonly Header[]>;
  readonly PROTOCOL: Setting<typeof OTLP_PROTOCOLS[number]>;
  readonly COMPRESSION: Setting<typeof OTLP_COMPRESSIONS[number]>;
  readonly TIMEOUT: Setting<number>;
  readonly CERTIFICATE: ReturnType<typeof file<string>>;
} {
  return {
    HEADERS: secret(parseHeaderPairs, [
      "key=value,key=value",
      `Headers of the push${note}; values percent-encoded.`,
    ]),
    PROTOCOL: plain(
      (text) => parseChoice(text, OTLP_PROTOCOLS),
      [OTLP_PROTOCOLS.join(", "), `Encoding of the push${note}.`],
      protocol,
    ),
    COMPRESSION: plain(
      (text) => parseChoice(text, OTLP_COMPRESSIONS),
      [OTLP_COMPRESSIONS.join(", "), `Compression of the push${note}.`],
    ),
    TIMEOUT: milliseconds(
      timeout,
      { min: 100, max: 300_000 },
      `Timeout of a pushed request${note}.`,
    ),
    CERTIFICATE: file(parseCertificates, `Extra CA certificates for the push${note}.`),
  };
}

const GENERAL = exporter("http/protobuf", "10000", "");
const OF_METRICS = exporter("", "", ", before the general setting");

/** All settings, in the order in which people meet them; {@linkcode SETTINGS} has their types. */
export const ROWS = {
  VLLM_METRICS_URL: list(splitServers, parseServer, [
    "URL or URLs",
    "Where vLLM serves metrics (unset: localhost:8000); also NAME=URL, dns+URL.",
  ]),
  LISTEN_ADDRESS: plain(
    parseAddress,
    ["host:port", "Where to listen; [::]:9090 includes IPv6."],
    "0.0.0.0:9090",
  ),
  ALLOWED_HOSTS: list(splitNames, parseHostName, [
    "host names, comma-separated",
    "Names clients may call it by, besides localhost and IP addresses.",
  ]),
  SCRAPE_TIMEOUT: duration("10s", WAIT, "Timeout of a scrape of vLLM, to its last byte."),
  // 63 KB is one engine's response, so the default is enough for 250 engines behind one address; it
  // suits the mem_limit of 512 MB in compose.yml.
  MAX_BODY_BYTES: plain(
    (text) => parseBytes(text, SIZE),
    [`size, ${SIZE.min} to ${SIZE.max}`, "Maximum response size of vLLM."],
    SIZE.example,
  ),
  METRICS_DROP: list(splitNames, parseFamilyPattern, [
    "names, * for any text",
    "Families left out of /metrics, relay and push, such as vllm_lora_*.",
  ]),
  METRICS_KEEP: list(splitNames, parseFamilyPattern, [
    "names, * for any text",
    "The only families to pass on; METRICS_DROP wins.",
  ]),
  BACKEND_COMPLETE: plain(parseBoolean, [
    "true or false",
    "Send backends _created and all series of lora_requests_info.",
  ], "false"),
  MAX_SCRAPES_PER_SECOND: plain((text) => parseCount(text, SCRAPE_RATES), [
    `number, ${SCRAPE_RATES.min} to ${SCRAPE_RATES.max}`,
    "Scrapes of one server per second; more clients wait and share them.",
  ], "20"),
  VLLM_BEARER_TOKEN: secret(parseToken, [
    "token",
    "Token for vLLM or the gateway in front of it.",
  ]),
  VLLM_USERNAME: secret(parseUsername, ["text", "Username for vLLM, with VLLM_PASSWORD."]),
  VLLM_PASSWORD: secret(parsePassword, ["text", "Password for vLLM, with VLLM_USERNAME."]),
  VLLM_HEADERS: secret(parseHeaders, [
    "Name: value, one per line",
    "More request headers for vLLM; \\n also ends a line.",
  ]),
  VLLM_TLS_CA_FILE: file(parseCertificates, "Extra CA certificates for vLLM."),
  VLLM_TLS_CERT_FILE: file(
    parseCertificates,
    "Client certificate for vLLM, with VLLM_TLS_KEY_FILE.",
  ),
  VLLM_TLS_KEY_FILE: file(parsePrivateKey, "Its private key, without a passphrase."),
  VLLM_TLS_INSECURE_SKIP_VERIFY: plain(parseBoolean, [
    "true or false",
    "Skip TLS verification of vLLM (allows man-in-the-middle).",
  ], "false"),
  METRICS_USERNAME: secret(parseUsername, [
    "text",
    "Username clients must send, with METRICS_PASSWORD.",
  ]),
  METRICS_PASSWORD: secret(parsePassword, [
    "text",
    "Password clients must send, on all but the health routes.",
  ]),
  METRICS_BEARER_TOKEN: secret(parseToken, ["token", "Token clients may send instead of both."]),
  TLS_CERT_FILE: file(
    parseCertificates,
    "Certificate of both listeners; a renewed file is reloaded.",
  ),
  TLS_KEY_FILE: file(parsePrivateKey, "Private key of TLS_CERT_FILE, without a passphrase."),
  PARSEABLE_URL: plain(parseBaseUrl, [
    "URL",
    "Parseable, such as http://parseable:8000; without it the relay is off.",
  ]),
  PARSEABLE_QUERY_URL: plain(parseBaseUrl, [
    "URL",
    "Its query node, for provision and check, if PARSEABLE_URL is that of ingest nodes.",
  ]),
  OTLP_LISTEN_ADDRESS: plain(
    parseAddress,
    ["host:port", "Where the relay listens for OTLP metrics."],
    "0.0.0.0:4318",
  ),
  PARSEABLE_STREAM: plain(
    parseStreamName,
    ["letters, digits, - and _", "Stream in Parseable for senders that name none."],
    "vLLMmetrics",
  ),
  PARSEABLE_TIMEOUT: duration("30s", WAIT, "Timeout of a request to Parseable."),
  PARSEABLE_TLS_CA_FILE: file(parseCertificates, "Extra CA certificates for Parseable."),
  PARSEABLE_TLS_INSECURE_SKIP_VERIFY: plain(parseBoolean, [
    "true or false",
    "Skip TLS verification of Parseable (allows man-in-the-middle).",
  ], "false"),
  P_USERNAME: secret(parseUsername, [
    "text",
    "User of Parseable for provision, with P_PASSWORD.",
  ]),
  P_PASSWORD: secret(parsePassword, ["text", "Password of that user."]),
  PARSEABLE_API_KEY: secret(parseToken, [
    "token",
    "API key of Parseable for provision, instead of both.",
  ]),
  PARSEABLE_RETENTION: plain(
    (text) => parseDays(text, DAYS),
    [`days, ${DAYS.min}d to ${DAYS.max}d`, "How long Parseable keeps rows; provision sets it."],
    DAYS.example,
  ),
  PARSEABLE_PUSH: plain(parseBoolean, [
    "true or false",
    "Push to Parseable without Fluent Bit; needs P_USERNAME and P_PASSWORD.",
  ], "false"),
  OTEL_EXPORTER_OTLP_ENDPOINT: plain(parseOtlpUrl, [
    "URL",
    "Push metrics there by OTLP/HTTP; /v1/metrics is appended.",
  ]),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: plain(parseOtlpUrl, [
    "URL",
    "The same, as the whole URL.",
  ]),
  OTEL_EXPORTER_OTLP_HEADERS: GENERAL.HEADERS,
  OTEL_EXPORTER_OTLP_METRICS_HEADERS: OF_METRICS.HEADERS,
  OTEL_EXPORTER_OTLP_PROTOCOL: GENERAL.PROTOCOL,
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: OF_METRICS.PROTOCOL,
  OTEL_EXPORTER_OTLP_COMPRESSION: GENERAL.COMPRESSION,
  OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: OF_METRICS.COMPRESSION,
  OTEL_EXPORTER_OTLP_TIMEOUT: GENERAL.TIMEOUT,
  OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: OF_METRICS.TIMEOUT,
  OTEL_EXPORTER_OTLP_CERTIFICATE: GENERAL.CERTIFICATE,
  OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: OF_METRICS.CERTIFICATE,
  OTEL_METRIC_EXPORT_INTERVAL: milliseconds(
    "10000",
    { min: 100, max: 3_600_000 },
    "Interval of the push.",
  ),
  OTEL_RESOURCE_ATTRIBUTES: plain(parsePairs, [
    "key=value,key=value",
    "Resource attributes of pushed metrics; values are percent-encoded.",
  ]),
  OTEL_SERVICE_NAME: plain(accept<string>, [
    "text",
    "Service name of pushed metrics; vllm without it.",
  ]),
  OTLP_QUEUE_FILE: plain(accept<string>, [
    "path of a file",
    "SQLite file that keeps unsent pushes; without it they are in memory.",
  ]),
  SLO_TTFT: duration("1s", GOAL, "SLO for the time to first token (TTFT)."),
  SLO_TPOT: duration("100ms", GOAL, "SLO for the time per output token (TPOT)."),
  SCRAPE_INTERVAL: duration("2s", WAIT, "Interval of the history's scrapes."),
  HISTORY_IDLE_INTERVAL: plain(
    (text) => text === "0" ? accept(0) : parseDuration(text, { ...WAIT, example: "15s" }),
    [
      `duration, ${WAIT.min} to ${WAIT.max}, or 0`,
      "The same while no page is open and HISTORY_FILE is unset.",
    ],
    "15s",
  ),
  HISTORY_FILE: plain(accept<string>, [
    "path of a file",
    "SQLite file for the history; without it the last day is kept in memory.",
  ]),
  HISTORY_RETENTION: duration(
    "30d",
    { min: "1h", max: "3650d" },
    "How long that file keeps the history.",
  ),
  ALERT_KV_LIMIT: plain(
    parseShare,
    ["share, above 0 and below 1", "KV cache usage above which provision's alert fires."],
    "0.9",
  ),
  ALERT_WEBHOOK_URL: secret(parseWebhook, [
    "URL",
    "Where provision's alerts are sent; without it they only show in Parseable.",
  ]),
  LOG_LEVEL: plain(
    (text) => parseChoice(text, LOG_LEVELS),
    [LOG_LEVELS.join(", "), "Lowest level of the log lines to write."],
    "info",
  ),
  LOG_FORMAT: plain(
    (text) => parseChoice(text, LOG_FORMATS),
    [LOG_FORMATS.join(", "), "Log lines as logfmt or as JSON."],
    "text",
  ),
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
