/** Errors for replies that came, and are not what was asked for. */

import { STATUS_TEXT } from "@std/http/status";
import { MetricsError } from "../errors.ts";
import type { Target } from "./complaint.ts";

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

/**
 * Makes the error for a status other than 200.
 *
 * @param status The status.
 * @param target What was asked.
 * @returns The error.
 */
export function wrongStatus(status: number, target: Target): MetricsError {
  const texts: Readonly<Record<number, string>> = STATUS_TEXT;
  const text = texts[status];
  const hint = status === 401 && target.hasCredentials
    ? "The credentials were not accepted: check VLLM_BEARER_TOKEN or VLLM_USERNAME/VLLM_PASSWORD."
    : STATUS_HINTS[status] ?? STATUS_HINTS[Math.floor(status / 100)] ?? "";
  return new MetricsError(
    "UPSTREAM_STATUS",
    `Cannot scrape "${target.label}": status ${status}${text === undefined ? "" : ` ${text}`}`,
    { hint },
  );
}

/**
 * Makes the error for a redirect that leaves the origin.
 *
 * @param label The URL for people.
 * @param to Where it leads; null when that is no address.
 * @returns The error; it names the origin alone.
 */
export function foreignRedirect(label: string, to: URL | null): MetricsError {
  // The origin of an address without a host, such as `data:`, is the word "null".
  const origin = to === null || to.origin === "null" ? undefined : to.origin;
  const where = origin === undefined ? "what is no HTTP address" : `another server, "${origin}"`;
  return new MetricsError("UPSTREAM_REDIRECT", `Cannot scrape "${label}": redirected to ${where}`, {
    hint: origin === undefined
      ? ""
      : "Credentials stay with the server they are for: set VLLM_METRICS_URL to that server " +
        "if it is the right one.",
  });
}

/**
 * Makes the error for a chain of redirects without an end.
 *
 * @param label The URL for people.
 * @param limit How many were followed.
 * @returns The error.
 */
export function tooManyRedirects(label: string, limit: number): MetricsError {
  return new MetricsError(
    "UPSTREAM_REDIRECT",
    `Cannot scrape "${label}": redirected more than ${limit} times`,
    { hint: "Is the path right? vLLM has its metrics at /metrics." },
  );
}

/**
 * Makes the error for a body over the limit.
 *
 * @param label The URL for people.
 * @param limitBytes The limit.
 * @param bytes The size, when the reply named it.
 * @returns The error.
 */
export function tooLarge(label: string, limitBytes: number, bytes?: number): MetricsError {
  const size = bytes === undefined ? "" : `${bytes} bytes, `;
  return new MetricsError(
    "UPSTREAM_TOO_LARGE",
    `Cannot scrape "${label}": the body is too large, ${size}allowed are ${limitBytes}`,
    { hint: "Set MAX_BODY_BYTES higher if these are vLLM's metrics." },
  );
}

/**
 * Makes the error for a coding that cannot be undone.
 *
 * @param label The URL for people.
 * @returns The error.
 */
export function unknownCoding(label: string): MetricsError {
  return new MetricsError(
    "UPSTREAM_FAILED",
    `Cannot scrape "${label}": the body is compressed in a way that was not asked for`,
    { hint: "Let what stands in front of vLLM send it plain, or as gzip, deflate or br." },
  );
}

/**
 * Makes the error for a compressed body that is damaged.
 *
 * @param label The URL for people.
 * @param coding The coding.
 * @returns The error.
 */
export function badCoding(label: string, coding: string): MetricsError {
  return new MetricsError(
    "UPSTREAM_FAILED",
    `Cannot scrape "${label}": the body does not decompress as ${coding}`,
  );
}
