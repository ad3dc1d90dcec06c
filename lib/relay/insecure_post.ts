/** POST requests that do not verify the certificate of the server; see `upstream/insecure.ts`. */

import { Agent, request } from "node:https";
import type { RelayConfig } from "../config/config.ts";
import { connectionReason } from "./connection_reason.ts";
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
      const finish = (): void =>
        resolve({ status: message.statusCode ?? 0, words: wordsOf(bytes) });
      message.on("data", (chunk: Uint8Array) => {
        bytes = new Uint8Array([...bytes, ...chunk.subarray(0, MAX_ANSWER_BYTES)]);
        if (bytes.length < MAX_ANSWER_BYTES) return;
        finish();
        message.destroy();
      });
      message.on("end", finish);
      message.on("error", () => reject(new PostFailure("the connection broke off")));
    });
    const timer = setTimeout(() => {
      reject(new PostFailure(`no answer within ${timeoutMs} ms`));
      sent.destroy();
    }, timeoutMs);
    sent.on("error", (error) => reject(new PostFailure(connectionReason(error))));
    sent.end(body);
    return promise.finally(() => clearTimeout(timer));
  }
  return { send, [Symbol.dispose]: () => agent.destroy() };
}
