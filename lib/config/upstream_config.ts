/** The vLLM server and how to ask it, read from the `VLLM_*` settings and the limits of a scrape. */

import {
  basicAuthorization,
  type Header,
  parseHeaders,
  parsePassword,
  parseToken,
  parseUsername,
} from "./headers.ts";
import { parseCertificates, parsePrivateKey } from "./pem.ts";
import { Secret } from "./secret.ts";
import { MAX_BODY_RANGE, SCRAPE_TIMEOUT_RANGE } from "./setting_list.ts";
import type { SettingReader } from "./setting_reader.ts";
import { warnOfTls } from "./tls_warnings.ts";
import { maskUrl, parseUrl, type UrlWithCredentials } from "./url.ts";
import { parseBoolean, parseBytes, parseDuration } from "./values.ts";

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

  if (token !== undefined) {
    const value = new Secret(`Bearer ${token.reveal()}`);
    return [Object.freeze(["Authorization", value] as const), ...headers];
  }
  if (username === undefined || password === undefined) return [...headers];
  return [basicAuthorization(username, password), ...headers];
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

/**
 * Reads where vLLM serves its metrics.
 *
 * @param reader Gives the setting, and takes the mistakes.
 * @returns The URL and the credentials in it; undefined after a mistake.
 */
export function readTarget(reader: SettingReader): UrlWithCredentials | undefined {
  if (!reader.isSet("VLLM_METRICS_URL")) {
    reader.refuse(
      "VLLM_METRICS_URL",
      'is not set. Write where vLLM serves its metrics, such as "http://localhost:8000/metrics".',
    );
  }
  return reader.plain("VLLM_METRICS_URL", parseUrl);
}

/**
 * Reads how vLLM is asked.
 *
 * @param reader Gives the settings, and takes mistakes and warnings.
 * @param target What {@linkcode readTarget} gave.
 * @returns The frozen configuration; undefined after some of the mistakes.
 */
export function readUpstream(
  reader: SettingReader,
  target: UrlWithCredentials | undefined,
): UpstreamConfig | undefined {
  const timeoutMs = reader.plain(
    "SCRAPE_TIMEOUT",
    (text) => parseDuration(text, SCRAPE_TIMEOUT_RANGE),
  );
  const maxBodyBytes = reader.plain("MAX_BODY_BYTES", (text) => parseBytes(text, MAX_BODY_RANGE));
  const headers = Object.freeze(readCredentials(reader, target));
  const tls = readTls(reader);
  warnOfTls(reader, {
    server: "vLLM",
    urlName: "VLLM_METRICS_URL",
    url: target?.url,
    prefix: "VLLM_TLS",
    tls,
  });
  if (target === undefined || timeoutMs === undefined || maxBodyBytes === undefined) {
    return undefined;
  }
  const { url } = target;
  return Object.freeze({ url, label: maskUrl(url), headers, timeoutMs, maxBodyBytes, tls });
}
