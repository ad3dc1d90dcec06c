/** Parseable and the relay to it, read from the `PARSEABLE_*` and `OTLP_*` settings. */

import type { SettingReader } from "./setting_reader.ts";
import { SETTING_ROWS } from "./settings.ts";
import { maskUrl, METRICS_PATH, placeBelow } from "./url.ts";
import type { Address } from "./values.ts";

/** How to reach Parseable over TLS. */
export interface ParseableTls {
  /** PEM text of authorities to trust besides the usual ones. */
  readonly caCerts?: string;
  /** Whether to skip verification of the server. */
  readonly skipVerify: boolean;
}

/** Parseable, and the stream in it. */
export interface ParseableConfig {
  /** Its base URL, without credentials. Do not change it. */
  readonly url: URL;
  /** The stream with the metrics. */
  readonly stream: string;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How to reach it when the URL is `https:`. */
  readonly tls: ParseableTls;
}

function readTls(reader: SettingReader): ParseableTls {
  const caCerts = reader.get("PARSEABLE_TLS_CA_FILE")?.text;
  const skipVerify = reader.get("PARSEABLE_TLS_INSECURE_SKIP_VERIFY") ?? false;
  return Object.freeze({ ...(caCerts === undefined ? {} : { caCerts }), skipVerify });
}

/** Reads where Parseable is. Mistakes count also when PARSEABLE_URL is not set. */
export function readParseable(reader: SettingReader): ParseableConfig | undefined {
  const url = reader.get("PARSEABLE_URL");
  const stream = reader.get("PARSEABLE_STREAM");
  const timeoutMs = reader.get("PARSEABLE_TIMEOUT");
  const tls = readTls(reader);
  if (!reader.isSet("PARSEABLE_URL")) return undefined;
  reader.warnOfTls({
    server: "Parseable",
    urlName: "PARSEABLE_URL",
    url,
    prefix: "PARSEABLE_TLS",
    tls,
  });
  if (url === undefined || stream === undefined || timeoutMs === undefined) return undefined;
  return Object.freeze({ url, stream, timeoutMs, tls });
}

/** Where the relay listens, and where it passes metrics on to. */
export interface RelayConfig {
  /** Where to send metrics: the base URL and `/v1/metrics`, without credentials. Do not change it. */
  readonly url: URL;
  /** The URL for people. */
  readonly label: string;
  /** The stream for senders that name none. */
  readonly stream: string;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Where to listen for OTLP. */
  readonly listen: Address;
  /** How to reach Parseable when the URL is `https:`. */
  readonly tls: ParseableTls;
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
  return Object.freeze({
    ...parseable,
    url,
    label: maskUrl(url),
    listen: Object.freeze(listen),
  });
}
