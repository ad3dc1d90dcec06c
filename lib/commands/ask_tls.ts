/** Asks the service on this machine over TLS; loaded by those alone who have a certificate. */

import { request } from "node:https";

/** What the service answered. */
export interface ReadyAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** The body. */
  readonly text: string;
}

/**
 * Sends a GET request and takes any certificate: it is for the name by which
 * others know the service, the way does not leave this machine, and nothing
 * secret is sent. That a certificate is old is no reason to restart the service.
 *
 * @param url The address.
 * @param signal Ends it when it takes too long.
 * @returns The answer.
 * @throws {Error} When there is none.
 */
export function askTls(url: string, signal: AbortSignal): Promise<ReadyAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ReadyAnswer>();
  // Without `ca` Node collects the authorities of the system, for which Deno wants --allow-sys.
  const options = { rejectUnauthorized: false, ca: [], agent: false as const, signal };
  const sent = request(url, options, (message) => {
    let text = "";
    message.setEncoding("utf8");
    message.on("data", (piece: string) => text += piece);
    message.on("end", () => resolve({ status: message.statusCode ?? 0, text }));
    message.on("error", reject);
  });
  sent.on("error", reject);
  sent.end();
  return promise;
}
