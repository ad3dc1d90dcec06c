/** What all routes share: the path of a request, and plain text responses. */

import { STATUS_CODE, STATUS_TEXT, type StatusCode } from "@std/http/status";
import type { MetricsError } from "../errors.ts";
import { terminalText } from "../terminal_text.ts";

/** Answers requests. */
export type Route = (request: Request) => Response | Promise<Response>;

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

/**
 * Names, addresses and ports (RFC 3986, section 3.2). The runtime builds the URL from the client's
 * Host field as it is: with `x/health?` in it, the path would not be the requested one.
 */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]*$/;

/** Reads the path of a request; undefined when its Host field is not valid. */
export function requestPath(request: Request): string | undefined {
  // HTTP/2 has no such field; the runtime has checked its counterpart.
  if (!HOST.test(request.headers.get("host") ?? "")) return undefined;
  return URL.parse(request.url)?.pathname;
}

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
export function errorResponse({ status, sentence }: MetricsError): Response {
  // What passes by itself may be tried again after a second.
  const isBusy = status === STATUS_CODE.ServiceUnavailable;
  return textResponse(status, sentence, isBusy ? { "retry-after": "1" } : {});
}
