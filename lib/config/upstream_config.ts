/** The vLLM servers and how to ask them, read from the `VLLM_*` settings and the limits of a scrape. */

import { basicAuthorization, type Header } from "./headers.ts";
import { Secret } from "./secret.ts";
import { listProblems, type ServerAddress } from "./server_list.ts";
import type { SettingReader } from "./setting_reader.ts";
import { readTls, type TlsConfig } from "./tls.ts";
import { maskUrl } from "./url.ts";

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
  readonly tls: TlsConfig;
}

/** A server among others. */
export interface ServerConfig {
  /** Its unique name: the given one, or host and port. */
  readonly name: string;
  /** Whether that name was given. */
  readonly isNamed: boolean;
  /** Whether every address that its host name resolves to is a server of its own. */
  readonly isDiscovered: boolean;
  /** Where it is, and how to ask it. */
  readonly upstream: UpstreamConfig;
}

/** The servers. */
export interface ServersConfig {
  /** At least one, in the order of the setting. */
  readonly list: readonly ServerConfig[];
  /** Whether samples get the label `instance`: always except for a single unnamed address. */
  readonly isMerged: boolean;
}

/**
 * Returns a server's headers, given the credentials in its URL; credentials may be set in one
 * place only.
 */
function readCredentials(
  reader: SettingReader,
  servers: readonly ServerAddress[],
): (own: ServerAddress["credentials"]) => readonly Header[] {
  const token = reader.get("VLLM_BEARER_TOKEN");
  const username = reader.get("VLLM_USERNAME");
  const password = reader.get("VLLM_PASSWORD");
  reader.together("VLLM_USERNAME", "VLLM_PASSWORD");
  const headers = reader.get("VLLM_HEADERS") ?? [];

  const places: string[] = [];
  if (reader.isSet("VLLM_BEARER_TOKEN")) places.push("VLLM_BEARER_TOKEN");
  if (reader.isSet("VLLM_USERNAME")) places.push("VLLM_USERNAME");
  if (servers.some(({ credentials }) => credentials !== undefined)) places.push("VLLM_METRICS_URL");
  if (headers.some(([name]) => name.toLowerCase() === "authorization")) places.push("VLLM_HEADERS");
  const [first, ...others] = places;
  if (first !== undefined && others.length > 0) {
    const sentence = `is set together with credentials in ${others.join(" and ")}.`;
    reader.refuse(first, `${sentence} Give them in one place only.`);
  }

  const all = username === undefined || password === undefined ? undefined : { username, password };
  return (own) => {
    if (token !== undefined) {
      const value = new Secret(`Bearer ${token.reveal()}`);
      return [Object.freeze(["Authorization", value] as const), ...headers];
    }
    const basic = all ?? own;
    if (basic === undefined) return headers;
    return [basicAuthorization(basic.username, basic.password), ...headers];
  };
}

/** Reads where the servers have their metrics. */
export function readAddresses(reader: SettingReader): readonly ServerAddress[] | undefined {
  if (!reader.isSet("VLLM_METRICS_URL")) {
    reader.refuse(
      "VLLM_METRICS_URL",
      'is not set. Write where vLLM serves its metrics, such as "http://localhost:8000/metrics".',
    );
  }
  const servers = reader.get("VLLM_METRICS_URL");
  const problems = listProblems(servers ?? []);
  for (const problem of problems) reader.refuse("VLLM_METRICS_URL", problem);
  return problems.length === 0 ? servers : undefined;
}

/** A connection to an address by another name is made by a client that knows no public authority. */
function refuseUnverifiable(
  reader: SettingReader,
  servers: readonly ServerAddress[],
  { skipVerify }: TlsConfig,
): void {
  const isHttps = servers.some(({ url, isDiscovered }) =>
    isDiscovered && url.protocol === "https:"
  );
  if (!isHttps || skipVerify || reader.isSet("VLLM_TLS_CA_FILE")) return;
  reader.refuse(
    "VLLM_TLS_CA_FILE",
    'is not set, and "dns+https:" needs it: only the authorities in it are trusted there.',
  );
}

/** Reads credentials, limits and TLS, which apply to all servers. */
export function readServers(
  reader: SettingReader,
  addresses: readonly ServerAddress[] | undefined,
): ServersConfig | undefined {
  const servers = addresses ?? [];
  const timeoutMs = reader.get("SCRAPE_TIMEOUT");
  const maxBodyBytes = reader.get("MAX_BODY_BYTES");
  const headersFor = readCredentials(reader, servers);
  const secure = servers.find(({ url }) => url.protocol === "https:");
  const tls = readTls(reader, "vLLM", (secure ?? servers[0])?.url);
  refuseUnverifiable(reader, servers, tls);
  const [first] = servers;
  if (first === undefined || timeoutMs === undefined || maxBodyBytes === undefined) {
    return undefined;
  }
  const list = servers.map(({ name, isNamed, isDiscovered, url, credentials }) => {
    const headers = Object.freeze(headersFor(credentials));
    const upstream = { url, label: maskUrl(url), headers, timeoutMs, maxBodyBytes, tls };
    return Object.freeze({ name, isNamed, isDiscovered, upstream: Object.freeze(upstream) });
  });
  const isMerged = servers.length > 1 || first.isNamed || first.isDiscovered;
  return Object.freeze({ list: Object.freeze(list), isMerged });
}
