/** The checks below HTTP: host name, TCP, TLS and its certificate. */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { connect, type PeerCertificate } from "node:tls";
import { requestFailure } from "../scrape/upstream.ts";
import { type CheckRun, failed, ok, type Verdict, warn } from "./check_run.ts";

/** A certificate that expires in fewer days is a warning. */
const EXPIRY_WARNING_DAYS = 14;
const DAY_MS = 86_400_000;

/** How TLS is verified. */
export type TlsCheck = {
  readonly caCerts?: string | undefined;
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  readonly skipVerify: boolean;
};

/** Where to connect to. */
export type ConnectionTarget = {
  readonly url: URL;
  /** The IP address to connect to; undefined for that of the URL's host. */
  readonly address: string | undefined;
  /** The URL for people. */
  readonly label: string;
  readonly tls: TlsCheck;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
};

/** Checks the way from the name to a trusted connection. */
export async function checkConnection(run: CheckRun, target: ConnectionTarget): Promise<void> {
  const { url, address, label, tls, nowMs } = target;
  const { hostname, port } = endpointOf(url);
  const host = address ?? hostname;
  const explained = <T>(action: () => Promise<T>): Promise<T> =>
    action().catch((error) => {
      throw requestFailure(error, { label, hostname, hasCertificate: tls.client !== undefined });
    });
  if (isIP(host) !== 0) run.skip("name", `"${host}" is an address`);
  else {
    await run.check("name", async () => {
      const found = await explained(() => lookup(host, { all: true }));
      return ok(`"${host}" is ${found.map(({ address }) => address).join(", ")}`);
    });
  }
  await run.check("TCP", (signal) =>
    explained(async () => {
      using connection = await Deno.connect({ hostname: host, port, signal });
      return ok(`connected to port ${connection.remoteAddr.port} of "${host}"`);
    }));
  if (url.protocol !== "https:") return;
  await run.check("TLS", async (signal) => {
    const certificate = await explained(() => verifiedCertificate(target, signal));
    const verdict = expiryVerdict(certificate, nowMs, "Renew the certificate of the server.");
    if (!tls.skipVerify) return verdict;
    return warn(
      `${verdict.found}, not verified`,
      "Enable verification, with the certificate of your own authority if you have one.",
    );
  });
}

/** Checks the certificate of something that was verified before, or cannot be from here. */
export async function checkCertificate(
  run: CheckRun,
  url: URL,
  nowMs: number,
  action: string,
): Promise<void> {
  await run.checkAside("certificate", async (signal) => {
    const certificate = await readCertificate({ url, tls: { skipVerify: true } }, signal);
    return expiryVerdict(certificate, nowMs, action);
  });
}

function endpointOf(url: URL): { hostname: string; port: number } {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  return { hostname: url.hostname.replace(/^\[|\]$/g, ""), port };
}

async function verifiedCertificate(
  target: ConnectionTarget,
  signal: AbortSignal,
): Promise<Certificate> {
  // First, since it can be aborted: Deno 2.9.6 leaves a connection open that is closed during the
  // handshake.
  const certificate = await readCertificate(target, signal);
  const { url, address, tls: { skipVerify, caCerts, client } } = target;
  if (!skipVerify && address === undefined) {
    // With the library of most requests, which has the best error messages.
    const trust = caCerts === undefined ? {} : { caCerts: [caCerts] };
    using connection = await Deno.connectTls({ ...endpointOf(url), ...trust, ...client });
    await connection.handshake();
  }
  return certificate;
}

interface Certificate {
  /** The version of TLS. */
  readonly protocol: string;
  readonly issuer: string;
  /** When it expires, in milliseconds since 1970. */
  readonly endMs: number;
}

/** Reads a server's certificate, and sends nothing; verifies it here only at an address. */
async function readCertificate(
  { url, address, tls: { caCerts, client, skipVerify } }:
    & Pick<ConnectionTarget, "url" | "tls">
    & { readonly address?: string | undefined },
  signal: AbortSignal,
): Promise<Certificate> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { hostname, port } = endpointOf(url);
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
    const certificate = socket.getPeerCertificate();
    return {
      protocol: socket.getProtocol() ?? "TLS",
      issuer: issuerOf(certificate),
      endMs: Date.parse(certificate.valid_to),
    };
  } finally {
    socket.destroy();
  }
}

function issuerOf({ issuer }: PeerCertificate): string {
  const name = issuer?.CN ?? issuer?.O;
  return (Array.isArray(name) ? name[0] : name) ?? "an unnamed authority";
}

/** Checks how long a certificate is valid. */
function expiryVerdict(
  { protocol, issuer, endMs }: Certificate,
  nowMs: number,
  action: string,
): Verdict {
  const days = Math.floor((endMs - nowMs) / DAY_MS);
  const shown = `${protocol}, certificate from "${issuer}"`;
  if (days < 0) return failed(`${shown}, expired`, action);
  const found = `${shown}, valid for ${days} more days`;
  return days < EXPIRY_WARNING_DAYS ? warn(found, action) : ok(found);
}
