/** Error messages of scrapes. */

import { STATUS_TEXT } from "@std/http/status";
import { type ErrorCode, MetricsError } from "../errors.ts";
import { NetError, type NetErrorKind, type RequestTarget, toNetError } from "../net/net_error.ts";

const CODES: Readonly<Record<NetErrorKind, ErrorCode>> = {
  refused: "UPSTREAM_REFUSED",
  dns: "UPSTREAM_DNS",
  tls: "UPSTREAM_TLS",
  timeout: "UPSTREAM_TIMEOUT",
  redirect: "UPSTREAM_REDIRECT",
  tooLarge: "UPSTREAM_TOO_LARGE",
  closed: "UPSTREAM_CLOSED",
  failed: "UPSTREAM_FAILED",
  aborted: "READER_GONE",
  slow: "READER_SLOW",
};

/** What to do about a status; a class of statuses stands under its first digit. */
const STATUS_HINTS: Readonly<Record<string, string>> = {
  "401": "The server wants credentials: set VLLM_BEARER_TOKEN or VLLM_USERNAME/VLLM_PASSWORD.",
  "403": "The server knows the caller and refuses: do the credentials allow reading metrics?",
  "404": "Is the path right? vLLM has its metrics at /metrics.",
  "405": "Is the path right? vLLM has its metrics at /metrics.",
  "407": "A proxy on the way wants credentials.",
  "429": "The server is asked too often: scrape less often.",
  "502": "A gateway answered in place of vLLM: is vLLM running behind it?",
  "503": "vLLM may still be starting.",
  "504": "A gateway answered in place of vLLM: is vLLM running behind it?",
  "5": "The log of vLLM tells why.",
};

/** The error for what a scrape threw. */
export function scrapeError(label: string, error: unknown): MetricsError {
  if (error instanceof MetricsError) return error;
  if (!(error instanceof NetError)) {
    return new MetricsError("UPSTREAM_FAILED", `Cannot scrape "${label}": an unexpected error`, {
      cause: error,
    });
  }
  const { kind, message, hint } = error;
  const action = kind === "aborted" || kind === "slow"
    ? "Cannot finish the scrape of"
    : "Cannot scrape";
  return new MetricsError(CODES[kind], `${action} "${label}": ${message}`, { hint, cause: error });
}

/** The error for a connection that failed. */
export function requestFailure(
  error: unknown,
  target: RequestTarget & { readonly label: string },
): MetricsError {
  if (error instanceof MetricsError) return error;
  return scrapeError(target.label, toNetError(error, target));
}

/** The error for a status other than 200. */
export function statusError(label: string, status: number, hasCredentials: boolean): MetricsError {
  const texts: Readonly<Record<number, string>> = STATUS_TEXT;
  const text = texts[status];
  const hint = status === 401 && hasCredentials
    ? "The credentials were not accepted: check VLLM_BEARER_TOKEN or VLLM_USERNAME/VLLM_PASSWORD."
    : STATUS_HINTS[status] ?? STATUS_HINTS[Math.floor(status / 100)] ?? "";
  return new MetricsError(
    "UPSTREAM_STATUS",
    `Cannot scrape "${label}": status ${status}${text === undefined ? "" : ` ${text}`}`,
    { hint },
  );
}
