/**
 * Requests that `fetch` cannot make: without verifying the server's certificate, or to an address
 * other than the one its name resolves to. `Deno.createHttpClient` has no setting for the first,
 * and no TLS on a connection made elsewhere.
 */

import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { isIPv6 } from "node:net";
import { type Bytes, tooLargeError } from "./body.ts";
import type { ClientOptions, Send } from "./client.ts";

/** Returns a known address instead of a lookup. */
function lookupOf(address: string): NonNullable<Parameters<typeof requestHttps>[1]["lookup"]> {
  const family = isIPv6(address) ? 6 : 4;
  return (_hostname, options, callback): void => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

/** Creates a transport for `http:` and `https:`. Disposing it closes its idle connections. */
export function createNodeTransport(
  { tls, address }: ClientOptions,
): { readonly send: Send } & Disposable {
  const { cert, key, caCerts, skipVerify = false } = tls ?? {};
  const http = new HttpAgent({ keepAlive: true });
  const https = new HttpsAgent({
    keepAlive: true,
    rejectUnauthorized: !skipVerify,
    // Without it Node collects the authorities of the system, for which Deno wants --allow-sys.
    ca: caCerts === undefined ? [] : [caCerts],
    ...(cert === undefined || key === undefined ? {} : { cert, key: key.reveal() }),
  });
  const lookup = address === undefined ? {} : { lookup: lookupOf(address) };
  return {
    send(url, { method, headers, body, signal, maxBytes }): ReturnType<Send> {
      const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<Send>>>();
      const fields = Object.fromEntries(headers);
      if (body !== undefined) fields["content-length"] = String(body.length);
      const options = { method, headers: fields, signal, ...lookup };
      const receive = (message: IncomingMessage): void =>
        resolve({
          status: message.statusCode ?? 0,
          headers: headersOf(message),
          body: bodyOf(message, maxBytes),
        });
      const sent = url.protocol === "https:"
        ? requestHttps(url, { ...options, agent: https }, receive)
        : requestHttp(url, { ...options, agent: http }, receive);
      // Also after the headers have come: breaking off later errors the request once more.
      sent.on("error", reject);
      sent.end(body);
      return promise;
    },
    [Symbol.dispose](): void {
      http.destroy();
      https.destroy();
    },
  };
}

function headersOf(message: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    if (typeof value === "string") headers.set(name, value);
  }
  return headers;
}

/**
 * Takes the bytes as they come and never pauses the connection: once it has been paused, Deno 2.9.6
 * does not notice its end any more. So the body of a slow client waits in memory, up to its limit.
 */
function bodyOf(message: IncomingMessage, maxBytes: number): ReadableStream<Bytes> {
  let bodyBytes = 0;
  // Node emits events for a while after the stream has ended; they are ignored.
  let isOpen = true;
  return new ReadableStream({
    start(controller): void {
      function fail(error: Error): void {
        if (isOpen) controller.error(error);
        isOpen = false;
      }
      message.on("data", (chunk: Uint8Array) => {
        if (!isOpen) return;
        bodyBytes += chunk.byteLength;
        // A copy, so that nobody edits what Node may still use.
        if (bodyBytes <= maxBytes) return controller.enqueue(new Uint8Array(chunk));
        fail(tooLargeError(maxBytes));
        message.destroy();
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
