/**
 * Requests that `fetch` cannot make: without a look at the server's certificate, or over TLS to an
 * address that is not the one its name resolves to.
 *
 * `Deno.createHttpClient` has no setting for the first, and no TLS on a connection made elsewhere.
 * `node:https` can do both for the connections of one agent.
 */

import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { isIPv6 } from "node:net";
import type { UpstreamConfig } from "../config/config.ts";
import { tooLarge } from "./reply_failure.ts";
import type { Reply, Transport } from "./transport.ts";

/** Gives the address that was found before, in the place of a look-up. */
function lookupOf(address: string): NonNullable<Parameters<typeof request>[1]["lookup"]> {
  const family = isIPv6(address) ? 6 : 4;
  return (_hostname, options, callback): void => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

/**
 * Makes a transport for `https:`.
 *
 * @param config The authorities, the client certificate, whether to verify, and the largest body.
 * @param headers The header fields of each request.
 * @param address Where to connect to; without it, where the URL's host name leads. The
 *   certificate must be for the host name in either case.
 * @returns The transport. It trusts the configured authorities and no others.
 */
export function createNodeTransport(
  config: UpstreamConfig,
  headers: Headers,
  address?: string,
): Transport {
  const { cert, key, caCerts, skipVerify } = config.tls;
  const agent = new Agent({
    keepAlive: true,
    rejectUnauthorized: !skipVerify,
    // Without it Node collects the authorities of the system, for which Deno wants --allow-sys.
    ca: caCerts === undefined ? [] : [caCerts],
    ...(cert === undefined || key === undefined ? {} : { cert, key: key.reveal() }),
  });
  const fields = Object.fromEntries(headers);
  const lookup = address === undefined ? {} : { lookup: lookupOf(address) };
  function get(url: URL, signal: AbortSignal): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const sent = request(url, { agent, headers: fields, signal, ...lookup }, (message) => {
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
