/** The one HTTP client: for vLLM, Parseable, the local service and `check`. */

import type { TlsConfig } from "../config/config.ts";
import { Body, type Bytes, tooLargeError } from "./body.ts";
import { Deadline, type Progress } from "./deadline.ts";
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
   * The IP address and port to connect to, past any proxy; without it, where the URL's host leads.
   * `Host`, TLS server name and certificate are for the URL's host in either case.
   */
  readonly connectTo?: { readonly address: string; readonly port: number };
}

/** One request. */
export interface RequestOptions {
  /** The method. @default {"GET"} */
  readonly method?: string;
  /** The header fields; `accept-encoding` should be `identity`. */
  readonly headers?: Headers;
  /** The body. */
  readonly body?: Bytes;
  /** Time until the last byte of the response, in milliseconds. */
  readonly timeoutMs: number;
  /** Most bytes of the response's body, after decompression. */
  readonly maxBytes: number;
  /** Aborts the request, also while the body is read; an error as its reason is thrown as it is. */
  readonly signal?: AbortSignal;
  /** Words errors for the caller, also those of the body. @default {a NetError is thrown as it is} */
  readonly describe?: (error: NetError) => Error;
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

/** What a transport is asked to send. */
export interface TransportRequest {
  /** Where to. */
  readonly url: URL;
  /** The method. */
  readonly method: string;
  /** The header fields. */
  readonly headers: Headers;
  /** The body, if any. */
  readonly body: Bytes | undefined;
  /** Aborts the request, also while the body is read. */
  readonly signal: AbortSignal;
  /** Most bytes of the response's body. */
  readonly maxBytes: number;
}

/** What came back, unchecked. A `Response` is one. */
export interface RawReply {
  /** The HTTP status. */
  readonly status: number;
  /** The header fields. */
  readonly headers: Headers;
  /** The body as sent; null when there is none. */
  readonly body: ReadableStream<Bytes> | null;
}

/** Sends one request, follows no redirect. */
export interface Transport extends Disposable {
  /** Sends it; returns once the headers have come. */
  send(request: TransportRequest): Promise<RawReply>;
}

/**
 * Creates a client. Nothing is sent before the first request.
 *
 * @throws {NetError} When a certificate or a key cannot be used.
 */
export function createClient(options: ClientOptions = {}): Client {
  const { tls } = options;
  const plain = createFetchTransport(options);
  // `fetch` cannot skip verification. It reaches another address as through a proxy, without TLS,
  // and Deno 2.9.6 hangs there after some 25 refused connections.
  const hasAddress = options.connectTo !== undefined;
  const needsNode = tls?.skipVerify === true || hasAddress;
  const node = needsNode ? createLazyTransport(options) : undefined;
  return {
    request: (url, request) => {
      const transport = url.protocol === "https:" || hasAddress ? node ?? plain : plain;
      return send(transport, url, request, tls?.cert !== undefined);
    },
    [Symbol.dispose](): void {
      plain[Symbol.dispose]();
      node?.[Symbol.dispose]();
    },
  };
}

async function send(
  transport: Transport,
  url: URL,
  options: RequestOptions,
  hasCertificate: boolean,
): Promise<Reply> {
  const { maxBytes, timeoutMs, signal, describe = (error): Error => error } = options;
  const progress: Progress = {
    inBody: false,
    receivedBytes: 0,
    expectedBytes: undefined,
    waiting: false,
  };
  const deadline = new Deadline({ timeoutMs, signal, progress });
  try {
    const { status, headers, body } = await followRedirects(
      transport,
      url,
      options,
      deadline.signal,
    );
    const sentBytes = lengthOf(headers);
    const isGood = status >= 200 && status < 300;
    if (isGood && sentBytes !== undefined && sentBytes > maxBytes) {
      throw tooLargeError(maxBytes, sentBytes);
    }
    const coding = isGood ? codingOf(headers) : "";
    const contentLength = coding === "" ? sentBytes : undefined;
    progress.expectedBytes = contentLength;
    const sent = body ?? ReadableStream.from<Bytes>([]);
    return {
      status,
      headers,
      contentLength,
      body: new Body(sent, { maxBytes, deadline, progress, coding, describe }),
    };
  } catch (error) {
    const failure = deadline.failure ??
      toNetError(error, { hostname: url.hostname, hasCertificate });
    // Also releases a response whose body nobody will read.
    deadline.break(failure);
    throw failure instanceof NetError ? describe(failure) : failure;
  }
}

/** Follows redirects on the same origin, so that credentials stay with the server they are for. */
async function followRedirects(
  transport: Transport,
  url: URL,
  { method = "GET", headers = new Headers(), body, maxBytes, redirect = "none" }: RequestOptions,
  signal: AbortSignal,
): Promise<RawReply> {
  let at = url;
  for (let count = 0; count <= MAX_REDIRECTS; count++) {
    const reply = await transport.send({ url: at, method, headers, body, signal, maxBytes });
    if (redirect === "none" || !REDIRECTS.has(reply.status)) return reply;
    const location = reply.headers.get("location");
    if (location === null) return reply;
    const target = URL.parse(location, at);
    if (target === null || target.origin !== url.origin) throw foreignRedirect(target);
    await reply.body?.cancel();
    // Credentials come from the configuration, never from a response.
    target.username = "";
    target.password = "";
    at = target;
  }
  throw new NetError("redirect", `redirected more than ${MAX_REDIRECTS} times`, {
    hint: "Is the path right? vLLM has its metrics at /metrics.",
  });
}

/** The error for a redirect that leaves the origin; it names the origin alone. */
function foreignRedirect(to: URL | null): NetError {
  // The origin of an address without a host, such as `data:`, is the word "null".
  const origin = to === null || to.origin === "null" ? undefined : to.origin;
  const where = origin === undefined ? "what is no HTTP address" : `another server, "${origin}"`;
  return new NetError("redirect", `redirected to ${where}`, {
    hint: origin === undefined
      ? ""
      : "Credentials stay with the server they are for: set VLLM_METRICS_URL to that server " +
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

function createFetchTransport({ tls }: ClientOptions): Transport {
  const client = createHttpClient(tls);
  return {
    send: ({ url, method, headers, body, signal }) => {
      const init = { client, method, headers, signal, redirect: "manual" } as const;
      return fetch(url, body === undefined ? init : { ...init, body });
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** Loads `node:http`, some 12 MB of memory, only for those who need it. */
function createLazyTransport(options: ClientOptions): Transport {
  let transport: Promise<Transport> | undefined;
  async function load(): Promise<Transport> {
    const { createNodeTransport } = await import("./node_transport.ts");
    return createNodeTransport(options);
  }
  return {
    async send(request): Promise<RawReply> {
      transport ??= load();
      return await (await transport).send(request);
    },
    [Symbol.dispose](): void {
      transport?.then((loaded) => loaded[Symbol.dispose]());
    },
  };
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
