/** Requests to a running service: the one that the settings describe, or another one. */

import { type Access, readAccess } from "../config/config.ts";
import type { Environment } from "../config/env_file.ts";
import { SettingReader } from "../config/setting_reader.ts";
import type { Address } from "../config/values.ts";
import { type Client, createClient, type Reply } from "../net/client.ts";

/** Which of the two listeners: the setting with its address. */
export type ListenerName = "LISTEN_ADDRESS" | "OTLP_LISTEN_ADDRESS";

/** What the service answered. */
export type LocalReply = Reply & { text(): Promise<string> };

/** A client of one listener. Disposing it closes its connections. */
export type LocalClient = Disposable & {
  /** Its address, such as `http://127.0.0.1:9090`. */
  readonly origin: string;
  readonly hasCredentials: boolean;
  /** Sends a GET request, which ends with the signal and at no other time; throws without response. */
  get(path: string, signal: AbortSignal): Promise<LocalReply>;
};

/** The longest that a timer takes, in milliseconds. */
const FOREVER_MS = 2 ** 31 - 1;
/** Names under which a machine reaches itself. */
const LOOPBACK_NAMES = ["127.0.0.1", "[::1]", "localhost"];

/**
 * Creates a client of the service that the settings describe, or returns what is wrong with them.
 * It accepts any certificate: that is for another name, and the connection stays on this machine.
 */
export function localClient(
  env: Environment,
  name: ListenerName,
  readFile: (path: string) => string,
): LocalClient | string {
  const reader = new SettingReader(env, readFile);
  const access = readAccess(reader);
  const { hostname, port } = reachable(reader.get(name));
  const [mistake] = reader.mistakes;
  if (mistake !== undefined) return mistake;
  const isTls = reader.isSet("TLS_CERT_FILE");
  // Straight to the service: HTTP_PROXY, which containers often have, is for other machines.
  const client = isTls
    ? createClient({ tls: { skipVerify: true } })
    : createClient({ address: hostname.replace(/^\[|\]$/g, "") });
  const base = new URL(`${isTls ? "https" : "http"}://${hostname}:${port}`);
  return clientOf(client, base, access && authorizationOf(access));
}

/**
 * Creates a client of the service at a URL, with the credentials in it. Those of the settings are sent
 * only to the service that they describe.
 */
export function remoteClient(
  url: URL,
  env: Environment,
  readFile: (path: string) => string,
): LocalClient | string {
  const base = new URL(url);
  const own = [url.username, url.password].map(decodeURIComponent).join(":");
  base.username = base.password = "";
  if (own !== ":") return clientOf(createClient(), base, basic(own));
  const reader = new SettingReader(env, readFile);
  const { hostname, port } = reachable(reader.get("LISTEN_ADDRESS"));
  const names = LOOPBACK_NAMES.includes(hostname) ? LOOPBACK_NAMES : [hostname];
  const urlPort = url.port || (url.protocol === "https:" ? "443" : "80");
  const isOurs = names.includes(url.hostname) && urlPort === String(port);
  const access = isOurs ? readAccess(reader) : undefined;
  return reader.mistakes[0] ?? clientOf(createClient(), base, access && authorizationOf(access));
}

/** Where a listener is reached, as in a URL; one on all addresses by the loopback one. */
function reachable({ hostname, port }: Address): Address {
  if (hostname === "0.0.0.0") return { hostname: "127.0.0.1", port };
  if (hostname === "::") return { hostname: "[::1]", port };
  return { hostname: hostname.includes(":") ? `[${hostname}]` : hostname, port };
}

function basic(pair: string): string {
  return `Basic ${new TextEncoder().encode(pair).toBase64()}`;
}

function authorizationOf(access: Access): string {
  const { bearer } = access;
  return bearer === undefined ? basic(access.basic?.reveal() ?? "") : `Bearer ${bearer.reveal()}`;
}

function clientOf(client: Client, base: URL, authorization: string | undefined): LocalClient {
  const headers = new Headers({ "accept-encoding": "identity" });
  if (authorization !== undefined) headers.set("authorization", authorization);
  return {
    origin: base.origin,
    hasCredentials: authorization !== undefined,
    async get(path, signal): Promise<LocalReply> {
      const options = { headers, signal, timeoutMs: FOREVER_MS, maxBytes: Infinity };
      const reply = await client.request(new URL(path, base), options);
      return { ...reply, text: () => reply.body.text() };
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}
