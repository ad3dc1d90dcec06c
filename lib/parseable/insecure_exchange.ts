/** Requests that do not verify the certificate of the server; see `upstream/node_transport.ts`. */

import { Agent, request } from "node:https";
import { connectionReason } from "./connection_reason.ts";
import {
  type Answer,
  type Ask,
  type Exchange,
  ExchangeFailure,
  type ExchangeOptions,
  joined,
} from "./exchange.ts";

/**
 * Makes what sends requests to a server with any certificate.
 *
 * @param options Time limit and the bound of answers.
 * @returns What sends them.
 */
export function createInsecureExchange({ timeoutMs, maxAnswerBytes }: ExchangeOptions): Exchange {
  // Without `ca` Node collects the authorities of the system, for which Deno wants --allow-sys.
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, ca: [] });
  function send({ url, method, headers, body }: Ask): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const fields = {
      ...Object.fromEntries(headers),
      ...(body === undefined ? {} : { "content-length": String(body.length) }),
    };
    const sent = request(url, { agent, method, headers: fields }, (message) => {
      const chunks: Uint8Array[] = [];
      let length = 0;
      const finish = (): void =>
        resolve({ status: message.statusCode ?? 0, bytes: joined(chunks) });
      message.on("data", (chunk: Uint8Array) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length < maxAnswerBytes) return;
        finish();
        message.destroy();
      });
      message.on("end", finish);
      message.on("error", () => reject(new ExchangeFailure("the connection broke off")));
    });
    const timer = setTimeout(() => {
      reject(new ExchangeFailure(`no answer within ${timeoutMs} ms`));
      sent.destroy();
    }, timeoutMs);
    sent.on("error", (error) => reject(new ExchangeFailure(connectionReason(error))));
    sent.end(body);
    return promise.finally(() => clearTimeout(timer));
  }
  return { send, [Symbol.dispose]: () => agent.destroy() };
}
