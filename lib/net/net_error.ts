/** Errors of requests, with one table of texts for what connections and TLS can do wrong. */

import { tlsError } from "./tls_error.ts";

/** What kind of failure it is. */
export type NetErrorKind =
  | "refused"
  | "dns"
  | "tls"
  | "timeout"
  | "redirect"
  | "tooLarge"
  | "closed"
  | "failed"
  /** The caller's signal aborted. */
  | "aborted"
  /** The time is up because the caller reads too slowly. */
  | "slow";

/** A request that failed. Neither the message nor the cause holds an address or a header value. */
export class NetError extends Error {
  /** What kind of failure it is. */
  readonly kind: NetErrorKind;
  /** What to do about it; empty when there is nothing to add. */
  readonly hint: string;

  /**
   * Creates the error.
   *
   * @param kind What kind of failure it is.
   * @param text What is wrong, without a full stop: `connection refused`.
   * @param options The hint, and the cause.
   */
  constructor(kind: NetErrorKind, text: string, options: ErrorOptions & { hint?: string } = {}) {
    super(text, options);
    this.name = "NetError";
    this.kind = kind;
    this.hint = options.hint ?? "";
  }
}

/** What the texts need to know of a request. */
export interface RequestTarget {
  /** The host name. */
  readonly hostname: string;
  /** Whether a client certificate is sent. */
  readonly hasCertificate: boolean;
}

/** A row of the table: kind, text and hint. */
export interface ErrorText {
  /** What kind of failure it is. */
  readonly kind: NetErrorKind;
  /** What is wrong. */
  readonly text: string;
  /** What to do about it. */
  readonly hint: string;
}

/** Longest text of an unknown failure, in characters: it goes into a log line and a response. */
const MAX_DETAIL_LENGTH = 200;
/** Longest chain of causes that is read. */
const MAX_CAUSES = 8;

const CLOSED_HINT = "Did vLLM stop, or is the port another service's?";
const CERTIFICATE_HINT = "Does it not accept the client certificate?";
const NETWORK_HINT = "Is the host up, and may this machine reach it?";

/**
 * What to look for, first match first. The words are those of Deno's `fetch` (hyper, the operating
 * system), then the codes of `node:https`.
 */
const TEXTS: ReadonlyArray<readonly [RegExp, (target: RequestTarget, match: string) => ErrorText]> =
  [
    [/Connection refused|os error (?:111|61|10061)\b|\bECONNREFUSED\b/, () => ({
      kind: "refused",
      text: "connection refused",
      hint: "Is vLLM running, and is the port right?",
    })],
    [/Temporary failure in name resolution|\bEAI_AGAIN\b/, ({ hostname }) => ({
      kind: "dns",
      text: `no name server answers for "${hostname}"`,
      hint: "Is the network up, and is the name server reachable?",
    })],
    [/\bdns error\b|\bENOTFOUND\b/, ({ hostname }) => ({
      kind: "dns",
      text: `host name "${hostname}" not found`,
      hint: "Is the name right? Between containers it is the name of vLLM's service.",
    })],
    [/os error (?:101|113|51|65|10051|10065)\b|\bE(?:HOST|NET)UNREACH\b/, () => ({
      kind: "refused",
      text: "no route to the host",
      hint: NETWORK_HINT,
    })],
    [/os error (?:110|60|10060)\b|\bETIMEDOUT\b/, () => ({
      kind: "timeout",
      text: "the host does not answer",
      hint: NETWORK_HINT,
    })],
    [/Requests to port (\d+) are blocked/, (_, port) => ({
      kind: "failed",
      text: `port ${port} is closed to HTTP clients`,
      hint: "The Fetch standard reserves it for another protocol: let vLLM listen on another port.",
    })],
    [/Requires net access to "([^"]+)"/, (_, address) => ({
      kind: "failed",
      text: `the service has no permission to reach ${address}`,
      hint: "Start it with --allow-net.",
    })],
    [/message head is too large|\bHPE_HEADER_OVERFLOW\b/, () => ({
      kind: "failed",
      text: "the header of the reply is too large",
      hint: "Is this vLLM's port?",
    })],
    [/invalid (?:HTTP|content-length|transfer-encoding|URI).* parsed|\bHPE_[A-Z_]+\b/, () => ({
      kind: "failed",
      text: "the reply is not HTTP",
      hint: "Is the port right? A server that speaks TLS needs an address with https://.",
    })],
    [/closed before message completed|without sending TLS close_notify/, closed],
    [/(?:stream|connection|http2) error\b/, closed],
    [/os error (?:104|54|10054|32)\b|\bE(?:CONNRESET|PIPE)\b/, closed],
  ];

function closed({ hasCertificate }: RequestTarget): ErrorText {
  return {
    kind: "closed",
    text: "the server closed the connection before it answered",
    // With TLS 1.3 a server may refuse a client certificate without a word.
    hint: hasCertificate ? `${CLOSED_HINT} ${CERTIFICATE_HINT}` : CLOSED_HINT,
  };
}

/**
 * Describes a request that failed before its headers came.
 *
 * @param error What was thrown.
 * @param target What was requested.
 * @returns The error; one that is a `NetError` already is returned as it is.
 */
export function toNetError(error: unknown, target: RequestTarget): NetError {
  if (error instanceof NetError) return error;
  const detail = detailOf(error);
  const { kind, text, hint } = textOf(detail, target);
  return new NetError(kind, text, { hint, cause: new Error(detail) });
}

function textOf(detail: string, target: RequestTarget): ErrorText {
  const tls = tlsError(detail, target);
  if (tls !== undefined) return { kind: "tls", ...tls };
  for (const [pattern, describe] of TEXTS) {
    const match = pattern.exec(detail);
    if (match !== null) return describe(target, match[1] ?? "");
  }
  const text = detail.slice(0, MAX_DETAIL_LENGTH);
  return { kind: "failed", text: text === "" ? "the request failed" : text, hint: "" };
}

/**
 * Collects the words of an error and of its causes, without what may be secret
 * in them: `fetch` writes the whole URL, query and all, into its messages.
 */
function detailOf(error: unknown): string {
  const words: string[] = [];
  collect(error, words, MAX_CAUSES);
  return words.join(": ")
    .replace(/ ?\bfrom \S+ for \S+(?: \([^)]*\))?| ?\bfor url \(\S+\)/g, "")
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/\S*/gi, "(address)")
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim();
}

function collect(error: unknown, words: string[], depth: number): void {
  if (!(error instanceof Error) || depth === 0) return;
  // Node's errors have their kind in `code`; their messages change between versions.
  if ("code" in error && typeof error.code === "string") words.push(error.code);
  if (error.message !== "" && error.message !== "fetch failed") words.push(error.message);
  if (error instanceof AggregateError) {
    for (const each of error.errors) collect(each, words, depth - 1);
  }
  collect(error.cause, words, depth - 1);
}
