/** Why there is no connection to Parseable, in words that may be shown. */

import { detailOf } from "../upstream/detail.ts";
import { tlsFailure } from "../upstream/tls_failure.ts";

/** What to look for in the words of Deno's `fetch` and of `node:https`, first match first. */
const REASONS: ReadonlyArray<readonly [RegExp, string]> = [
  [/refused|\bECONNREFUSED\b/i, "connection refused"],
  [/\bdns error\b|\bENOTFOUND\b|\bEAI_AGAIN\b/, "its name cannot be resolved"],
  [/os error (?:101|113|51|65)\b|\bE(?:HOST|NET)UNREACH\b/, "no route to the host"],
];

/**
 * Puts a failed request into words.
 *
 * @param error What was thrown.
 * @returns The reason, without address and without full stop.
 */
export function connectionReason(error: unknown): string {
  const detail = detailOf(error);
  const tls = tlsFailure(detail, {
    label: "",
    hostname: "",
    hasCredentials: false,
    hasCertificate: false,
  });
  if (tls !== undefined) return tls.text;
  return REASONS.find(([pattern]) => pattern.test(detail))?.[1] ?? "the connection broke off";
}
