/** Plain text responses, and the header fields of all responses for people. */

import { STATUS_CODE, STATUS_TEXT, type StatusCode } from "@std/http/status";
import type { MetricsError } from "../errors.ts";
import { terminalText } from "../terminal_text.ts";

/** Seconds after which a client may retry what passes by itself. */
const RETRY_AFTER_SECONDS = 1;

/**
 * Keeps a browser from guessing another type, telling other sites where it was, showing the
 * response in a frame of theirs (for browsers without `frame-ancestors`), and handing it to them.
 */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin",
};

/** A sentence as plain text, without characters that could steer a terminal. */
export function textResponse(
  status: StatusCode,
  sentence: string = STATUS_TEXT[status],
  headers: Record<string, string> = {},
): Response {
  const shown = sentence.split("\n").map(terminalText).join("\n");
  return new Response(`${shown}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...SAFE_HEADERS, ...headers },
  });
}

/** An error as its sentence and its status. */
export function errorResponse(error: MetricsError): Response {
  const headers = error.status === STATUS_CODE.ServiceUnavailable
    ? { "retry-after": String(RETRY_AFTER_SECONDS) }
    : {};
  return textResponse(error.status, error.sentence, headers);
}
