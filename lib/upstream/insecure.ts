/**
 * Requests that do not verify the certificate of the server.
 *
 * `Deno.createHttpClient` has no such setting, and the command line's applies to
 * the whole process. `node:https` can do it for the connections of one agent.
 */

import { Agent, request } from "node:https";
import type { UpstreamConfig } from "../config/config.ts";
import type { Reply, Transport } from "./transport.ts";

/**
 * Makes a transport that talks to any server, whatever its certificate.
 *
 * @param config The client certificate.
 * @param headers The header fields of each request.
 * @returns The transport.
 */
export function createInsecureTransport(config: UpstreamConfig, headers: Headers): Transport {
  const { cert, key } = config.tls;
  const agent = new Agent({
    keepAlive: true,
    rejectUnauthorized: false,
    ...(cert === undefined || key === undefined ? {} : { cert, key: key.reveal() }),
  });
  const fields = Object.fromEntries(headers);
  return {
    get: (url, signal) => get(url, { agent, headers: fields, signal }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

interface GetOptions {
  agent: Agent;
  headers: Record<string, string>;
  signal: AbortSignal;
}

function get(url: URL, options: GetOptions): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const sent = request(url, options, (message) => {
    // Whoever reads the body gets the error; without a listener it would end the process.
    message.on("error", () => {});
    const headers = new Headers();
    for (const [name, value] of Object.entries(message.headers)) {
      if (typeof value === "string") headers.set(name, value);
    }
    const body = ReadableStream.from(bytesOf(message));
    resolve({ status: message.statusCode ?? 0, headers, body });
  });
  // Stays when the headers have come: breaking off in the body errors the request as well.
  sent.on("error", reject);
  sent.end();
  return promise;
}

/** Copies each chunk, so that nobody edits what Node may still use. */
async function* bytesOf(message: AsyncIterable<unknown>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of message) {
    if (chunk instanceof Uint8Array) yield new Uint8Array(chunk);
  }
}
