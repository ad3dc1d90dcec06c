/** One request to Parseable and its response: in time, bounded, and without our credentials in it. */

import type { TlsConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { type Client, createClient, type Reply } from "../net/client.ts";
import { NetError } from "../net/net_error.ts";
import { hideCredentials } from "./hide_credentials.ts";

/** A request. */
export type Ask = {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer>;
};

/** A response: the beginning of its body when that is longer than the limit. */
export type Answer = { readonly status: number; readonly bytes: Uint8Array };

/** Sends requests to Parseable. Disposing it closes its connections. */
export interface Exchange extends Disposable {
  /**
   * Sends one request. Redirects are not followed.
   *
   * @throws {ExchangeFailure} When there is no response.
   */
  send(ask: Ask): Promise<Answer>;
}

/** There is no response: no connection, or none in time. The message has no full stop. */
export class ExchangeFailure extends Error {
  /** Its name in stack traces. */
  override readonly name = "ExchangeFailure";
}

/** Bytes of a response that are quoted: Parseable's errors are one sentence. */
export const MAX_WORDS_BYTES = 2_048;

/** The beginning of a body as one line, without control characters. */
export function wordsOf(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_WORDS_BYTES));
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/**
 * Creates an exchange. Nothing is sent before the first request.
 *
 * @throws {MetricsError} When the CA file cannot be used.
 */
export function createExchange({ timeoutMs, tls, maxAnswerBytes }: {
  /** Time until the last byte of the response. */
  readonly timeoutMs: number;
  readonly tls: TlsConfig;
  /** Bytes of a response that are read. */
  readonly maxAnswerBytes: number;
}): Exchange {
  const client = createTlsClient(tls);
  return {
    async send({ url, headers, ...request }): Promise<Answer> {
      const fields = new Headers(headers);
      fields.set("accept-encoding", "identity");
      try {
        // The limit cuts a response off; it does not fail the request.
        const options = { ...request, headers: fields, timeoutMs, maxBytes: Infinity };
        const { status, body } = await client.request(url, options);
        const bytes = await beginningOf(body, maxAnswerBytes);
        // Error pages are shown to people, and those of proxies repeat the request.
        return { status, bytes: status < 300 ? bytes : hideCredentials(bytes, headers) };
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        throw new ExchangeFailure(reasonOf(error, timeoutMs));
      }
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

function createTlsClient(tls: TlsConfig): Client {
  try {
    return createClient({ tls });
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    throw new MetricsError(
      "CONFIG_INVALID",
      "Cannot use the file of PARSEABLE_TLS_CA_FILE: it holds no certificate that can be read",
    );
  }
}

/** Why there is no response, without the address. */
function reasonOf({ kind, message }: NetError, timeoutMs: number): string {
  if (kind === "tls" || kind === "refused") return message;
  if (kind === "timeout" || kind === "slow") return `no answer within ${timeoutMs} ms`;
  return kind === "dns" ? "its name cannot be resolved" : "the connection broke off";
}

async function beginningOf(body: Reply["body"], maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= maxBytes) break;
  }
  return await new Blob(chunks).bytes();
}
