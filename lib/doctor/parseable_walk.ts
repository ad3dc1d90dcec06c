/** The hops to Parseable: is it there, does it know us, do rows arrive, are they shown. */

import type { Header } from "../config/headers.ts";
import type { ParseableConfig } from "../config/parseable_config.ts";
import { MetricsError } from "../errors.ts";
import { ParseableApi } from "../parseable/api.ts";
import { Shelf } from "../parseable/shelf.ts";
import { DASHBOARDS } from "../parseable/shelf_kind.ts";
import { hasColumns, streamInfo, takesMetrics } from "../parseable/stream.ts";
import { endOf, expiryVerdict, readCertificate } from "./certificate.ts";
import { gapsIn, latestScrapes, rowsVerdict } from "./rows.ts";
import { CHECK_MS, type Verdict, type Walk } from "./walk.ts";

/** What {@linkcode walkParseable} works with. */
export interface ParseableWalkOptions {
  /** How to reach it. */
  readonly parseable: ParseableConfig;
  /** As whom; undefined when there are no credentials. */
  readonly credentials: Header | undefined;
  /** Whether requests go through a proxy, so that this machine may not reach it itself. */
  readonly isProxied: boolean;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** Longest wait for an answer, in milliseconds: what was asked is told before the check's time is up. */
const ANSWER_MS = CHECK_MS - 1_000;
/** The hops that need credentials. */
const BEHIND_CREDENTIALS = ["dashboards", "stream", "newest row", "gaps"] as const;

/**
 * Walks to Parseable and through what it has stored. Without credentials, only what is open to
 * everybody is tried.
 *
 * @param walk Takes the hops.
 * @param options How to reach it, and the time.
 */
export async function walkParseable(walk: Walk, options: ParseableWalkOptions): Promise<void> {
  const { parseable, credentials, isProxied, now } = options;
  const { stream, url } = parseable;
  const secrets = credentials === undefined ? [] : [credentials[1]];
  const timeoutMs = Math.min(parseable.timeoutMs, ANSWER_MS);
  using api = new ParseableApi({ parseable: { ...parseable, timeoutMs }, credentials, secrets });
  await walk.step("liveness", async () => {
    await api.call("GET", "/api/v1/liveness");
    return { found: `"${url.origin}" answers` };
  });
  if (url.protocol === "https:" && !isProxied) {
    await walk.aside("certificate", (signal) => certificateVerdict(url, now(), signal));
  }
  if (credentials === undefined) {
    walk.skip(
      "credentials",
      "not tried, since neither P_USERNAME and P_PASSWORD nor PARSEABLE_API_KEY is set",
    );
    for (const name of BEHIND_CREDENTIALS) walk.skip(name, "not tried without credentials");
    return;
  }
  await walk.step("credentials", async () => ({ found: `Parseable ${await api.version()}` }));
  await walk.aside("dashboards", () => dashboardsOf(api, stream));
  await walk.step("stream", () => streamVerdict(api, stream));
  const times = await walk.step("newest row", async () => {
    const scrapes = await latestScrapes(api, stream);
    return rowsVerdict(scrapes, now());
  });
  await walk.step("gaps", () => gapsIn(times ?? []));
}

async function certificateVerdict(
  url: URL,
  nowMs: number,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  // The request before has verified it, as the settings say.
  const certificate = await readCertificate(endOf(url), { skipVerify: true }, signal);
  return expiryVerdict(certificate, nowMs, "Renew the certificate of Parseable.");
}

const FEED_HINT =
  "Does Fluent Bit run, and does it send to the relay? Its log says what it is answered.";

async function streamVerdict(api: ParseableApi, stream: string): Promise<Verdict<void>> {
  const info = await streamInfo(api, stream);
  if (info === undefined) {
    return {
      status: "failed",
      found: `there is no stream "${stream}": nothing has been stored yet`,
      action: FEED_HINT,
    };
  }
  if (!takesMetrics(info)) {
    throw new MetricsError(
      "PARSEABLE_REFUSED",
      `The stream "${stream}" was made for logs and refuses metrics for good`,
      { hint: "Delete it in Parseable, or set PARSEABLE_STREAM to another name." },
    );
  }
  if (await hasColumns(api, stream)) return { found: `"${stream}" is there` };
  return {
    status: "failed",
    found: `the stream "${stream}" is there, but nothing has been stored in it yet`,
    action: FEED_HINT,
  };
}

async function dashboardsOf(api: ParseableApi, stream: string): Promise<Verdict<void>> {
  const all = await new Shelf(api, DASHBOARDS).list();
  const ours = all.filter(({ mark }) => mark?.stream === stream);
  if (ours.length > 0) return { found: ours.map(({ title }) => `"${title}"`).join(", ") };
  return {
    status: "warn",
    found: `none of ours for the stream "${stream}"`,
    action: "Run vllm-metrics provision.",
  };
}
