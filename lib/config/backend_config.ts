/** Where metrics are sent: Parseable, the relay to it, and the push, from the settings of each. */

import { Secret } from "./secret.ts";
import type { SettingReader } from "./setting_reader.ts";
import { SETTING_ROWS } from "./settings.ts";
import { readTls, type TlsConfig } from "./upstream_config.ts";
import { maskUrl, METRICS_PATH, placeBelow } from "./url.ts";
import { type Address, basicAuthorization, type Header } from "./values.ts";

/** Parseable, and the stream in it. */
export type ParseableConfig = {
  /** Its base URL, without credentials. Do not change it. */
  readonly url: URL;
  /** The base URL for all but sending metrics; another one only with several nodes. */
  readonly queryUrl: URL;
  readonly stream: string;
  readonly timeoutMs: number;
  readonly tls: TlsConfig;
};

/** The relay; its URL is where it sends metrics: the base URL and `/v1/metrics`. */
export type RelayConfig = Omit<ParseableConfig, "queryUrl"> & {
  readonly label: string;
  readonly listen: Address;
};

/** How metrics are pushed. */
export type PushConfig = {
  readonly url: URL;
  readonly label: string;
  readonly headers: readonly Header[];
  readonly protocol: "http/protobuf" | "http/json";
  readonly isCompressed: boolean;
  readonly timeoutMs: number;
  readonly tls: TlsConfig;
  readonly intervalMs: number;
  readonly attributes: readonly (readonly [name: string, value: string])[];
  /** The path of the queue; in memory without. */
  readonly queueFile?: string | undefined;
  readonly isParseable: boolean;
};

/** Reads where Parseable is. Mistakes count also when PARSEABLE_URL is not set. */
export function readParseable(reader: SettingReader): ParseableConfig | undefined {
  const url = reader.get("PARSEABLE_URL");
  const stream = reader.get("PARSEABLE_STREAM");
  const timeoutMs = reader.get("PARSEABLE_TIMEOUT");
  const queryUrl = reader.get("PARSEABLE_QUERY_URL") ?? url;
  const tls = readTls(reader, "Parseable", queryUrl?.protocol === "https:" ? queryUrl : url);
  return url && queryUrl && { url, queryUrl, stream, timeoutMs, tls };
}

/** Reads the credentials of Parseable; only one of the two ways may be used. */
export function readCredentials(reader: SettingReader, isRequired: boolean): Header | undefined {
  const hasUser = reader.isSet("P_USERNAME") || reader.isSet("P_PASSWORD");
  const hasKey = reader.isSet("PARSEABLE_API_KEY");
  if (isRequired && !hasUser && !hasKey) {
    reader.refuse("P_USERNAME", "is not set. Set P_USERNAME and P_PASSWORD, or PARSEABLE_API_KEY.");
  }
  const username = reader.get("P_USERNAME");
  const password = reader.get("P_PASSWORD");
  const key = reader.get("PARSEABLE_API_KEY");
  reader.together("P_USERNAME", "P_PASSWORD");
  if (hasUser && hasKey) {
    reader.refuse(
      "PARSEABLE_API_KEY",
      "is set together with P_USERNAME or P_PASSWORD. Give credentials in one way only.",
    );
  }
  if (key !== undefined) return ["X-API-Key", key];
  return username && password && basicAuthorization(username, password);
}

/** Tells whether the system would refuse the second of two addresses. */
function clash(one: Address, other: Address): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  const hosts = [one.hostname, other.hostname];
  // "::" includes IPv4; "0.0.0.0" is all addresses but IPv6.
  return one.hostname === other.hostname || hosts.includes("::") ||
    (hosts.includes("0.0.0.0") && !hosts.some((host) => host.includes(":")));
}

/** Reads the settings of the relay. Their mistakes count even when the relay is off. */
export function readRelay(reader: SettingReader, taken: Address): RelayConfig | undefined {
  const parseable = readParseable(reader);
  const listen = reader.get("OTLP_LISTEN_ADDRESS");
  const isOn = reader.isSet("PARSEABLE_URL");
  if (isOn && clash(listen, taken)) {
    const port = `cannot use port ${listen.port}: LISTEN_ADDRESS has it already.`;
    reader.refuse("OTLP_LISTEN_ADDRESS", `${port} Give each of them a port of its own.`);
  }
  for (const [name] of isOn ? [] : SETTING_ROWS) {
    // The push checks those two.
    if (["PARSEABLE_PUSH", "OTLP_QUEUE_FILE"].includes(name)) continue;
    if (/^(?:PARSEABLE|OTLP)_/.test(name) && reader.isSet(name)) {
      reader.warn(name, "has no effect, since PARSEABLE_URL is not set.");
    }
  }
  if (parseable === undefined) return undefined;
  const { stream, timeoutMs, tls } = parseable;
  const url = placeBelow(parseable.url, METRICS_PATH);
  return { url, label: maskUrl(url), stream, timeoutMs, tls, listen };
}

/** Where to, and how. */
type Receiver = Pick<
  PushConfig,
  "url" | "headers" | "protocol" | "timeoutMs" | "tls" | "isParseable"
>;

/** Reads the settings of the push; undefined when it is off. */
export function readPush(
  reader: SettingReader,
  parseable: RelayConfig | undefined,
): PushConfig | undefined {
  const hasEndpoint = reader.isSet("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") ||
    reader.isSet("OTEL_EXPORTER_OTLP_ENDPOINT");
  const toParseable = reader.get("PARSEABLE_PUSH");
  if (hasEndpoint && toParseable) {
    reader.refuse("PARSEABLE_PUSH", "is set together with an OTLP endpoint. Set one of them.");
  }
  if (hasEndpoint === toParseable) {
    if (!hasEndpoint && reader.isSet("OTLP_QUEUE_FILE")) {
      reader.warn("OTLP_QUEUE_FILE", "has no effect, since no metrics are pushed.");
    }
    return undefined;
  }
  const receiver = toParseable ? readParseablePush(reader, parseable) : readEndpoint(reader);
  const compression = reader.get("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION") ??
    reader.get("OTEL_EXPORTER_OTLP_COMPRESSION");
  const intervalMs = reader.get("OTEL_METRIC_EXPORT_INTERVAL");
  const attributes = new Map(reader.get("OTEL_RESOURCE_ATTRIBUTES"));
  const service = reader.get("OTEL_SERVICE_NAME");
  if (service !== undefined) attributes.set("service.name", service);
  const queueFile = reader.get("OTLP_QUEUE_FILE");
  return receiver && {
    ...receiver,
    label: maskUrl(receiver.url),
    isCompressed: compression === "gzip",
    intervalMs,
    attributes: [...attributes],
    queueFile,
  };
}

function readEndpoint(reader: SettingReader): Receiver | undefined {
  const base = reader.get("OTEL_EXPORTER_OTLP_ENDPOINT");
  const general = base && new URL(base);
  // The general endpoint is a base: the path of the signal is appended.
  if (general) general.pathname = general.pathname.replace(/\/*$/, METRICS_PATH);
  const url = reader.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") ?? general;
  const headers = reader.get("OTEL_EXPORTER_OTLP_METRICS_HEADERS") ??
    reader.get("OTEL_EXPORTER_OTLP_HEADERS") ?? [];
  const protocol = reader.get("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL") ??
    reader.get("OTEL_EXPORTER_OTLP_PROTOCOL");
  const timeoutMs = reader.get("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT") ??
    reader.get("OTEL_EXPORTER_OTLP_TIMEOUT");
  const caCerts = reader.get("OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE") ??
    reader.get("OTEL_EXPORTER_OTLP_CERTIFICATE");
  const tls = { caCerts, skipVerify: false };
  return url && { url, headers, protocol, timeoutMs, tls, isParseable: false };
}

function readParseablePush(
  reader: SettingReader,
  parseable: RelayConfig | undefined,
): Receiver | undefined {
  const credentials = readCredentials(reader, true);
  if (!reader.isSet("PARSEABLE_URL")) {
    reader.refuse("PARSEABLE_PUSH", "is true, but PARSEABLE_URL is not set. Set both.");
  }
  if (parseable === undefined || credentials === undefined) return undefined;
  const { url, stream, timeoutMs, tls } = parseable;
  const streamHeaders: Header[] = [
    ["X-P-Stream", new Secret(stream)],
    ["X-P-Log-Source", new Secret("otel-metrics")],
  ];
  return {
    url: placeBelow(url, METRICS_PATH),
    headers: [credentials, ...streamHeaders],
    // Parseable refuses protobuf.
    protocol: "http/json",
    timeoutMs,
    tls,
    isParseable: true,
  };
}
