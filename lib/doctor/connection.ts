/** The checks below HTTP: host name, TCP, TLS and its certificate. */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { RequestTarget } from "../net/net_error.ts";
import { requestFailure } from "../scrape/upstream.ts";
import type { CheckRun, Verdict } from "./check_run.ts";

/** Where to connect to. */
export interface ConnectionTarget {
  /** A URL at that place. */
  readonly url: URL;
  /** The IP address to connect to; undefined for that of the URL's host. */
  readonly address: string | undefined;
  /** The URL for people. */
  readonly label: string;
  /** How TLS is verified with `https:`. */
  readonly tls: TlsCheck;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
}

/** Checks the way from the name to a trusted connection. */
export async function checkConnection(run: CheckRun, target: ConnectionTarget): Promise<void> {
  const { hostname, port } = endpointOf(target.url);
  const host = target.address ?? hostname;
  if (isIP(host) !== 0) run.skip("name", `"${host}" is an address`);
  else await run.check("name", () => resolveName(host, target));
  await run.check("TCP", (signal) => openTcp({ hostname: host, port }, target, signal));
  if (target.url.protocol === "https:") {
    await run.check("TLS", (signal) => handshake(target, signal));
  }
}

function requestTarget(
  { url, label, tls }: ConnectionTarget,
): RequestTarget & { readonly label: string } {
  const { hostname } = endpointOf(url);
  return { label, hostname, hasCertificate: tls.client !== undefined };
}

async function resolveName(
  hostname: string,
  target: ConnectionTarget,
): Promise<Verdict<void>> {
  try {
    const found = await lookup(hostname, { all: true });
    return { found: `"${hostname}" is ${found.map(({ address }) => address).join(", ")}` };
  } catch (error) {
    throw requestFailure(error, requestTarget(target));
  }
}

async function openTcp(
  { hostname, port }: Pick<Endpoint, "hostname" | "port">,
  target: ConnectionTarget,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  try {
    using connection = await Deno.connect({ hostname, port, signal });
    return { found: `connected to port ${connection.remoteAddr.port} of "${hostname}"` };
  } catch (error) {
    throw requestFailure(error, requestTarget(target));
  }
}

async function handshake(target: ConnectionTarget, signal: AbortSignal): Promise<Verdict<void>> {
  const { tls, nowMs } = target;
  const shown = await certificateOf(target, signal);
  const verdict = expiryVerdict(shown, nowMs, "Renew the certificate of the server.");
  if (!tls.skipVerify) return verdict;
  return {
    status: "warn",
    found: `${verdict.found}, not verified`,
    action: "Enable verification, with the certificate of your own authority if you have one.",
  };
}

async function certificateOf(
  target: ConnectionTarget,
  signal: AbortSignal,
): Promise<Certificate> {
  const { url, address, tls } = target;
  const endpoint = endpointOf(url, address);
  try {
    // First, since it can be aborted: Deno 2.9.6 leaves a connection open that is closed during
    // the handshake.
    const certificate = await readCertificate(endpoint, tls, signal);
    // With the library of most requests, which has the best error messages.
    if (!tls.skipVerify && address === undefined) await verify(endpoint, tls);
    return certificate;
  } catch (error) {
    throw requestFailure(error, requestTarget(target));
  }
}

/** Verifies the chain and the name. */
async function verify(
  { hostname, port }: Endpoint,
  { caCerts, client }: TlsCheck,
): Promise<void> {
  using connection = await Deno.connectTls({
    hostname,
    port,
    ...(caCerts === undefined ? {} : { caCerts: [caCerts] }),
    ...client,
  });
  await connection.handshake();
}

/** A certificate that expires in fewer days is a warning. */
const EXPIRY_WARNING_DAYS = 14;
const DAY_MS = 86_400_000;

/** How TLS is verified. */
export interface TlsCheck {
  /** Extra CA certificates (PEM). */
  readonly caCerts?: string | undefined;
  /** A client certificate and its key (PEM). */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** Whether verification is skipped. */
  readonly skipVerify: boolean;
}

/** The server side of a connection. */
export interface Endpoint {
  /** The host that the certificate is for, an IPv6 address without brackets. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The IP address to connect to; undefined for that of the host. */
  readonly address: string | undefined;
}

/** Finds the endpoint of a URL. */
export function endpointOf(url: URL, address?: string): Endpoint {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  return { hostname: url.hostname.replace(/^\[|\]$/g, ""), port, address };
}

/** A server's certificate. */
export interface Certificate {
  /** The version of TLS. */
  readonly protocol: string;
  /** The issuer. */
  readonly issuer: string;
  /** When it expires, in milliseconds since 1970. */
  readonly endMs: number;
}

function issuerOf(socket: TLSSocket): string {
  const { issuer } = socket.getPeerCertificate();
  const name = issuer?.CN ?? issuer?.O;
  return (Array.isArray(name) ? name[0] : name) ?? "an unnamed authority";
}

/**
 * Reads the certificate of a server, and sends nothing. It is verified here only when an address is
 * given.
 *
 * @throws {Error} When there is no connection, or the certificate is invalid.
 */
export async function readCertificate(
  { hostname, port, address }: Endpoint,
  { caCerts, client, skipVerify }: TlsCheck,
  signal: AbortSignal,
): Promise<Certificate> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({
    host: address ?? hostname,
    port,
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    ...client,
    // Without it Node reads the system's authorities, which needs --allow-sys.
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

/** Checks how long a certificate is valid. */
export function expiryVerdict(
  { protocol, issuer, endMs }: Certificate,
  nowMs: number,
  action: string,
): Verdict<void> {
  const days = Math.floor((endMs - nowMs) / DAY_MS);
  const shown = `${protocol}, certificate from "${issuer}"`;
  if (days < 0) return { status: "failed", found: `${shown}, expired`, action };
  const found = `${shown}, valid for ${days} more days`;
  return days < EXPIRY_WARNING_DAYS ? { status: "warn", found, action } : { found };
}
