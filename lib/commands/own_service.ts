/** The running service, asked from this machine as its settings say. */

import { SettingReader } from "../config/setting_reader.ts";
import { type Access, readAccess } from "../config/access.ts";
import type { Environment } from "../config/env_file.ts";
import { SETTINGS } from "../config/settings.ts";
import { type Address, parseAddress } from "../config/values.ts";
import { reachableAddress } from "./service_address.ts";

/** Which of the two listeners: the setting with its address. */
export type ListenerName = "LISTEN_ADDRESS" | "OTLP_LISTEN_ADDRESS";

/** One listener of the running service. Disposing it lets its connections go. */
export interface OwnListener extends Disposable {
  /** Its address, such as `http://127.0.0.1:9090`. */
  readonly origin: string;
  /** Whether the settings have credentials for it. */
  readonly hasCredentials: boolean;
  /**
   * Sends a GET request, past any proxy, with the credentials of the settings.
   *
   * @param path The path, with its query.
   * @param signal Breaks it off.
   * @returns The answer.
   * @throws {Error} When there is none.
   */
  get(path: string, signal: AbortSignal): Promise<Response>;
}

/** The header that lets the settings' owner in; none where everybody may come in. */
function authorizationOf({ basic, bearer }: Access): string {
  if (bearer !== undefined) return `Bearer ${bearer.reveal()}`;
  return `Basic ${new TextEncoder().encode(basic?.reveal() ?? "").toBase64()}`;
}

/**
 * Reads the credentials of the settings.
 *
 * @param env The settings.
 * @param readFile Gives the text of a file that holds a secret.
 * @returns The header that lets their owner in, if any; or what is wrong with them.
 */
export function accessHeaders(
  env: Environment,
  readFile: (path: string) => string,
): Headers | string {
  const reader = new SettingReader(env, readFile);
  const access = readAccess(reader);
  const [mistake] = reader.mistakes;
  if (mistake !== undefined) return mistake;
  const headers = new Headers();
  if (access !== undefined) headers.set("authorization", authorizationOf(access));
  return headers;
}

/**
 * Finds a listener of the running service.
 *
 * @param env The settings.
 * @param name Which listener.
 * @param readFile Gives the text of a file that holds a secret.
 * @returns The listener, or what is wrong with its settings.
 */
export function findOwnListener(
  env: Environment,
  name: ListenerName,
  readFile: (path: string) => string,
): OwnListener | string {
  const parsed = parseAddress(env[name]?.trim() || SETTINGS[name].defaultText);
  if (!parsed.ok) return `${name}: ${parsed.problem}`;
  const headers = accessHeaders(env, readFile);
  if (typeof headers === "string") return headers;
  const place = reachableAddress(parsed.value);
  const isTls = (env.TLS_CERT_FILE ?? "").trim() !== "";
  return isTls ? overTls(place, headers) : plain(place, headers);
}

/** Names under which a machine reaches itself. */
const LOOPBACK_NAMES = ["127.0.0.1", "[::1]", "localhost"];

/**
 * Tells whether a URL is that of the service that the settings describe. Only that one gets the
 * credentials of the settings.
 *
 * @param env The settings.
 * @param name Which listener.
 * @param url The URL.
 */
export function isOwnAddress(env: Environment, name: ListenerName, url: URL): boolean {
  const parsed = parseAddress(env[name]?.trim() || SETTINGS[name].defaultText);
  if (!parsed.ok) return false;
  const { hostname, port } = reachableAddress(parsed.value);
  const names = LOOPBACK_NAMES.includes(hostname) ? LOOPBACK_NAMES : [hostname];
  const urlPort = url.port || (url.protocol === "https:" ? "443" : "80");
  return names.includes(url.hostname) && urlPort === String(port);
}

function plain({ hostname, port }: Address, headers: Headers): OwnListener {
  // Straight to the service: HTTP_PROXY, which containers often have, is for other machines.
  const client = Deno.createHttpClient({ proxy: { transport: "tcp", hostname, port } });
  const origin = `http://${hostname}:${port}`;
  return {
    origin,
    hasCredentials: headers.has("authorization"),
    get: (path, signal) => fetch(origin + path, { client, headers, signal, redirect: "manual" }),
    [Symbol.dispose]: () => client.close(),
  };
}

function overTls({ hostname, port }: Address, headers: Headers): OwnListener {
  const origin = `https://${hostname}:${port}`;
  return {
    origin,
    hasCredentials: headers.has("authorization"),
    async get(path, signal): Promise<Response> {
      const { getOverTls } = await import("./get_over_tls.ts");
      return await getOverTls(origin + path, headers, signal);
    },
    [Symbol.dispose](): void {},
  };
}
