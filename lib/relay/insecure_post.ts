/** POST requests that do not verify the certificate of the server; see `upstream/insecure.ts`. */

import { Agent, request } from "node:https";
import type { RelayConfig } from "../config/config.ts";
import { type Answer, MAX_ANSWER_BYTES, type Post, PostFailure, wordsOf } from "./post.ts";

/**
 * Makes what sends requests to a server with any certificate.
 *
 * @param config Parseable's address and time limit.
 * @returns What sends them.
 */
export function createInsecurePost({ url, timeoutMs }: RelayConfig): Post {
  // Without `ca` Node collects the authorities of the system, for which Deno wants --allow-sys.
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, ca: [] });
  function send(body: Uint8Array<ArrayBuffer>, headers: Headers): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const fields = { ...Object.fromEntries(headers), "content-length": String(body.length) };
    const sent = request(url, { agent, method: "POST", headers: fields }, (message) => {
      let bytes = new Uint8Array(0);
      message.on("data", (chunk: Uint8Array) => {
        if (bytes.length < MAX_ANSWER_BYTES) bytes = new Uint8Array([...bytes, ...chunk]);
      });
      message.on("end", () => resolve({ status: message.statusCode ?? 0, words: wordsOf(bytes) }));
      message.on("error", () => reject(new PostFailure("the connection broke off")));
    });
    const timer = setTimeout(() => {
      reject(new PostFailure(`no answer within ${timeoutMs} ms`));
      sent.destroy();
    }, timeoutMs);
    sent.on("error", () => reject(new PostFailure("no connection")));
    sent.end(body);
    return promise.finally(() => clearTimeout(timer));
  }
  return { send, [Symbol.dispose]: () => agent.destroy() };
}
