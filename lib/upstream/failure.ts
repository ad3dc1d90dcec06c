/** Turns what a request throws into an error that tells the operator what is wrong. */

import { MetricsError } from "../errors.ts";
import type { Complaint, Target } from "./complaint.ts";
import { detailOf } from "./detail.ts";
import { tlsFailure } from "./tls_failure.ts";

/** Longest text of an unknown failure, in characters: it goes into a log line and a reply. */
const MAX_DETAIL_LENGTH = 200;

const REFUSED_HINT = "Is vLLM running, and is the port right?";
const CLOSED_HINT = "Did vLLM stop, or is the port another service's?";
const CERTIFICATE_HINT = "Does it not accept the client certificate?";
const NETWORK_HINT = "Is the host up, and may this machine reach it?";

/**
 * What to look for, first match first. The words are those of Deno's `fetch`
 * (hyper, the operating system), then the codes of `node:https`.
 */
const COMPLAINTS: ReadonlyArray<readonly [RegExp, (target: Target, match: string) => Complaint]> = [
  [/Connection refused|os error (?:111|61|10061)\b|\bECONNREFUSED\b/, () => ({
    code: "UPSTREAM_REFUSED",
    text: "connection refused",
    hint: REFUSED_HINT,
  })],
  [/Temporary failure in name resolution|\bEAI_AGAIN\b/, ({ hostname }) => ({
    code: "UPSTREAM_DNS",
    text: `no name server answers for "${hostname}"`,
    hint: "Is the network up, and is the name server reachable?",
  })],
  [/\bdns error\b|\bENOTFOUND\b/, ({ hostname }) => ({
    code: "UPSTREAM_DNS",
    text: `host name "${hostname}" not found`,
    hint: "Is the name right? Between containers it is the name of vLLM's service.",
  })],
  [/os error (?:101|113|51|65|10051|10065)\b|\bE(?:HOST|NET)UNREACH\b/, () => ({
    code: "UPSTREAM_REFUSED",
    text: "no route to the host",
    hint: NETWORK_HINT,
  })],
  [/os error (?:110|60|10060)\b|\bETIMEDOUT\b/, () => ({
    code: "UPSTREAM_TIMEOUT",
    text: "the host does not answer",
    hint: NETWORK_HINT,
  })],
  [/Requests to port (\d+) are blocked/, (_, port) => ({
    code: "UPSTREAM_FAILED",
    text: `port ${port} is closed to HTTP clients`,
    hint: "The Fetch standard reserves it for another protocol: let vLLM listen on another port.",
  })],
  [/Requires net access to "([^"]+)"/, (_, address) => ({
    code: "UPSTREAM_FAILED",
    text: `the service has no permission to reach ${address}`,
    hint: "Start it with --allow-net.",
  })],
  [/message head is too large|\bHPE_HEADER_OVERFLOW\b/, () => ({
    code: "UPSTREAM_FAILED",
    text: "the header of the reply is too large",
    hint: "Is this vLLM's port?",
  })],
  [/invalid (?:HTTP|content-length|transfer-encoding|URI).* parsed|\bHPE_[A-Z_]+\b/, () => ({
    code: "UPSTREAM_FAILED",
    text: "the reply is not HTTP",
    hint: "Is the port right? A server that speaks TLS needs an address with https://.",
  })],
  [/closed before message completed|without sending TLS close_notify/, closed],
  [/(?:stream|connection|http2) error\b/, closed],
  [/os error (?:104|54|10054|32)\b|\bE(?:CONNRESET|PIPE)\b/, closed],
];

/**
 * Makes the error for a request that failed before its headers came.
 *
 * @param error What was thrown.
 * @param target What was asked.
 * @returns The error; its message and its cause hold no address and no header value.
 */
export function requestFailure(error: unknown, target: Target): MetricsError {
  if (error instanceof MetricsError) return error;
  const detail = detailOf(error);
  const { code, text, hint } = complaintOf(detail, target);
  return new MetricsError(code, `Cannot scrape "${target.label}": ${text}`, {
    hint,
    cause: new Error(detail),
  });
}

function closed({ hasCertificate }: Target): Complaint {
  return {
    code: "UPSTREAM_CLOSED",
    text: "the server closed the connection before it answered",
    // With TLS 1.3 a server may refuse a client certificate without a word.
    hint: hasCertificate ? `${CLOSED_HINT} ${CERTIFICATE_HINT}` : CLOSED_HINT,
  };
}

function complaintOf(detail: string, target: Target): Complaint {
  const tls = tlsFailure(detail, target);
  if (tls !== undefined) return tls;
  for (const [pattern, complain] of COMPLAINTS) {
    const match = pattern.exec(detail);
    if (match !== null) return complain(target, match[1] ?? "");
  }
  const text = detail.slice(0, MAX_DETAIL_LENGTH);
  return { code: "UPSTREAM_FAILED", text: text === "" ? "the request failed" : text, hint: "" };
}
