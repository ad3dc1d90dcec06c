/**
 * Requests that do not verify the certificate of the server.
 *
 * `Deno.createHttpClient` has no such setting, and the command line's applies to
 * the whole process. `node:https` can do it for the connections of one agent.
 */

import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { UpstreamConfig } from "../config/config.ts";
import { tooLarge } from "./reply_failure.ts";
import type { Reply, Transport } from "./transport.ts";

/**
 * Makes a transport that talks to any server, whatever its certificate.
 *
 * @param config The client certificate and the largest body.
 * @param headers The header fields of each request.
 * @returns The transport.
 */
export function createInsecureTransport(config: UpstreamConfig, headers: Headers): Transport {
  const { cert, key } = config.tls;
  const agent = new Agent({
    keepAlive: true,
    rejectUnauthorized: false,
    // Without it Node collects the authorities of the system, for which Deno wants --allow-sys.
    ca: [],
    ...(cert === undefined || key === undefined ? {} : { cert, key: key.reveal() }),
  });
  const fields = Object.fromEntries(headers);
  function get(url: URL, signal: AbortSignal): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const sent = request(url, { agent, headers: fields, signal }, (message) => {
      resolve({
        status: message.statusCode ?? 0,
        headers: headersOf(message),
        body: bodyOf(message, config),
      });
    });
    // Also there when the headers have come: breaking off later errors the request once more.
    sent.on("error", reject);
    sent.end();
    return promise;
  }
  return { get, [Symbol.dispose]: () => agent.destroy() };
}

function headersOf(message: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    if (typeof value === "string") headers.set(name, value);
  }
  return headers;
}

/**
 * Takes the bytes as they come and never pauses the connection: once it has
 * been paused, Deno 2.9.6 does not notice its end any more. So a slow reader
 * makes the body wait in memory, up to the largest body.
 */
function bodyOf(
  message: IncomingMessage,
  { label, maxBodyBytes }: UpstreamConfig,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let bodyBytes = 0;
  // Node's events go on for a while after the stream has ended, and then nobody may hear of them.
  let isOpen = true;
  return new ReadableStream({
    start(controller): void {
      function fail(error: Error): void {
        if (!isOpen) return;
        isOpen = false;
        controller.error(error);
      }
      message.on("data", (chunk: Uint8Array) => {
        if (!isOpen) return;
        bodyBytes += chunk.byteLength;
        if (bodyBytes > maxBodyBytes) {
          fail(tooLarge(label, maxBodyBytes));
          message.destroy();
          return;
        }
        // A copy, so that nobody edits what Node may still use.
        controller.enqueue(new Uint8Array(chunk));
      });
      message.on("end", () => {
        if (isOpen) controller.close();
        isOpen = false;
      });
      message.on("error", fail);
    },
    cancel(): void {
      isOpen = false;
      message.destroy();
    },
  }, { highWaterMark: 0 });
}
