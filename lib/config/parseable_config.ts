/** Parseable and the relay to it, read from the `PARSEABLE_*` and `OTLP_*` settings. */

import { basicAuthorization, type Header } from "./headers.ts";
import type { SettingReader } from "./setting_reader.ts";
import { SETTING_ROWS } from "./settings.ts";
import { readTls, type TlsConfig } from "./tls.ts";
import { maskUrl, METRICS_PATH, placeBelow } from "./url.ts";
import type { Address } from "./values.ts";

/** Parseable, and the stream in it. */
export interface ParseableConfig {
  /** Its base URL, without credentials. Do not change it. */
  readonly url: URL;
  /** The base URL for all but sending metrics; another one only with several nodes. */
  readonly queryUrl: URL;
  /** The stream with the metrics. */
  readonly stream: string;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How to reach it when the URL is `https:`. */
  readonly tls: TlsConfig;
}

/** Reads where Parseable is. Mistakes count also when PARSEABLE_URL is not set. */
export function readParseable(reader: SettingReader): ParseableConfig | undefined {
  const url = reader.get("PARSEABLE_URL");
  const stream = reader.get("PARSEABLE_STREAM");
  const timeoutMs = reader.get("PARSEABLE_TIMEOUT");
  const queryUrl = reader.get("PARSEABLE_QUERY_URL") ?? url;
  const tls = readTls(reader, "Parseable", queryUrl?.protocol === "https:" ? queryUrl : url);
  if (
    url === undefined || queryUrl === undefined || stream === undefined || timeoutMs === undefined
  ) return undefined;
  return Object.freeze({ url, queryUrl, stream, timeoutMs, tls });
}

/** Reads the credentials; only one of the two ways may be used. */
export function readCredentials(reader: SettingReader, isRequired: boolean): Header | undefined {
  if (isRequired && !hasUser(reader) && !reader.isSet("PARSEABLE_API_KEY")) {
    reader.refuse("P_USERNAME", "is not set. Set P_USERNAME and P_PASSWORD, or PARSEABLE_API_KEY.");
  }
  const username = reader.get("P_USERNAME");
  const password = reader.get("P_PASSWORD");
  const key = reader.get("PARSEABLE_API_KEY");
  reader.together("P_USERNAME", "P_PASSWORD");
  if (hasUser(reader) && reader.isSet("PARSEABLE_API_KEY")) {
    reader.refuse(
      "PARSEABLE_API_KEY",
      "is set together with P_USERNAME or P_PASSWORD. Give credentials in one way only.",
    );
  }
  if (key !== undefined) return Object.freeze(["X-API-Key", key] as const);
  return username && password && basicAuthorization(username, password);
}

function hasUser(reader: SettingReader): boolean {
  return reader.isSet("P_USERNAME") || reader.isSet("P_PASSWORD");
}

/** Settings with such names that need no Parseable; the push checks them. */
const OF_THE_PUSH: readonly string[] = ["PARSEABLE_PUSH", "OTLP_QUEUE_FILE"];

/** The relay; its URL is where it sends metrics: the base URL and `/v1/metrics`. */
export interface RelayConfig extends Omit<ParseableConfig, "queryUrl"> {
  /** That URL without secrets. */
  readonly label: string;
  /** Where to listen for OTLP. */
  readonly listen: Address;
}

/** Tells whether the system would refuse the second of two addresses. */
function clash(one: Address, other: Address): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  const hosts = [one.hostname, other.hostname];
  // "::" includes IPv4; "0.0.0.0" is all addresses but IPv6.
  return one.hostname === other.hostname || hosts.includes("::") ||
    (hosts.includes("0.0.0.0") && !hosts.some((host) => host.includes(":")));
}

function warnOfNoEffect(reader: SettingReader): void {
  for (const [name] of SETTING_ROWS) {
    if (!name.startsWith("PARSEABLE_") && !name.startsWith("OTLP_")) continue;
    if (OF_THE_PUSH.includes(name)) continue;
    if (reader.isSet(name)) reader.warn(name, "has no effect, since PARSEABLE_URL is not set.");
  }
}

/** Reads the settings of the relay. Their mistakes count even when the relay is off. */
export function readRelay(
  reader: SettingReader,
  taken: Address | undefined,
): RelayConfig | undefined {
  const parseable = readParseable(reader);
  const isOn = reader.isSet("PARSEABLE_URL");
  const listen = reader.get("OTLP_LISTEN_ADDRESS");
  if (isOn && listen !== undefined && taken !== undefined && clash(listen, taken)) {
    const port = `cannot use port ${listen.port}: LISTEN_ADDRESS has it already.`;
    reader.refuse("OTLP_LISTEN_ADDRESS", `${port} Give each of them a port of its own.`);
  }
  if (!isOn) warnOfNoEffect(reader);
  if (parseable === undefined || listen === undefined) return undefined;
  const url = placeBelow(parseable.url, METRICS_PATH);
  const { stream, timeoutMs, tls } = parseable;
  return Object.freeze({
    stream,
    timeoutMs,
    tls,
    url,
    label: maskUrl(url),
    listen: Object.freeze(listen),
  });
}
