/** The vLLM server that is scraped: one GET with its credentials, limits and error messages. */

import type { UpstreamConfig } from "../config/config.ts";
import type { Secret } from "../config/secret.ts";
import { hostAndPort } from "../config/url.ts";
import { MetricsError } from "../errors.ts";
import type { Body } from "../net/body.ts";
import { type Client, createClient } from "../net/client.ts";
import { NetError } from "../net/net_error.ts";
import { VERSION } from "../version.ts";
import { scrapeError, statusError } from "./scrape_errors.ts";

/** A response of the right status, its body not read yet. */
export interface ScrapeReply {
  /** The `Content-Type`; empty when there is none. */
  readonly contentType: string;
  /** Bytes of the body, when the server announced them. */
  readonly contentLength: number | undefined;
  /** The body; a read throws a `MetricsError`. */
  readonly body: Body;
}

/** Settings of one scrape. */
export interface ScrapeOptions {
  /** Aborts it; a `MetricsError` as its reason becomes the error of the scrape. */
  readonly signal: AbortSignal;
  /** Time for the whole scrape in milliseconds, if less than what is configured. */
  readonly timeoutMs?: number;
}

/** The server that is scraped. Disposing it closes its idle connections. */
export interface Upstream extends Disposable {
  /** Distinguishes it from other servers. */
  readonly instance: string;
  /** The URL for people, without secrets. */
  readonly label: string;
  /** Whether requests carry something that may be secret: a configured header field, or a query. */
  readonly sendsSecret: boolean;
  /**
   * Sends one GET request. The time limit holds until the last byte of the body.
   *
   * @throws {MetricsError} When there is no such response; the message holds no secret.
   */
  scrape(options: ScrapeOptions): Promise<ScrapeReply>;
}

/** One server of several, or one of many addresses of a name. */
export interface UpstreamPlace {
  /** Distinguishes it from other servers; without it, host and port of its URL. */
  readonly instance?: string;
  /** The IP address to connect to; without it, where the URL's host name leads. */
  readonly address?: string;
}

/** Sent unless the configuration says otherwise. */
const DEFAULT_HEADERS: ReadonlyArray<readonly [string, string]> = [
  ["accept", "text/plain;version=0.0.4;q=1, */*;q=0.1"],
  ["user-agent", `vllm-metrics/${VERSION}`],
];

/**
 * Creates an upstream. Nothing is sent before the first scrape.
 *
 * @throws {MetricsError} When a header field or a certificate cannot be used.
 */
export function createUpstream(config: UpstreamConfig, place: UpstreamPlace = {}): Upstream {
  const { label, url, maxBodyBytes } = config;
  const { instance = hostAndPort(url), address } = place;
  const headers = requestHeaders(config.headers);
  const client = createVllmClient(config, address);
  const hasCredentials = headers.has("authorization");
  return {
    instance,
    label,
    sendsSecret: config.headers.length > 0 || url.search !== "",
    scrape: async ({ signal, timeoutMs = Infinity }) => {
      const { status, headers: fields, contentLength, body } = await client.request(url, {
        headers,
        timeoutMs: Math.min(config.timeoutMs, timeoutMs),
        maxBytes: maxBodyBytes,
        signal,
        redirect: "same-origin",
        describe: (error) => scrapeError(label, error),
      });
      if (status === 200) {
        return { contentType: fields.get("content-type") ?? "", contentLength, body };
      }
      await body.cancel();
      throw statusError(label, status, hasCredentials);
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

/**
 * Creates the client for a vLLM server.
 *
 * @throws {MetricsError} When a certificate or a key cannot be used.
 */
export function createVllmClient({ url, tls }: UpstreamConfig, address?: string): Client {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  try {
    return createClient({
      tls,
      ...(address === undefined ? {} : { connectTo: { address, port } }),
    });
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    throw error.message.includes("key belongs")
      ? new MetricsError(
        "CONFIG_INVALID",
        "Cannot use VLLM_TLS_CERT_FILE with VLLM_TLS_KEY_FILE: the key is another certificate's",
      )
      : new MetricsError(
        "CONFIG_INVALID",
        "Cannot use the files of VLLM_TLS_CA_FILE, VLLM_TLS_CERT_FILE and VLLM_TLS_KEY_FILE: " +
          "one of them is not PEM",
        { hint: "Each must hold text that begins with -----BEGIN." },
      );
  }
}

/**
 * Assembles the header fields of requests to vLLM.
 *
 * @throws {MetricsError} When a field is not valid in HTTP; the message names it, not its value.
 */
export function requestHeaders(configured: ReadonlyArray<readonly [string, Secret]>): Headers {
  const headers = new Headers();
  for (const [name, value] of configured) {
    try {
      headers.append(name, value.reveal());
    } catch {
      // What was thrown holds the value, and the value may be a secret.
      throw new MetricsError(
        "CONFIG_INVALID",
        `Cannot send the header field ${
          JSON.stringify(name)
        }: its name or value is not fit for HTTP`,
      );
    }
  }
  for (const [name, value] of DEFAULT_HEADERS) {
    if (!headers.has(name)) headers.set(name, value);
  }
  // Always: compressing costs vLLM more than the bytes cost the network, and bytes are edited here.
  headers.set("accept-encoding", "identity");
  return headers;
}
