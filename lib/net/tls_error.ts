/** Texts for what TLS can do wrong. */

import type { ErrorText, RequestTarget } from "./net_error.ts";

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
 *
 * @param detail The words of the error.
 * @param target What was requested.
 * @returns What is wrong; undefined when TLS has nothing to do with it.
 */
export function tlsError(detail: string, target: RequestTarget): TlsText | undefined {
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
