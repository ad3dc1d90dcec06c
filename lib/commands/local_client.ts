/** Requests to a running service: the one that the settings describe, or another one. */

import { type Access, readAccess } from "../config/config.ts";
import type { Environment } from "../config/env_file.ts";
import { SettingReader } from "../config/setting_reader.ts";
import type { Address } from "../config/values.ts";
import { createClient } from "../net/client.ts";

/** Which of the two listeners: the setting with its address. */
export type ListenerName = "LISTEN_ADDRESS" | "OTLP_LISTEN_ADDRESS";

/** What the service answered. */
export interface LocalReply {
  /** The HTTP status. */
  readonly status: number;
  /** The body, chunk by chunk. */
  readonly body: AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Reads the body to its end. */
  text(): Promise<string>;
}

/** A client of one listener. Disposing it closes its connections. */
export interface LocalClient extends Disposable {
  /** Its address, such as `http://127.0.0.1:9090`. */
  readonly origin: string;
  /** Whether credentials are sent. */
  readonly hasCredentials: boolean;
  /**
   * Sends a GET request, which ends with the signal and at no other time.
   *
   * @throws {Error} When there is no response.
   */
  get(path: string, signal: AbortSignal): Promise<LocalReply>;
}

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
  const place = placeOf(reader, name);
  const [mistake] = reader.mistakes;
  if (place === undefined || mistake !== undefined) return mistake ?? `${name} is not set`;
  const { hostname, port } = place;
  const isTls = (env.TLS_CERT_FILE ?? "").trim() !== "";
  return clientOf(new URL(`${isTls ? "https" : "http"}://${hostname}:${port}`), access, place);
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
  if (own !== ":") return clientOf(base, `Basic ${new TextEncoder().encode(own).toBase64()}`);
  const reader = new SettingReader(env, readFile);
  const access = isPlace(placeOf(reader, "LISTEN_ADDRESS"), url) ? readAccess(reader) : undefined;
  return reader.mistakes[0] ?? clientOf(base, access);
}

/** Where a listener is reached; one on all addresses by the loopback one. */
function placeOf(reader: SettingReader, name: ListenerName): Address | undefined {
  const listen = reader.get(name);
  if (listen === undefined) return undefined;
  const { hostname, port } = listen;
  if (hostname === "0.0.0.0") return { hostname: "127.0.0.1", port };
  if (hostname === "::") return { hostname: "[::1]", port };
  return { hostname: hostname.includes(":") ? `[${hostname}]` : hostname, port };
}

function isPlace(place: Address | undefined, url: URL): boolean {
  if (place === undefined) return false;
  const names = LOOPBACK_NAMES.includes(place.hostname) ? LOOPBACK_NAMES : [place.hostname];
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return names.includes(url.hostname) && port === String(place.port);
}

function authorizationOf({ basic, bearer }: Access): string {
  if (bearer !== undefined) return `Bearer ${bearer.reveal()}`;
  return `Basic ${new TextEncoder().encode(basic?.reveal() ?? "").toBase64()}`;
}

function clientOf(base: URL, access: Access | string | undefined, place?: Address): LocalClient {
  const headers = new Headers({ "accept-encoding": "identity" });
  if (access !== undefined) {
    headers.set("authorization", typeof access === "string" ? access : authorizationOf(access));
  }
  const isTls = base.protocol === "https:";
  const client = createClient(
    place === undefined ? {} : isTls
      ? { tls: { skipVerify: true } }
      // Straight to the service: HTTP_PROXY, which containers often have, is for other machines.
      : { address: place.hostname.replace(/^\[|\]$/g, "") },
  );
  return {
    origin: base.origin,
    hasCredentials: access !== undefined,
    async get(path, signal): Promise<LocalReply> {
      const options = { headers, signal, timeoutMs: FOREVER_MS, maxBytes: Infinity };
      const { status, body } = await client.request(new URL(path, base), options);
      return { status, body, text: () => body.text() };
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}
