/** Errors of requests, with the texts for what connections and TLS can do wrong. */

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

  /** Creates the error. */
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

/** Describes a request that failed before its headers came. */
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

const TRUST_HINT = "Set VLLM_TLS_CA_FILE to the certificate of the authority that signed it.";
const CLIENT_HINT = "Set VLLM_TLS_CERT_FILE and VLLM_TLS_KEY_FILE.";

/** Alerts by which a server says that it does not like the client's certificate (RFC 8446, 6.2). */
const CERTIFICATE_ALERTS: ReadonlySet<string> = new Set([
  "AccessDenied",
  "BadCertificate",
  "CertificateExpired",
  "CertificateRequired",
  "CertificateRevoked",
  "CertificateUnknown",
  "UnknownCA",
  "UnsupportedCertificate",
]);

/** What `node:https` says of a certificate that it does not take. */
const NODE_CODES =
  /\b(?:UNABLE_TO_(?:VERIFY|GET)\w+|\w*SELF_SIGNED_CERT\w*|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID)\b/;

type TlsText = Omit<ErrorText, "kind">;

/**
 * Recognizes a TLS failure by the words of rustls, which both `fetch` and `node:https` use here.
 */
function tlsError(detail: string, target: RequestTarget): TlsText | undefined {
  return certificateFailure(detail) ?? nodeFailure(detail, target) ??
    alertFailure(detail, target) ?? handshakeFailure(detail);
}

function certificateFailure(detail: string): TlsText | undefined {
  const problem = /invalid peer certificate: (.+)/.exec(detail)?.[1];
  if (problem === undefined) return undefined;
  if (problem.startsWith("UnknownIssuer")) {
    return { text: "the certificate is from an unknown authority", hint: TRUST_HINT };
  }
  if (problem.includes("CaUsedAsEndEntity")) {
    return {
      text: "the certificate is an authority's, not a server's",
      hint: 'Was it made with "openssl req -x509"? Add -addext basicConstraints=critical,CA:FALSE.',
    };
  }
  if (problem.includes("UnsupportedCertVersion")) {
    return {
      text: "the certificate is of an old version",
      hint: "Make one of version 3, with the host name under subjectAltName.",
    };
  }
  if (/expired/i.test(problem)) {
    return {
      text: `the certificate expired${onDay(/not valid after (\d+)/.exec(problem))}`,
      hint: "Renew the certificate of the server, or set the clock of this machine.",
    };
  }
  if (/not valid yet|NotValidYet/.test(problem)) {
    return {
      text: `the certificate becomes valid only${onDay(/not valid before (\d+)/.exec(problem))}`,
      hint: "Is the clock of this machine right?",
    };
  }
  if (/not valid for name|NotValidForName/.test(problem)) return wrongHost(problem);
  const kind = /^(?:Other\()*(?:OtherError\()?(\w+)/.exec(problem)?.[1];
  return { text: `the certificate is not valid (${kind ?? "no reason given"})`, hint: "" };
}

function nodeFailure(detail: string, { hostname }: RequestTarget): TlsText | undefined {
  const code = NODE_CODES.exec(detail)?.[0];
  if (code === undefined) return undefined;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const names = /.*altnames: (.*)/.exec(detail)?.[1];
    return {
      text: `the certificate is not for "${hostname}"`,
      hint: names === undefined ? "" : `It is for ${names}.`,
    };
  }
  return {
    text: "the certificate is from an unknown authority, or not of today",
    hint: "Is the certificate of the authority that signed it in VLLM_TLS_CA_FILE, and still good?",
  };
}

function wrongHost(problem: string): TlsText {
  const asked = /for name "([^"]+)"/.exec(problem)?.[1];
  const names = [...problem.matchAll(/(?:DnsName|IpAddress)\("?([^")]+)"?\)/g)]
    .map((match) => `"${match[1]}"`);
  return {
    text: `the certificate is not for ${asked === undefined ? "this host" : `"${asked}"`}`,
    hint: names.length === 0 ? "" : `It is for ${names.join(", ")}.`,
  };
}

function alertFailure(detail: string, target: RequestTarget): TlsText | undefined {
  const alert = /received fatal alert: (\w+)/.exec(detail)?.[1];
  if (alert === undefined) return undefined;
  if (alert === "ProtocolVersion") {
    return { text: "the server speaks no TLS of today", hint: "TLS 1.2 or 1.3 is needed." };
  }
  if (CERTIFICATE_ALERTS.has(alert)) {
    return target.hasCertificate
      ? {
        text: `the server does not accept the client certificate (${alert})`,
        hint: "Is the certificate in VLLM_TLS_CERT_FILE from the authority that the server trusts?",
      }
      : { text: "the server wants a client certificate", hint: CLIENT_HINT };
  }
  // A server with TLS 1.2 says no more than this when the client certificate is missing.
  const hint = alert === "HandshakeFailure" && !target.hasCertificate
    ? `Does the server want a client certificate? ${CLIENT_HINT}`
    : "";
  return { text: `the server broke the TLS handshake off (${alert})`, hint };
}

function handshakeFailure(detail: string): TlsText | undefined {
  if (/received corrupt message|WRONG_VERSION_NUMBER/.test(detail)) {
    return {
      text: "the server does not speak TLS",
      hint: "Is the port right, or should the address begin with http://?",
    };
  }
  if (/tls handshake eof/i.test(detail)) {
    return {
      text: "the server closed the connection during the TLS handshake",
      hint: "Is the port right, and does it speak TLS?",
    };
  }
  return undefined;
}

/** Says a day as ` on 2002-01-01`; nothing when the time is missing or past what a date holds. */
function onDay(match: RegExpExecArray | null): string {
  const date = new Date(Number(match?.[1]) * 1000);
  return Number.isNaN(date.getTime()) ? "" : ` on ${date.toISOString().slice(0, 10)}`;
}
