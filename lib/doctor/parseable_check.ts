/** The checks of Parseable: reachable, credentials, dashboards, stream, rows. */

import type { Header } from "../config/values.ts";
import type { ParseableConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { ParseableApi } from "../parseable/api.ts";
import { Collection, DASHBOARDS } from "../parseable/collection.ts";
import { hasColumns, streamInfo, takesMetrics } from "../parseable/stream.ts";
import { CHECK_MS, type CheckRun, type Verdict } from "./check_run.ts";
import { endpointOf, expiryVerdict, readCertificate } from "./connection.ts";
import { gapsIn, latestScrapes, rowsVerdict } from "./stored_rows.ts";

/** What {@linkcode checkParseable} works with. */
export interface ParseableCheckOptions {
  /** How to reach it. */
  readonly parseable: ParseableConfig;
  /** The credentials, if any. */
  readonly credentials: Header | undefined;
  /** Whether requests go through a proxy, so that this machine may not reach it directly. */
  readonly isProxied: boolean;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** Longest wait for a response, in milliseconds: shorter than a check, so that the error says what failed. */
const RESPONSE_MS = CHECK_MS - 1_000;
/** The checks that need credentials. */
const NEED_CREDENTIALS = ["dashboards", "stream", "newest row", "gaps"] as const;

/** Checks Parseable and what it has stored; without credentials, only that it answers. */
export async function checkParseable(run: CheckRun, options: ParseableCheckOptions): Promise<void> {
  const { parseable, credentials, isProxied, now } = options;
  const { stream, url, queryUrl } = parseable;
  const secrets = credentials === undefined ? [] : [credentials[1]];
  const timeoutMs = Math.min(parseable.timeoutMs, RESPONSE_MS);
  using api = new ParseableApi({ parseable: { ...parseable, timeoutMs }, credentials, secrets });
  const urls = api.isDistributed ? [url, queryUrl] : [url];
  await run.check("liveness", async () => {
    if (api.isDistributed) await api.call("GET", "/api/v1/liveness", { node: "ingest" });
    await api.call("GET", "/api/v1/liveness");
    const origins = urls.map(({ origin }) => `"${origin}"`).join(" and ");
    return { found: `${origins} ${urls.length > 1 ? "answer" : "answers"}` };
  });
  for (const each of isProxied ? [] : urls) {
    if (each.protocol !== "https:") continue;
    await run.checkAside("certificate", (signal) => certificateVerdict(each, now(), signal));
  }
  if (credentials === undefined) {
    run.skip(
      "credentials",
      "not tried, since neither P_USERNAME and P_PASSWORD nor PARSEABLE_API_KEY is set",
    );
    for (const name of NEED_CREDENTIALS) run.skip(name, "not tried without credentials");
    return;
  }
  await run.check("credentials", async () => ({ found: `Parseable ${await api.version()}` }));
  await run.checkAside("dashboards", () => dashboardsOf(api, stream));
  await run.check("stream", () => streamVerdict(api, stream));
  const times = await run.check("newest row", async () => {
    const scrapes = await latestScrapes(api, stream);
    return rowsVerdict(scrapes, now(), api.isDistributed);
  });
  await run.check("gaps", () => gapsIn(times ?? []));
}

async function certificateVerdict(
  url: URL,
  nowMs: number,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  // The request before has verified it, as configured.
  const certificate = await readCertificate(endpointOf(url), { skipVerify: true }, signal);
  return expiryVerdict(certificate, nowMs, "Renew the certificate of Parseable.");
}

const FEED_HINT = "Does Fluent Bit run, and does it send to the relay? Its log has the responses.";

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
      `The stream "${stream}" was created for logs and cannot store metrics`,
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
  const all = await new Collection(api, DASHBOARDS).list();
  const ours = all.filter(({ tag }) => tag?.stream === stream);
  if (ours.length > 0) return { found: ours.map(({ title }) => `"${title}"`).join(", ") };
  return {
    status: "warn",
    found: `no dashboards of vllm-metrics for the stream "${stream}"`,
    action: "Run vllm-metrics provision.",
  };
}
