/** Where metrics are pushed, read from the `OTEL_*` settings or from those of Parseable. */

import type { Header } from "./headers.ts";
import { readCredentials, type RelayConfig } from "./parseable_config.ts";
import { Secret } from "./secret.ts";
import type { SettingReader } from "./setting_reader.ts";
import type { TlsConfig } from "./tls.ts";
import { maskUrl, METRICS_PATH, placeBelow } from "./url.ts";

/** How metrics are pushed. */
export interface PushConfig {
  /** Where requests go. */
  readonly url: URL;
  /** That URL without secrets. */
  readonly label: string;
  /** Header fields beside those of the body. */
  readonly headers: readonly Header[];
  /** The encoding. */
  readonly protocol: "http/protobuf" | "http/json";
  /** Whether bodies are compressed. */
  readonly isCompressed: boolean;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How to verify the receiver. */
  readonly tls: TlsConfig;
  /** Time from one scrape to the next, in milliseconds. */
  readonly intervalMs: number;
  /** Attributes of all resources. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
  /** The path of the queue; in memory without. */
  readonly queueFile?: string | undefined;
  /** Whether the receiver is Parseable. */
  readonly isParseable: boolean;
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
  const toParseable = reader.get("PARSEABLE_PUSH") ?? false;
  if (hasEndpoint && toParseable) {
    reader.refuse("PARSEABLE_PUSH", "is set together with an OTLP endpoint. Set one of them.");
    return undefined;
  }
  if (!hasEndpoint && !toParseable) {
    if (!reader.isSet("OTLP_QUEUE_FILE")) return undefined;
    reader.warn("OTLP_QUEUE_FILE", "has no effect, since no metrics are pushed.");
    return undefined;
  }
  const receiver = toParseable ? readParseablePush(reader, parseable) : readEndpoint(reader);
  const compression = reader.get("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION") ??
    reader.get("OTEL_EXPORTER_OTLP_COMPRESSION");
  const intervalMs = reader.get("OTEL_METRIC_EXPORT_INTERVAL");
  const attributes = new Map(reader.get("OTEL_RESOURCE_ATTRIBUTES") ?? []);
  const service = reader.get("OTEL_SERVICE_NAME");
  if (service !== undefined) attributes.set("service.name", service);
  const queueFile = reader.get("OTLP_QUEUE_FILE");
  if (receiver === undefined || intervalMs === undefined) return undefined;
  return Object.freeze({
    ...receiver,
    label: maskUrl(receiver.url),
    isCompressed: compression === "gzip",
    intervalMs,
    attributes: [...attributes],
    queueFile,
  });
}

function readEndpoint(reader: SettingReader): Receiver | undefined {
  const url = reader.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") ?? metricsUrl(reader);
  const headers = reader.get("OTEL_EXPORTER_OTLP_METRICS_HEADERS") ??
    reader.get("OTEL_EXPORTER_OTLP_HEADERS") ?? [];
  const protocol = reader.get("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL") ??
    reader.get("OTEL_EXPORTER_OTLP_PROTOCOL");
  const timeoutMs = reader.get("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT") ??
    reader.get("OTEL_EXPORTER_OTLP_TIMEOUT");
  const certificate = reader.get("OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE") ??
    reader.get("OTEL_EXPORTER_OTLP_CERTIFICATE");
  if (url === undefined || protocol === undefined || timeoutMs === undefined) return undefined;
  const tls = { ...(certificate && { caCerts: certificate.text }), skipVerify: false };
  return { url, headers, protocol, timeoutMs, tls, isParseable: false };
}

/** The general endpoint is a base: the path of the signal is appended. */
function metricsUrl(reader: SettingReader): URL | undefined {
  const base = reader.get("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (base === undefined) return undefined;
  const url = new URL(base);
  url.pathname = url.pathname.replace(/\/*$/, METRICS_PATH);
  return url;
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
  return {
    url: placeBelow(url, METRICS_PATH),
    headers: [
      credentials,
      ["X-P-Stream", new Secret(stream)],
      ["X-P-Log-Source", new Secret("otel-metrics")],
    ],
    // Parseable refuses protobuf.
    protocol: "http/json",
    timeoutMs,
    tls,
    isParseable: true,
  };
}
