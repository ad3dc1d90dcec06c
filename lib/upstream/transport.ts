/** One request to the upstream, through `fetch` or, where that cannot do it, through `node:https`. */

import type { UpstreamConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";

/** What came back, before anybody judged it. A `Response` is one. */
export interface Reply {
  /** The HTTP status. */
  readonly status: number;
  /** The header fields. */
  readonly headers: Headers;
  /** The body as sent, encodings included; null when there is none. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
}

/** Sends GET requests; close it to let its connections go. */
export interface Transport extends Disposable {
  /**
   * Sends one GET request and follows no redirect.
   *
   * @param url Where to.
   * @param signal Breaks it off, in the body too.
   * @returns The reply, once its headers are there.
   */
  get(url: URL, signal: AbortSignal): Promise<Reply>;
}

/**
 * Makes the transport for an upstream.
 *
 * @param config Its address, authorities and client certificate.
 * @param headers The header fields of each request.
 * @param address The IP address to connect to; without it, where the URL's host name leads.
 * @returns The transport.
 * @throws {MetricsError} When a certificate or a key cannot be used.
 */
export function createTransport(
  config: UpstreamConfig,
  headers: Headers,
  address?: string,
): Transport {
  const { url, tls } = config;
  // Made in either case: it is what tells now, and not at the first scrape, that a file is no good.
  const client = createClient(config, headers.has("host"), address);
  if (url.protocol === "https:" && (tls.skipVerify || address !== undefined)) {
    client.close();
    return createLazyTransport(config, headers, address);
  }
  return {
    get: (url, signal) => fetch(url, { client, headers, signal, redirect: "manual" }),
    [Symbol.dispose]: () => client.close(),
  };
}

/** Loads `node:https`, some 12 MB of memory, only for those who need it. */
function createLazyTransport(
  config: UpstreamConfig,
  headers: Headers,
  address?: string,
): Transport {
  let transport: Promise<Transport> | undefined;
  async function load(): Promise<Transport> {
    const { createNodeTransport } = await import("./node_transport.ts");
    return createNodeTransport(config, headers, address);
  }
  return {
    async get(url, signal): Promise<Reply> {
      transport ??= load();
      return (await transport).get(url, signal);
    },
    [Symbol.dispose](): void {
      transport?.then((loaded) => loaded[Symbol.dispose]());
    },
  };
}

/** Connects `http:` straight to an address; the request says the URL's host all the same. */
function proxyFor(url: URL, address: string): Deno.Proxy {
  const hostname = address.includes(":") ? `[${address}]` : address;
  return { transport: "tcp", hostname, port: Number(url.port || 80) };
}

function createClient(
  { tls, url }: UpstreamConfig,
  allowHost: boolean,
  address?: string,
): Deno.HttpClient {
  try {
    return Deno.createHttpClient({
      // Without it a configured Host field is silently left out.
      allowHost,
      ...(tls.caCerts === undefined ? {} : { caCerts: [tls.caCerts] }),
      ...(tls.cert === undefined || tls.key === undefined
        ? {}
        : { cert: tls.cert, key: tls.key.reveal() }),
      ...(address === undefined ? {} : { proxy: proxyFor(url, address) }),
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : "";
    if (text.includes("KeyMismatch")) {
      throw new MetricsError(
        "CONFIG_INVALID",
        "Cannot use VLLM_TLS_CERT_FILE with VLLM_TLS_KEY_FILE: the key is another certificate's",
      );
    }
    throw new MetricsError(
      "CONFIG_INVALID",
      "Cannot use the files of VLLM_TLS_CA_FILE, VLLM_TLS_CERT_FILE and VLLM_TLS_KEY_FILE: " +
        "one of them is not PEM",
      { hint: "Each must hold text that begins with -----BEGIN." },
    );
  }
}
