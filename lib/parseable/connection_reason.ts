/** Why there is no connection to Parseable, in words that may be shown. */

import { toNetError } from "../net/net_error.ts";

/**
 * Puts a failed request into words.
 *
 * @param error What was thrown.
 * @returns The reason, without address and without full stop.
 */
export function connectionReason(error: unknown): string {
  const { kind, message } = toNetError(error, { hostname: "", hasCertificate: false });
  if (kind === "tls" || kind === "refused") return message;
  return kind === "dns" ? "its name cannot be resolved" : "the connection broke off";
}
