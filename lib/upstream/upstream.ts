/** The vLLM server that is scraped: one GET with its time limit, credentials and failures named. */

import type { UpstreamConfig } from "../config/config.ts";
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
  /** The URL for people, without secrets. */
  readonly label: string;
  /** Its name in the history: host and port. */
  readonly instance: string;
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

/**
 * Makes an upstream. Nothing is sent before the first scrape.
 *
 * @param config Where it is and what it wants.
 * @returns The upstream.
 * @throws {MetricsError} When a header field or a certificate cannot be used.
 */
export function createUpstream(config: UpstreamConfig): Upstream {
  const { label, url, tls } = config;
  const headers = requestHeaders(config.headers);
  const target: Target = {
    label,
    hostname: url.hostname,
    hasCredentials: headers.has("authorization"),
    hasCertificate: tls.cert !== undefined,
  };
  const transport = createTransport(config, headers);
  return {
    label,
    instance: `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`,
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
