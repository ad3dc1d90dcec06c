/** The vLLM server that is scraped: one GET with its credentials, limits and error messages. */

import { STATUS_TEXT } from "@std/http/status";
import type { UpstreamConfig } from "../config/config.ts";
import type { Secret } from "../config/secret.ts";
import { type ErrorCode, MetricsError } from "../errors.ts";
import type { Body } from "../net/body.ts";
import { type Client, createClient } from "../net/client.ts";
import { NetError, type NetErrorKind, type RequestTarget, toNetError } from "../net/net_error.ts";
import { VERSION } from "../version.ts";

/** A response of the right status, its body not read yet. */
export type ScrapeReply = {
  /** The `Content-Type`; empty when there is none. */
  readonly contentType: string;
  readonly contentLength: number | undefined;
  /** The body; a read throws a `MetricsError`. */
  readonly body: Body;
};

/** The server that is scraped. Disposing it closes its idle connections. */
export interface Upstream extends Disposable {
  /** The URL for people, without secrets. */
  readonly label: string;
  /** Whether requests carry something that may be secret: a configured header field, or a query. */
  readonly sendsSecret: boolean;
  /**
   * Sends one GET request. The time limit holds until the last byte of the body. A `MetricsError`
   * as the reason of the signal becomes the error of the scrape.
   *
   * @throws {MetricsError} When there is no such response; the message holds no secret.
   */
  scrape(options: { readonly signal: AbortSignal }): Promise<ScrapeReply>;
}

/** Sent unless the configuration says otherwise. */
const DEFAULT_HEADERS: ReadonlyArray<readonly [string, string]> = [
  ["accept", "text/plain;version=0.0.4;q=1, */*;q=0.1"],
  ["user-agent", `vllm-metrics/${VERSION}`],
];

const CODES: Readonly<Record<NetErrorKind, ErrorCode>> = {
  refused: "UPSTREAM_REFUSED",
  dns: "UPSTREAM_DNS",
  tls: "UPSTREAM_TLS",
  timeout: "UPSTREAM_TIMEOUT",
  redirect: "UPSTREAM_REDIRECT",
  tooLarge: "UPSTREAM_TOO_LARGE",
  closed: "UPSTREAM_CLOSED",
  failed: "UPSTREAM_FAILED",
  aborted: "READER_GONE",
  slow: "READER_SLOW",
};

/** What to do about a status; a class of statuses stands under its first digit. */
const STATUS_HINTS: Readonly<Record<string, string>> = {
  "401": "The server wants credentials: set VLLM_BEARER_TOKEN or VLLM_USERNAME/VLLM_PASSWORD.",
  "403": "The server knows the caller and refuses: do the credentials allow reading metrics?",
  "404": "Is the path right? vLLM has its metrics at /metrics.",
  "405": "Is the path right? vLLM has its metrics at /metrics.",
  "407": "A proxy on the way wants credentials.",
  "429": "The server is asked too often: scrape less often.",
  "502": "A gateway answered in place of vLLM: is vLLM running behind it?",
  "503": "vLLM may still be starting.",
  "504": "A gateway answered in place of vLLM: is vLLM running behind it?",
  "5": "See the log of vLLM for the reason.",
};

/**
 * Creates an upstream. Nothing is sent before the first scrape. With an IP address, connections go
 * there, and not where the URL's host name leads.
 *
 * @throws {MetricsError} When a header field or a certificate cannot be used.
 */
export function createUpstream(config: UpstreamConfig, address?: string): Upstream {
  const { label, url, timeoutMs, maxBodyBytes } = config;
  const headers = requestHeaders(config.headers);
  const client = createVllmClient(config, address);
  const describe = (error: NetError): MetricsError => scrapeError(label, error);
  return {
    label,
    sendsSecret: config.headers.length > 0 || url.search !== "",
    async scrape({ signal }): Promise<ScrapeReply> {
      const { status, headers: fields, contentLength, body } = await client.request(url, {
        headers,
        timeoutMs,
        maxBytes: maxBodyBytes,
        signal,
        redirect: "same-origin",
        describe,
      });
      if (status === 200) {
        return { contentType: fields.get("content-type") ?? "", contentLength, body };
      }
      await body.cancel();
      throw statusError(label, status, headers.has("authorization"));
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

/**
 * Creates the client for a vLLM server.
 *
 * @throws {MetricsError} When a certificate or a key cannot be used.
 */
export function createVllmClient({ tls }: UpstreamConfig, address?: string): Client {
  try {
    return createClient({ tls, address });
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    if (error.message.includes("key belongs")) {
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
      const quoted = JSON.stringify(name);
      throw new MetricsError(
        "CONFIG_INVALID",
        `Cannot send the header field ${quoted}: its name or value is not fit for HTTP`,
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

/** The error for what a scrape threw. */
export function scrapeError(label: string, error: unknown): MetricsError {
  if (error instanceof MetricsError) return error;
  if (!(error instanceof NetError)) {
    return new MetricsError("UPSTREAM_FAILED", `Cannot scrape "${label}": an unexpected error`, {
      cause: error,
    });
  }
  const { kind, message, hint } = error;
  const isReaders = kind === "aborted" || kind === "slow";
  const action = isReaders ? "Cannot finish the scrape of" : "Cannot scrape";
  return new MetricsError(CODES[kind], `${action} "${label}": ${message}`, { hint, cause: error });
}

/** The error for a connection that failed. */
export function requestFailure(
  error: unknown,
  target: RequestTarget & { readonly label: string },
): MetricsError {
  if (error instanceof MetricsError) return error;
  return scrapeError(target.label, toNetError(error, target));
}

/** The error for a status other than 200. */
function statusError(label: string, status: number, hasCredentials: boolean): MetricsError {
  const texts: Readonly<Record<number, string>> = STATUS_TEXT;
  const hint = status === 401 && hasCredentials
    ? "The credentials were not accepted: check VLLM_BEARER_TOKEN or VLLM_USERNAME/VLLM_PASSWORD."
    : STATUS_HINTS[status] ?? STATUS_HINTS[Math.floor(status / 100)] ?? "";
  const text = `Cannot scrape "${label}": status ${status} ${texts[status] ?? ""}`.trimEnd();
  return new MetricsError("UPSTREAM_STATUS", text, { hint });
}
