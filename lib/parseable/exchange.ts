/** One request to Parseable and its answer, with the certificate verified or not. */

import type { ParseableTls } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { connectionReason } from "./connection_reason.ts";
import { hideCredentials } from "./hide_credentials.ts";

/** A request. */
export interface Ask {
  /** The method of HTTP. */
  readonly method: string;
  /** Where it goes. */
  readonly url: URL;
  /** The header fields. */
  readonly headers: Headers;
  /** The body; absent when there is none. */
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** What Parseable answered. */
export interface Answer {
  /** The HTTP status. */
  readonly status: number;
  /** The body, or its beginning when it is longer than what is read of it. */
  readonly bytes: Uint8Array;
}

/** How requests are sent. */
export interface ExchangeOptions {
  /** A URL of the server: its scheme decides about TLS. */
  readonly url: URL;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How to reach it when the URL is `https:`. */
  readonly tls: ParseableTls;
  /** Bytes of an answer that are read. */
  readonly maxAnswerBytes: number;
}

/** Sends requests; close it to let its connections go. */
export interface Exchange extends Disposable {
  /**
   * Sends one request. Redirects are not followed.
   *
   * @param ask The request.
   * @returns The answer.
   * @throws {ExchangeFailure} When there is none.
   */
  send(ask: Ask): Promise<Answer>;
}

/** There is no answer: no connection, or none in time. */
export class ExchangeFailure extends Error {
  /**
   * Words the failure.
   *
   * @param reason What is wrong, without a full stop.
   */
  constructor(reason: string) {
    super(reason);
    this.name = "ExchangeFailure";
  }
}

/** Bytes of an answer that are shown: Parseable's errors are one sentence. */
export const MAX_WORDS_BYTES = 2_048;

/**
 * Reads an answer as words for people.
 *
 * @param bytes The body of the answer.
 * @returns Its beginning as one line, without control characters.
 */
export function wordsOf(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_WORDS_BYTES));
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/**
 * Makes what sends requests. Nothing is sent before the first of them.
 *
 * @param options Time limit, TLS settings and the bound of answers.
 * @returns What sends them.
 * @throws {MetricsError} When the file of authorities cannot be used.
 */
export function createExchange(options: ExchangeOptions): Exchange {
  if (options.tls.skipVerify && options.url.protocol === "https:") return createLazy(options);
  const client = createClient(options.tls);
  return {
    send: async (ask) => withoutCredentials(ask, await sendVerified(options, client, ask)),
    [Symbol.dispose]: () => client.close(),
  };
}

/** What a server says beside data is shown to people. */
function withoutCredentials({ headers }: Ask, { status, bytes }: Answer): Answer {
  return { status, bytes: status < 300 ? bytes : hideCredentials(bytes, headers) };
}

function createClient(tls: ParseableTls): Deno.HttpClient {
  try {
    return Deno.createHttpClient(tls.caCerts === undefined ? {} : { caCerts: [tls.caCerts] });
  } catch {
    // What was thrown says no more than that a certificate in it is broken.
    throw new MetricsError(
      "CONFIG_INVALID",
      "Cannot use the file of PARSEABLE_TLS_CA_FILE: it holds no certificate that can be read",
    );
  }
}

/** Loads `node:https` only for those who turned verification off. */
function createLazy(options: ExchangeOptions): Exchange {
  let exchange: Promise<Exchange> | undefined;
  async function load(): Promise<Exchange> {
    const { createInsecureExchange } = await import("./insecure_exchange.ts");
    return createInsecureExchange(options);
  }
  return {
    async send(ask): Promise<Answer> {
      exchange ??= load();
      return withoutCredentials(ask, await (await exchange).send(ask));
    },
    [Symbol.dispose](): void {
      exchange?.then((loaded) => loaded[Symbol.dispose]());
    },
  };
}

async function sendVerified(
  { timeoutMs, maxAnswerBytes }: ExchangeOptions,
  client: Deno.HttpClient,
  { url, method, headers, body }: Ask,
): Promise<Answer> {
  const abort = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new ExchangeFailure(`no answer within ${timeoutMs} ms`));
    abort.abort();
  }, timeoutMs);
  try {
    const { signal } = abort;
    const init = { method, headers, client, signal, redirect: "manual" } as const;
    const sent = fetch(url, body === undefined ? init : { ...init, body });
    const response = await Promise.race([sent, late]);
    const bytes = await Promise.race([beginningOf(response, maxAnswerBytes), late]);
    return { status: response.status, bytes };
  } catch (error) {
    if (error instanceof ExchangeFailure) throw error;
    if (error instanceof TypeError) throw new ExchangeFailure(connectionReason(error));
    throw error;
  } finally {
    clearTimeout(timer);
    // Also ends an answer that is longer than what is read of it.
    abort.abort();
  }
}

async function beginningOf({ body }: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= maxBytes) break;
  }
  return joined(chunks);
}

/**
 * Puts the pieces of an answer together.
 *
 * @param chunks The pieces in order.
 * @returns All of their bytes.
 */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
