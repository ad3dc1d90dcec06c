/** The vLLM server that is scraped: one GET with its time limit, credentials and failures named. */

import type { UpstreamConfig } from "../config/config.ts";
import { hostAndPort } from "../config/server_list.ts";
import type { Target } from "./complaint.ts";
import { Deadline } from "./deadline.ts";
import { requestFailure } from "./failure.ts";
import { requestHeaders } from "./headers.ts";
import { type Progress, timeUp } from "./progress.ts";
import { followRedirects } from "./redirect.ts";
import { acceptReply, type Scrape } from "./scrape.ts";
import { createTransport, type Transport } from "./transport.ts";

export type { Scrape };

/** Settings of one scrape. */
export interface ScrapeOptions {
  /** Breaks it off; a `MetricsError` as its reason becomes the error of the scrape. */
  signal: AbortSignal;
  /** Time for the whole scrape in milliseconds, if less than what is configured. */
  timeoutMs?: number;
}

/** The server that is scraped. Disposing it closes its idle connections. */
export interface Upstream extends Disposable {
  /** What tells it from other servers. */
  readonly instance: string;
  /** The URL for people, without secrets. */
  readonly label: string;
  /** Whether requests carry something that may be secret: a header field of the operator, or a query. */
  readonly sendsSecret: boolean;
  /**
   * Sends one GET request. The time limit holds until the last byte of the body.
   *
   * @param options What breaks it off.
   * @returns The reply, once its headers are there and good.
   * @throws {MetricsError} When there is no such reply; the message holds no secret.
   */
  scrape(options: ScrapeOptions): Promise<Scrape>;
}

/** One server of several, or one of many addresses of a name. */
export interface UpstreamPlace {
  /** What tells it from other servers; without it, host and port of its URL. */
  readonly instance?: string;
  /** The IP address to connect to; without it, where the URL's host name leads. */
  readonly address?: string;
}

/**
 * Makes an upstream. Nothing is sent before the first scrape.
 *
 * @param config Where it is and what it wants.
 * @param place Which server it is, where there are several.
 * @returns The upstream.
 * @throws {MetricsError} When a header field or a certificate cannot be used.
 */
export function createUpstream(config: UpstreamConfig, place: UpstreamPlace = {}): Upstream {
  const { label, url, tls } = config;
  const { instance = hostAndPort(url), address } = place;
  const headers = requestHeaders(config.headers);
  const target: Target = {
    label,
    hostname: url.hostname,
    hasCredentials: headers.has("authorization"),
    hasCertificate: tls.cert !== undefined,
  };
  const transport = createTransport(config, headers, address);
  return {
    instance,
    label,
    sendsSecret: config.headers.length > 0 || url.search !== "",
    scrape: (options) => scrape({ config, target, transport }, options),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}

interface Context {
  config: UpstreamConfig;
  target: Target;
  transport: Transport;
}

async function scrape(context: Context, options: ScrapeOptions): Promise<Scrape> {
  const { config, target, transport } = context;
  const { label } = target;
  const timeoutMs = Math.min(config.timeoutMs, options.timeoutMs ?? Infinity);
  const progress: Progress = {
    inBody: false,
    receivedBytes: 0,
    expectedBytes: undefined,
    waiting: false,
  };
  const deadline = new Deadline({
    timeoutMs,
    reader: options.signal,
    label,
    onTimeout: () => timeUp(label, timeoutMs, progress),
  });
  try {
    const reply = await followRedirects(transport, config.url, { label, signal: deadline.signal });
    return acceptReply(reply, { target, maxBodyBytes: config.maxBodyBytes, deadline, progress });
  } catch (error) {
    const failure = deadline.failure ?? requestFailure(error, target);
    // Also lets go of a reply whose body nobody will read.
    deadline.break(failure);
    throw failure;
  }
}
