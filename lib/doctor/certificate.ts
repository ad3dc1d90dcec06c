/** The certificate that a server shows, and for how long it is good. */

import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { Verdict } from "./walk.ts";

/** A certificate that ends in fewer days is worth a warning. */
const EXPIRY_WARNING_DAYS = 14;
const DAY_MS = 86_400_000;

/** How TLS is checked. */
export interface TlsCheck {
  /** PEM text of authorities to trust besides the usual ones. */
  readonly caCerts?: string | undefined;
  /** PEM text of a client certificate and its key. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** Whether any certificate is taken. */
  readonly skipVerify: boolean;
}

/** The other end of a connection. */
export interface End {
  /** The host that the certificate is for, an IPv6 address without brackets. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The IP address to connect to; undefined for where the host leads. */
  readonly address: string | undefined;
}

/**
 * Finds where a URL leads.
 *
 * @param url The URL, `http:` or `https:`.
 * @param address The IP address to connect to; undefined for where the URL's host leads.
 * @returns The end, with the port that the scheme has when the URL names none.
 */
export function endOf(url: URL, address?: string): End {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  return { hostname: url.hostname.replace(/^\[|\]$/g, ""), port, address };
}

/** What a server shows of itself. */
export interface Certificate {
  /** The version of TLS. */
  readonly protocol: string;
  /** Who signed it. */
  readonly issuer: string;
  /** Its last moment, in milliseconds since 1970. */
  readonly endMs: number;
}

function issuerOf(socket: TLSSocket): string {
  const { issuer } = socket.getPeerCertificate();
  const name = issuer?.CN ?? issuer?.O;
  return (Array.isArray(name) ? name[0] : name) ?? "an unnamed authority";
}

/**
 * Reads the certificate of a server, and sends nothing. It is verified when an address is given:
 * otherwise somebody else has done it.
 *
 * @param end Where it is.
 * @param tls How it is checked.
 * @param signal Breaks it off.
 * @returns What it shows.
 * @throws {Error} When there is no connection, or the certificate is not good.
 */
export async function readCertificate(
  { hostname, port, address }: End,
  { caCerts, client, skipVerify }: TlsCheck,
  signal: AbortSignal,
): Promise<Certificate> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({
    host: address ?? hostname,
    port,
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    ...client,
    // Without it Node collects the authorities of the system, for which Deno wants --allow-sys.
    ca: caCerts === undefined ? [] : [caCerts],
    rejectUnauthorized: !skipVerify && address !== undefined,
  }, resolve);
  socket.on("error", reject);
  signal.addEventListener("abort", () => reject(signal.reason));
  try {
    await promise;
    return {
      protocol: socket.getProtocol() ?? "TLS",
      issuer: issuerOf(socket),
      endMs: Date.parse(socket.getPeerCertificate().valid_to),
    };
  } finally {
    socket.destroy();
  }
}

/**
 * Says for how long a certificate is good.
 *
 * @param certificate The certificate.
 * @param nowMs The time in milliseconds since 1970.
 * @param action What to do when that is not long.
 * @returns A failure when it has expired, a warning when it soon will.
 */
export function expiryVerdict(
  { protocol, issuer, endMs }: Certificate,
  nowMs: number,
  action: string,
): Verdict<void> {
  const days = Math.floor((endMs - nowMs) / DAY_MS);
  const shown = `${protocol}, certificate from "${issuer}"`;
  if (days < 0) return { status: "failed", found: `${shown}, expired`, action };
  const found = `${shown}, good for ${days} more days`;
  return days < EXPIRY_WARNING_DAYS ? { status: "warn", found, action } : { found };
}
