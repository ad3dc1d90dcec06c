/** Plain answers: a sentence and its status. */

import { STATUS_CODE, STATUS_TEXT, type StatusCode } from "@std/http/status";
import type { MetricsError } from "../errors.ts";

/** Seconds after which a reader may try again what passes by itself. */
const RETRY_AFTER_SECONDS = 1;

/**
 * A sentence as plain text.
 *
 * @param status The HTTP status.
 * @param sentence The text; without it the status' own words.
 * @param headers More headers.
 * @returns The response, with a line feed behind the sentence.
 */
export function textResponse(
  status: StatusCode,
  sentence: string = STATUS_TEXT[status],
  headers: Record<string, string> = {},
): Response {
  return new Response(`${sentence}\n`, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}

/** An error as its sentence and its status. */
export function errorResponse(error: MetricsError): Response {
  const headers = error.status === STATUS_CODE.ServiceUnavailable
    ? { "retry-after": String(RETRY_AFTER_SECONDS) }
    : {};
  return textResponse(error.status, error.sentence, headers);
}
