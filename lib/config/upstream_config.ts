/** The vLLM servers and how to ask them, read from the `VLLM_*` settings and the limits of a scrape. */

import { Secret } from "./secret.ts";
import type { SettingReader } from "./setting_reader.ts";
import { listProblems, maskUrl, type ServerAddress } from "./url.ts";
import { basicAuthorization, type Header } from "./values.ts";

/** How TLS connections to a server are made. */
export type TlsConfig = {
  /** PEM text of authorities to trust besides the usual ones. */
  readonly caCerts?: string | undefined;
  /** PEM text of the client certificate; there is a key with it. */
  readonly cert?: string | undefined;
  readonly key?: Secret | undefined;
  readonly skipVerify: boolean;
};

/** One vLLM server and how to ask it. */
export type UpstreamConfig = {
  /** Where its metrics are: a URL with a path, without credentials. Do not change it. */
  readonly url: URL;
  /** The URL for people: without credentials, its query values masked as `***`. */
  readonly label: string;
  /** What to send with each request, `Authorization` first where there are credentials. */
  readonly headers: readonly Header[];
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly tls: TlsConfig;
};

/** A server among others. */
export type ServerConfig = {
  /** Its unique name: the given one, or host and port. */
  readonly name: string;
  readonly isNamed: boolean;
  /** Whether every address that its host name resolves to is a server of its own. */
  readonly isDiscovered: boolean;
  readonly upstream: UpstreamConfig;
};

/** The servers. */
export interface ServersConfig {
  /** At least one, in the order of the setting. */
  readonly list: readonly ServerConfig[];
  /** Whether samples get the label `instance`: always except for a single unnamed address. */
  readonly isMerged: boolean;
}

/** Reads the TLS settings of a server; warns of those without effect, and of unchecked certificates. */
export function readTls(
  reader: SettingReader,
  server: "vLLM" | "Parseable",
  url: URL | undefined,
): TlsConfig {
  const isVllm = server === "vLLM";
  const prefix = isVllm ? "VLLM_TLS" as const : "PARSEABLE_TLS" as const;
  const urlName = isVllm ? "VLLM_METRICS_URL" : "PARSEABLE_URL";
  const caCerts = reader.get(`${prefix}_CA_FILE`);
  const cert = isVllm ? reader.get("VLLM_TLS_CERT_FILE") : undefined;
  const key = isVllm ? reader.get("VLLM_TLS_KEY_FILE") : undefined;
  if (isVllm) reader.together("VLLM_TLS_CERT_FILE", "VLLM_TLS_KEY_FILE");
  const skipVerify = reader.get(`${prefix}_INSECURE_SKIP_VERIFY`);
  const skipName = `${prefix}_INSECURE_SKIP_VERIFY`;
  if (url?.protocol === "http:") {
    const names = [
      ...caCerts === undefined ? [] : [`${prefix}_CA_FILE`],
      ...cert === undefined ? [] : [`${prefix}_CERT_FILE`],
      ...skipVerify ? [skipName] : [],
    ];
    for (const name of names) reader.warn(name, `has no effect, since ${urlName} is not "https:".`);
  } else if (skipVerify && url !== undefined) {
    reader.warn(
      skipName,
      `no certificate of ${server} is checked, so anyone in between can read and change it. ` +
        `Set ${prefix}_CA_FILE instead.`,
    );
  }
  return { caCerts, cert, key, skipVerify };
}

/**
 * Returns a server's headers, given the credentials in its URL; credentials may be set in one
 * place only.
 */
function readHeaders(
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

  const all = username && password && { username, password };
  return (own) => {
    if (token !== undefined) {
      return [["Authorization", new Secret(`Bearer ${token.reveal()}`)], ...headers];
    }
    const basic = all ?? own;
    return basic === undefined
      ? headers
      : [basicAuthorization(basic.username, basic.password), ...headers];
  };
}

/** Reads where the servers have their metrics. */
export function readAddresses(reader: SettingReader): readonly ServerAddress[] {
  if (!reader.isSet("VLLM_METRICS_URL")) {
    reader.refuse(
      "VLLM_METRICS_URL",
      'is not set. Write where vLLM serves its metrics, such as "http://localhost:8000/metrics".',
    );
  }
  const servers = reader.get("VLLM_METRICS_URL");
  for (const problem of listProblems(servers)) reader.refuse("VLLM_METRICS_URL", problem);
  return servers;
}

/** Reads credentials, limits and TLS, which apply to all servers. */
export function readServers(
  reader: SettingReader,
  servers: readonly ServerAddress[],
): ServersConfig {
  const timeoutMs = reader.get("SCRAPE_TIMEOUT");
  const maxBodyBytes = reader.get("MAX_BODY_BYTES");
  const headersOf = readHeaders(reader, servers);
  const secure = servers.filter(({ url }) => url.protocol === "https:");
  const tls = readTls(reader, "vLLM", (secure[0] ?? servers[0])?.url);
  // A connection to an address by another name is made by a client that knows no public authority.
  const needsCa = secure.some(({ isDiscovered }) => isDiscovered) && !tls.skipVerify;
  if (needsCa && !reader.isSet("VLLM_TLS_CA_FILE")) {
    reader.refuse(
      "VLLM_TLS_CA_FILE",
      'is not set, and "dns+https:" needs it: only the authorities in it are trusted there.',
    );
  }
  const list = servers.map(({ name, isNamed, isDiscovered, url, credentials }) => {
    const headers = headersOf(credentials);
    const upstream = { url, label: maskUrl(url), headers, timeoutMs, maxBodyBytes, tls };
    return { name, isNamed, isDiscovered, upstream };
  });
  const isMerged = list.length > 1 ||
    list.some(({ isNamed, isDiscovered }) => isNamed || isDiscovered);
  return { list, isMerged };
}
