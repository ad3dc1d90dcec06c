/** One POST request to Parseable, with its certificate verified or not. */

import type { RelayConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { connectionReason } from "./connection_reason.ts";

/** What Parseable answered. */
export interface Answer {
  /** The HTTP status. */
  readonly status: number;
  /** The beginning of the body, as one line; its errors are one sentence. */
  readonly words: string;
}

/** Sends requests; close it to let its connections go. */
export interface Post extends Disposable {
  /**
   * Sends one request.
   *
   * @param body OTLP metrics as JSON.
   * @param headers The header fields.
   * @returns The answer.
   * @throws {PostFailure} When there is none.
   */
  send(body: Uint8Array<ArrayBuffer>, headers: Headers): Promise<Answer>;
}

/** There is no answer: no connection, or none in time. */
export class PostFailure extends Error {
  /**
   * Words the failure.
   *
   * @param reason What is wrong, without a full stop.
   */
  constructor(reason: string) {
    super(reason);
    this.name = "PostFailure";
  }
}

/** Bytes of an answer that are read. */
export const MAX_ANSWER_BYTES = 2_048;

/** The beginning of an answer's body as one line, without control characters. */
export function wordsOf(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_ANSWER_BYTES));
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/**
 * Makes what sends requests. Nothing is sent before the first of them.
 *
 * @param config Parseable's address, time limit and TLS settings.
 * @returns What sends them.
 * @throws {MetricsError} When the file of authorities cannot be used.
 */
export function createPost(config: RelayConfig): Post {
  if (config.tls.skipVerify && config.url.protocol === "https:") return createLazyPost(config);
  const client = createClient(config);
  return {
    send: (body, headers) => sendVerified(config, client, { body, headers }),
    [Symbol.dispose]: () => client.close(),
  };
}

function createClient({ tls }: RelayConfig): Deno.HttpClient {
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
function createLazyPost(config: RelayConfig): Post {
  let post: Promise<Post> | undefined;
  async function load(): Promise<Post> {
    const { createInsecurePost } = await import("./insecure_post.ts");
    return createInsecurePost(config);
  }
  return {
    async send(body, headers): Promise<Answer> {
      post ??= load();
      return await (await post).send(body, headers);
    },
    [Symbol.dispose](): void {
      post?.then((loaded) => loaded[Symbol.dispose]());
    },
  };
}

async function sendVerified(
  config: RelayConfig,
  client: Deno.HttpClient,
  { body, headers }: { body: Uint8Array<ArrayBuffer>; headers: Headers },
): Promise<Answer> {
  const abort = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new PostFailure(`no answer within ${config.timeoutMs} ms`));
    abort.abort();
  }, config.timeoutMs);
  try {
    const { signal } = abort;
    const init = { method: "POST", headers, body, client, signal, redirect: "manual" } as const;
    const response = await Promise.race([fetch(config.url, init), late]);
    const { status } = response;
    return { status, words: wordsOf(await Promise.race([beginningOf(response), late])) };
  } catch (error) {
    if (error instanceof PostFailure) throw error;
    if (error instanceof TypeError) throw new PostFailure(connectionReason(error));
    throw error;
  } finally {
    clearTimeout(timer);
    // Also ends an answer that is longer than what is read of it.
    abort.abort();
  }
}

async function beginningOf(response: Response): Promise<Uint8Array> {
  let bytes = new Uint8Array(0);
  if (response.body === null) return bytes;
  for await (const chunk of response.body) {
    bytes = new Uint8Array([...bytes, ...chunk]);
    if (bytes.length >= MAX_ANSWER_BYTES) break;
  }
  return bytes;
}
