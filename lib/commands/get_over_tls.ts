/** Asks the service on this machine over TLS; loaded by those alone who have a certificate. */

import { request } from "node:https";
import { Readable } from "node:stream";

/**
 * Sends a GET request and takes any certificate: it is for the name by which others know the
 * service, and the way does not leave this machine. That a certificate is old is no reason to
 * restart the service.
 *
 * @param url The address.
 * @param headers The header fields.
 * @param signal Breaks it off, in the body too.
 * @returns The answer, once its headers are there.
 * @throws {Error} When there is none.
 */
export function getOverTls(url: string, headers: Headers, signal: AbortSignal): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const sent = request(url, {
    rejectUnauthorized: false,
    // Without `ca` Node collects the authorities of the system, for which Deno wants --allow-sys.
    ca: [],
    agent: false,
    headers: Object.fromEntries(headers),
    signal,
  }, (message) => {
    const body = ReadableStream.from<Uint8Array<ArrayBuffer>>(Readable.from(message));
    resolve(new Response(body, { status: message.statusCode ?? 502 }));
  });
  sent.on("error", reject);
  sent.end();
  return promise;
}
