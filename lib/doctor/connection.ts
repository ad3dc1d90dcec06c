/** The hops below HTTP: the host's name, a connection, and the certificate on it. */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { RequestTarget } from "../net/net_error.ts";
import { requestFailure } from "../scrape/scrape_errors.ts";
import {
  type Certificate,
  type End,
  endOf,
  expiryVerdict,
  readCertificate,
  type TlsCheck,
} from "./certificate.ts";
import type { Verdict, Walk } from "./walk.ts";

/** Where to connect to. */
export interface Place {
  /** A URL at that place. */
  readonly url: URL;
  /** The IP address to connect to; undefined for where the URL's host leads. */
  readonly address: string | undefined;
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
  const { hostname, port } = endOf(place.url);
  const host = place.address ?? hostname;
  if (isIP(host) !== 0) walk.skip("name", `"${host}" is an address`);
  else await walk.step("name", () => resolveName(host, place));
  await walk.step("TCP", (signal) => openTcp({ hostname: host, port }, place, signal));
  if (place.url.protocol === "https:") {
    await walk.step("TLS", (signal) => shakeHands(place, signal));
  }
}

function targetOf({ url, label, tls }: Place): RequestTarget & { readonly label: string } {
  const { hostname } = endOf(url);
  return { label, hostname, hasCertificate: tls.client !== undefined };
}

async function resolveName(hostname: string, place: Place): Promise<Verdict<void>> {
  try {
    const found = await lookup(hostname, { all: true });
    return { found: `"${hostname}" is ${found.map(({ address }) => address).join(", ")}` };
  } catch (error) {
    throw requestFailure(error, targetOf(place));
  }
}

async function openTcp(
  { hostname, port }: Pick<End, "hostname" | "port">,
  place: Place,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  try {
    using connection = await Deno.connect({ hostname, port, signal });
    return { found: `connected to port ${connection.remoteAddr.port} of "${hostname}"` };
  } catch (error) {
    throw requestFailure(error, targetOf(place));
  }
}

async function shakeHands(place: Place, signal: AbortSignal): Promise<Verdict<void>> {
  const { tls, nowMs } = place;
  const shown = await certificateOf(place, signal);
  const verdict = expiryVerdict(shown, nowMs, "Renew the certificate of the server.");
  if (!tls.skipVerify) return verdict;
  return {
    status: "warn",
    found: `${verdict.found}, not verified`,
    action: "Turn verification on again, with the authority's certificate if it is your own.",
  };
}

async function certificateOf(place: Place, signal: AbortSignal): Promise<Certificate> {
  const { url, address, tls } = place;
  const end = endOf(url, address);
  try {
    // First, since it can be broken off: Deno 2.9.6 leaves a connection open that is closed while
    // hands are shaken.
    const certificate = await readCertificate(end, tls, signal);
    // By the library of most requests, which tells best what is wrong.
    if (!tls.skipVerify && address === undefined) await verify(end, tls);
    return certificate;
  } catch (error) {
    throw requestFailure(error, targetOf(place));
  }
}

/** Verifies the chain and the name. */
async function verify(
  { hostname, port }: End,
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
