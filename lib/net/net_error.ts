/** Errors of requests, and the table of texts for what connections and TLS can do wrong. */

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

/** What is wrong, and what to do about it. */
type Words = readonly [text: string, hint: string];
/** What to look for, and the words for it. */
type Row = readonly [
  pattern: RegExp,
  kind: NetErrorKind,
  words: Words | ((match: RegExpExecArray, target: RequestTarget) => Words),
];

/** Longest text of an unknown failure, in characters: it goes into a log line and a response. */
const MAX_DETAIL_LENGTH = 200;
/** Longest chain of causes that is read. */
const MAX_CAUSES = 8;

const NETWORK_HINT = "Is the host up, and may this machine reach it?";
const TRUST_HINT = "Set VLLM_TLS_CA_FILE to the certificate of the authority that signed it.";
const CLIENT_HINT = "Set VLLM_TLS_CERT_FILE and VLLM_TLS_KEY_FILE.";

/**
 * First match first. The words are those of rustls, which both `fetch` and `node:https` use here,
 * of hyper and the operating system behind `fetch`, and the codes of `node:https`.
 */
const ROWS: readonly Row[] = [
  [/invalid peer certificate: UnknownIssuer/, "tls", [
    "the certificate is from an unknown authority",
    TRUST_HINT,
  ]],
  [/invalid peer certificate: .*CaUsedAsEndEntity/, "tls", [
    "the certificate is an authority's, not a server's",
    'Was it made with "openssl req -x509"? Add -addext basicConstraints=critical,CA:FALSE.',
  ]],
  [/invalid peer certificate: .*UnsupportedCertVersion/, "tls", [
    "the certificate is of an old version",
    "Make one of version 3, with the host name under subjectAltName.",
  ]],
  [/invalid peer certificate: .*expired(?:.*not valid after (\d+))?/i, "tls", ([, seconds]) => [
    `the certificate expired${onDay(seconds)}`,
    "Renew the certificate of the server, or set the clock of this machine.",
  ]],
  [
    /invalid peer certificate: .*(?:not valid yet|NotValidYet)(?:.*not valid before (\d+))?/,
    "tls",
    ([, seconds]) => [
      `the certificate becomes valid only${onDay(seconds)}`,
      "Is the clock of this machine right?",
    ],
  ],
  [/invalid peer certificate: .*(?:not valid for name|NotValidForName).*/, "tls", ([problem]) => {
    const asked = /for name "[^"]+"/.exec(problem)?.[0].slice("for name ".length) ?? "this host";
    const names = [...problem.matchAll(/(?:DnsName|IpAddress)\("?([^")]+)"?\)/g)]
      .map((match) => `"${match[1]}"`);
    const hint = names.length === 0 ? "" : `It is for ${names.join(", ")}.`;
    return [`the certificate is not for ${asked}`, hint];
  }],
  [
    /invalid peer certificate: (?:Other\()*(?:OtherError\()?(\w+)?/,
    "tls",
    ([, kind = "no reason given"]) => [`the certificate is not valid (${kind})`, ""],
  ],
  [/\bERR_TLS_CERT_ALTNAME_INVALID\b(?:.*altnames: (.*))?/, "tls", ([, names], { hostname }) => [
    `the certificate is not for "${hostname}"`,
    names === undefined ? "" : `It is for ${names}.`,
  ]],
  [/\b(?:UNABLE_TO_(?:VERIFY|GET)\w+|\w*SELF_SIGNED_CERT\w*|CERT_\w+)\b/, "tls", [
    "the certificate is from an unknown authority, or not of today",
    "Is the certificate of the authority that signed it in VLLM_TLS_CA_FILE, and still good?",
  ]],
  [/received fatal alert: ProtocolVersion/, "tls", [
    "the server speaks no TLS of today",
    "TLS 1.2 or 1.3 is needed.",
  ]],
  [
    // By these a server says that it does not like the client's certificate (RFC 8446, 6.2).
    /received fatal alert: (AccessDenied|BadCertificate|Certificate(?:Expired|Required|Revoked|Unknown)|UnknownCA|UnsupportedCertificate)\b/,
    "tls",
    ([, alert], { hasCertificate }) =>
      hasCertificate
        ? [
          `the server does not accept the client certificate (${alert})`,
          "Is the certificate in VLLM_TLS_CERT_FILE from the authority that the server trusts?",
        ]
        : ["the server wants a client certificate", CLIENT_HINT],
  ],
  [/received fatal alert: (\w+)/, "tls", ([, alert], { hasCertificate }) => [
    `the server broke the TLS handshake off (${alert})`,
    // A server with TLS 1.2 says no more than this when the client certificate is missing.
    alert === "HandshakeFailure" && !hasCertificate
      ? `Does the server want a client certificate? ${CLIENT_HINT}`
      : "",
  ]],
  [/received corrupt message|WRONG_VERSION_NUMBER/, "tls", [
    "the server does not speak TLS",
    "Is the port right, or should the address begin with http://?",
  ]],
  [/tls handshake eof/i, "tls", [
    "the server closed the connection during the TLS handshake",
    "Is the port right, and does it speak TLS?",
  ]],
  [/Connection refused|os error (?:111|61|10061)\b|\bECONNREFUSED\b/, "refused", [
    "connection refused",
    "Is vLLM running, and is the port right?",
  ]],
  [/Temporary failure in name resolution|\bEAI_AGAIN\b/, "dns", (_, { hostname }) => [
    `no name server answers for "${hostname}"`,
    "Is the network up, and is the name server reachable?",
  ]],
  [/\bdns error\b|\bENOTFOUND\b/, "dns", (_, { hostname }) => [
    `host name "${hostname}" not found`,
    "Is the name right? Between containers it is the name of vLLM's service.",
  ]],
  [/os error (?:101|113|51|65|10051|10065)\b|\bE(?:HOST|NET)UNREACH\b/, "refused", [
    "no route to the host",
    NETWORK_HINT,
  ]],
  [/os error (?:110|60|10060)\b|\bETIMEDOUT\b/, "timeout", [
    "the host does not answer",
    NETWORK_HINT,
  ]],
  [/Requests to port (\d+) are blocked/, "failed", ([, port]) => [
    `port ${port} is closed to HTTP clients`,
    "The Fetch standard reserves it for another protocol: let vLLM listen on another port.",
  ]],
  [/Requires net access to "([^"]+)"/, "failed", ([, address]) => [
    `the service has no permission to reach ${address}`,
    "Start it with --allow-net.",
  ]],
  [/message head is too large|\bHPE_HEADER_OVERFLOW\b/, "failed", [
    "the header of the reply is too large",
    "Is this vLLM's port?",
  ]],
  [
    /invalid (?:HTTP|content-length|transfer-encoding|URI).* parsed|\bHPE_[A-Z_]+\b/,
    "failed",
    [
      "the reply is not HTTP",
      "Is the port right? A server that speaks TLS needs an address with https://.",
    ],
  ],
  [
    /closed before message completed|without sending TLS close_notify|(?:stream|connection|http2) error\b|os error (?:104|54|10054|32)\b|\bE(?:CONNRESET|PIPE)\b/,
    "closed",
    (_, { hasCertificate }) => [
      "the server closed the connection before it answered",
      "Did vLLM stop, or is the port another service's?" +
      // With TLS 1.3 a server may refuse a client certificate without a word.
      (hasCertificate ? " Does it not accept the client certificate?" : ""),
    ],
  ],
];

/** Describes a request that failed before its headers came. */
export function toNetError(error: unknown, target: RequestTarget): NetError {
  if (error instanceof NetError) return error;
  const detail = detailOf(error);
  const cause = new Error(detail);
  for (const [pattern, kind, words] of ROWS) {
    const match = pattern.exec(detail);
    if (match === null) continue;
    const [text, hint] = typeof words === "function" ? words(match, target) : words;
    return new NetError(kind, text, { hint, cause });
  }
  const text = detail === "" ? "the request failed" : detail.slice(0, MAX_DETAIL_LENGTH);
  return new NetError("failed", text, { cause });
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

/** Says a day as ` on 2002-01-01`; nothing when the time is missing or past what a date holds. */
function onDay(seconds: string | undefined): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? "" : ` on ${date.toISOString().slice(0, 10)}`;
}
