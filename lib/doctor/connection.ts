/** The hops below HTTP: the host's name, a connection, and the certificate on it. */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { connect } from "node:tls";
import { MetricsError } from "../errors.ts";
import type { Target } from "../upstream/complaint.ts";
import { requestFailure } from "../upstream/failure.ts";
import type { Verdict, Walk } from "./walk.ts";

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

/** Where to connect to. */
export interface Place {
  /** A URL at that place. */
  readonly url: URL;
  /** The URL for people. */
  readonly label: string;
  /** How TLS is checked when it is `https:`. */
  readonly tls: TlsCheck;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Walks from the name to a connection that can be trusted.
 *
 * @param walk Takes the hops.
 * @param place Where to.
 */
export async function walkConnection(walk: Walk, place: Place): Promise<void> {
  const hostname = hostnameOf(place.url);
  if (isIP(hostname) !== 0) walk.skip("name", `"${hostname}" is an address`);
  else await walk.step("name", () => resolveName(hostname, place));
  await walk.step("TCP", () => openTcp(hostname, place));
  if (place.url.protocol === "https:") {
    await walk.step("TLS", () => shakeHands(hostname, place));
  }
}

/** A host as the system takes it: an IPv6 address without its brackets. */
function hostnameOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}

function targetOf({ label, tls }: Place, hostname: string): Target {
  return { label, hostname, hasCredentials: false, hasCertificate: tls.client !== undefined };
}

async function resolveName(hostname: string, place: Place): Promise<Verdict<void>> {
  try {
    const found = await lookup(hostname, { all: true });
    return { found: `"${hostname}" is ${found.map(({ address }) => address).join(", ")}` };
  } catch (error) {
    throw requestFailure(error, targetOf(place, hostname));
  }
}

async function openTcp(hostname: string, place: Place): Promise<Verdict<void>> {
  const port = portOf(place.url);
  try {
    using connection = await Deno.connect({ hostname, port });
    return { found: `connected to port ${connection.remoteAddr.port} of "${hostname}"` };
  } catch (error) {
    throw requestFailure(error, targetOf(place, hostname));
  }
}

/** What the server shows of itself. */
interface Shown {
  readonly protocol: string;
  readonly issuer: string;
  readonly endMs: number;
}

async function shakeHands(hostname: string, place: Place): Promise<Verdict<void>> {
  if (!place.tls.skipVerify) await verify(hostname, place);
  const { protocol, issuer, endMs } = await look(hostname, place);
  const days = Math.floor((endMs - place.nowMs) / DAY_MS);
  const found = `${protocol}, certificate from "${issuer}", good for ${days} more days`;
  if (place.tls.skipVerify) {
    return {
      status: "warn",
      found: `${found}, not verified`,
      action: "Turn verification on again, with the authority's certificate if it is your own.",
    };
  }
  if (days >= EXPIRY_WARNING_DAYS) return { found };
  return { status: "warn", found, action: "Renew the certificate of the server." };
}

/** Verifies the chain and the name with the same library as all other requests. */
async function verify(hostname: string, place: Place): Promise<void> {
  const { caCerts, client } = place.tls;
  try {
    using connection = await Deno.connectTls({
      hostname,
      port: portOf(place.url),
      ...(caCerts === undefined ? {} : { caCerts: [caCerts] }),
      ...client,
    });
    await connection.handshake();
  } catch (error) {
    throw requestFailure(error, targetOf(place, hostname));
  }
}

/** Reads the certificate. Nothing is sent, so it need not be verified again. */
async function look(hostname: string, place: Place): Promise<Shown> {
  const { promise, resolve, reject } = Promise.withResolvers<Shown>();
  const socket = connect({
    host: hostname,
    port: portOf(place.url),
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    ...place.tls.client,
    rejectUnauthorized: false,
  }, () => {
    const { issuer, valid_to: end } = socket.getPeerCertificate();
    const name = issuer?.CN ?? issuer?.O;
    resolve({
      protocol: socket.getProtocol() ?? "TLS",
      issuer: (Array.isArray(name) ? name[0] : name) ?? "an unnamed authority",
      endMs: Date.parse(end),
    });
  });
  socket.on("error", reject);
  try {
    return await promise;
  } catch (error) {
    throw error instanceof MetricsError ? error : requestFailure(error, targetOf(place, hostname));
  } finally {
    socket.destroy();
  }
}
