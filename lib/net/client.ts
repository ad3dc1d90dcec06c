/** The one HTTP client: for vLLM, Parseable, the local service and `check`. */

import type { TlsConfig } from "../config/config.ts";
import { Body, type Bytes, type Limits, tooLargeError } from "./body.ts";
import { NetError, toNetError } from "./net_error.ts";

/** Redirects followed in one request. */
const MAX_REDIRECTS = 5;
/** The statuses that name another place for a GET (RFC 9110, section 15.4). */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Settings of a {@linkcode Client}. */
export interface ClientOptions {
  /** How TLS connections are made. @default {verified, with the usual authorities} */
  readonly tls?: TlsConfig;
  /**
   * The IP address to connect to, past any proxy; without it, where the URL's host leads. `Host`,
   * TLS server name and certificate are for the URL's host in either case.
   */
  readonly address?: string | undefined;
}

/** One request. */
export interface RequestOptions extends Limits {
  /** The method. @default {"GET"} */
  readonly method?: string;
  /** The header fields; `accept-encoding` should be `identity`. */
  readonly headers?: Headers;
  /** The body. */
  readonly body?: Bytes;
  /** Redirects are followed within the same origin, or returned as they are. @default {"none"} */
  readonly redirect?: "same-origin" | "none";
}

/** A response whose headers have come. Read its body to the end, or cancel it. */
export interface Reply {
  /** The HTTP status. */
  readonly status: number;
  /** The header fields. */
  readonly headers: Headers;
  /** Bytes of the body, when the server announced them and sends no other coding. */
  readonly contentLength: number | undefined;
  /** The body, without its Content-Encoding. */
  readonly body: Body;
}

/** Sends requests to one server. Disposing it closes its idle connections. */
export interface Client extends Disposable {
  /**
   * Sends one request.
   *
   * @throws {NetError} When there is none, or it is longer than allowed.
   */
  request(url: URL, options: RequestOptions): Promise<Reply>;
}

/** What goes out in one request. */
export type Outgoing = {
  readonly method: string;
  readonly headers: Headers;
  readonly body?: Bytes;
  readonly signal: AbortSignal;
  /** Most bytes of the response's body. */
  readonly maxBytes: number;
};

/** Sends one request, follows no redirect, and returns once the headers have come. */
export type Send = (
  url: URL,
  outgoing: Outgoing,
) => Promise<Pick<Response, "status" | "headers" | "body">>;

/**
 * Creates a client. Nothing is sent before the first request.
 *
 * @throws {NetError} When a certificate or a key cannot be used.
 */
export function createClient(options: ClientOptions = {}): Client {
  const { tls, address } = options;
  const client = createHttpClient(tls);
  const sendByFetch: Send = (url, outgoing) =>
    fetch(url, { ...outgoing, client, redirect: "manual" });
  // Loaded when needed: it takes some 12 MB of memory.
  let node: Promise<{ send: Send } & Disposable> | undefined;
  const sendByNode: Send = async (url, outgoing) => {
    node ??= import("./node_transport.ts").then((module) => module.createNodeTransport(options));
    return await (await node).send(url, outgoing);
  };
  return {
    request: (url, request) => {
      // `fetch` cannot skip verification. It reaches another address as through a proxy, without
      // TLS, and Deno 2.9.6 hangs there after some 25 refused connections.
      const needsNode = address !== undefined || (tls?.skipVerify && url.protocol === "https:");
      return send(needsNode ? sendByNode : sendByFetch, url, request, tls?.cert !== undefined);
    },
    [Symbol.dispose](): void {
      client.close();
      node?.then((loaded) => loaded[Symbol.dispose]());
    },
  };
}

async function send(
  transport: Send,
  url: URL,
  options: RequestOptions,
  hasCertificate: boolean,
): Promise<Reply> {
  const { method = "GET", headers = new Headers(), maxBytes, redirect } = options;
  const body = new Body(options);
  try {
    const sent = { method, headers, signal: body.signal, maxBytes };
    const outgoing = options.body === undefined ? sent : { ...sent, body: options.body };
    let raw = await transport(url, outgoing);
    let at = url;
    for (let count = 1; redirect === "same-origin"; count++) {
      const next = redirectOf(raw, at);
      if (next === undefined) break;
      at = next;
      if (count > MAX_REDIRECTS) {
        throw new NetError("redirect", `redirected more than ${MAX_REDIRECTS} times`, {
          hint: "Is the path right? vLLM has its metrics at /metrics.",
        });
      }
      await raw.body?.cancel();
      raw = await transport(at, outgoing);
    }
    const isGood = raw.status >= 200 && raw.status < 300;
    const sentBytes = lengthOf(raw.headers);
    if (isGood && sentBytes !== undefined && sentBytes > maxBytes) {
      throw tooLargeError(maxBytes, sentBytes);
    }
    const coding = isGood ? codingOf(raw.headers) : "";
    const contentLength = coding === "" ? sentBytes : undefined;
    body.open(raw.body ?? ReadableStream.from<Bytes>([]), coding, contentLength);
    return { status: raw.status, headers: raw.headers, contentLength, body };
  } catch (error) {
    // Also releases a response whose body nobody will read.
    body.fail(toNetError(error, { hostname: url.hostname, hasCertificate }));
    throw body.describe(body.failure);
  }
}

/**
 * Where a response redirects to; undefined when it does not. Only the same origin is followed, so
 * that credentials stay with the server they are for; the error names the other origin alone.
 */
function redirectOf(
  { status, headers }: Pick<Response, "status" | "headers">,
  from: URL,
): URL | undefined {
  const location = REDIRECTS.has(status) ? headers.get("location") : null;
  if (location === null) return undefined;
  const target = URL.parse(location, from);
  if (target?.origin === from.origin) {
    // Credentials come from the configuration, never from a response.
    target.username = "";
    target.password = "";
    return target;
  }
  // The origin of an address without a host, such as `data:`, is the word "null".
  if (target === null || target.origin === "null") {
    throw new NetError("redirect", "redirected to what is no HTTP address");
  }
  throw new NetError("redirect", `redirected to another server, "${target.origin}"`, {
    hint: "Credentials stay with the server they are for: set VLLM_METRICS_URL to that server " +
      "if it is the right one.",
  });
}

/** Reads `Content-Length`; digits only, and few enough to be exact. */
function lengthOf(headers: Headers): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The `Content-Encoding` in lower case; empty when the body is plain. */
function codingOf(headers: Headers): string {
  const coding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  return coding === "identity" ? "" : coding;
}

function createHttpClient(tls: TlsConfig | undefined): Deno.HttpClient {
  const { caCerts, cert, key } = tls ?? {};
  try {
    return Deno.createHttpClient({
      // Otherwise a configured Host field is silently left out.
      allowHost: true,
      ...(caCerts === undefined ? {} : { caCerts: [caCerts] }),
      ...(cert === undefined || key === undefined ? {} : { cert, key: key.reveal() }),
    });
  } catch (error) {
    // What was thrown says little more, and may hold a part of the key.
    const isMismatch = error instanceof Error && error.message.includes("KeyMismatch");
    throw new NetError(
      "tls",
      isMismatch ? "the key belongs to another certificate" : "a certificate or key is not PEM",
    );
  }
}
