/** One request to Parseable and its response: in time, bounded, and without our credentials in it. */

import type { TlsConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { type Client, createClient, type Reply } from "../net/client.ts";
import { NetError } from "../net/net_error.ts";

/** A response: the beginning of its body when that is longer than the limit. */
export type Answer = { readonly status: number; readonly bytes: Uint8Array };

/** Sends requests to Parseable. Disposing it closes its connections. */
export interface Exchange extends Disposable {
  /**
   * Sends one request. Redirects are not followed.
   *
   * @throws {ExchangeFailure} When there is no response.
   */
  send(request: {
    readonly method: string;
    readonly url: URL;
    readonly headers: Headers;
    readonly body?: Uint8Array<ArrayBuffer>;
  }): Promise<Answer>;
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
  const client = clientOf(tls);
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

function clientOf(tls: TlsConfig): Client {
  try {
    return createClient({ tls });
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    const words = "it holds no certificate that can be read";
    throw new MetricsError(
      "CONFIG_INVALID",
      `Cannot use the file of PARSEABLE_TLS_CA_FILE: ${words}`,
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

/** Shortest decoded user name and password, and shortest part of a secret, to look for. */
const MIN_LENGTH = 4;

/**
 * Replaces credentials by `[hidden]`, also when they are escaped for HTML, JSON or URLs, and removes
 * a part of them at the end: error pages of proxies repeat the fields of the request, and the
 * response goes into logs and replies.
 */
function hideCredentials(bytes: Uint8Array, headers: Headers): Uint8Array {
  const secrets = ["authorization", "x-api-key"].flatMap((field) =>
    formsOf(headers.get(field) ?? "")
  );
  if (secrets.length === 0) return bytes;
  const text = new TextDecoder().decode(bytes);
  let hidden = text;
  for (const secret of secrets) {
    hidden = hidden.replace(new RegExp(patternOf(secret), "gi"), "[hidden]");
    for (let length = secret.length - 1; length >= MIN_LENGTH; length--) {
      const end = new RegExp(`${patternOf(secret.slice(0, length))}$`, "i");
      if (end.test(hidden)) hidden = hidden.replace(end, "");
    }
  }
  return hidden === text ? bytes : new TextEncoder().encode(hidden);
}

/** The longest forms first: the token, then what Basic encodes. */
function formsOf(value: string): string[] {
  const token = value.slice(value.lastIndexOf(" ") + 1);
  const decoded = /^basic /i.test(value) ? decodedOf(token) : "";
  const password = decoded.slice(decoded.indexOf(":") + 1);
  // Base64 is often shown without its padding.
  const forms = [token, token.replace(/=+$/, ""), decoded, password];
  return forms.filter((form) => form.length >= MIN_LENGTH);
}

function decodedOf(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(base64));
  } catch {
    return ""; // Not Base64: a server cannot decode it either.
  }
}

/** A pattern of a text in which any character but letters and digits may be escaped. */
function patternOf(text: string): string {
  return [...text].map((character) =>
    /[a-z0-9]/i.test(character)
      ? character
      : `(?:\\\\?${RegExp.escape(character)}|&#?\\w{1,8};|%[0-9a-f]{2}|\\\\u[0-9a-f]{4})`
  ).join("");
}
