/** The hops between here and one vLLM server. */

import type { UpstreamConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { describeForeign, detectFormat } from "../exposition/format.ts";
import { createUpstream } from "../scrape/upstream.ts";
import { walkConnection } from "./connection.ts";
import { examineExposition, examineStatistics, type Exposition } from "./exposition_check.ts";
import { modelsOf, versionOf } from "./vllm_routes.ts";
import { CHECK_MS, type Verdict, type Walk } from "./walk.ts";

/** A vLLM server to walk to. */
export interface ServerWalkOptions {
  /** The server. */
  readonly config: UpstreamConfig;
  /** The IP address to connect to; without it, where the URL's host leads. */
  readonly address?: string;
  /** Whether requests go through a proxy, so that this machine may not reach the server itself. */
  readonly isProxied: boolean;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
}

/** Time beyond SCRAPE_TIMEOUT after which a scrape that does not end is given up, in milliseconds. */
const SPARE_MS = 1_000;

/**
 * Walks to a vLLM server and through what it says.
 *
 * @param walk Takes the hops.
 * @param options The server and the time.
 */
export async function walkServer(walk: Walk, options: ServerWalkOptions): Promise<void> {
  const { config, address, isProxied, nowMs } = options;
  if (isProxied) {
    walk.skip("connection", "not tried, since HTTP_PROXY or the like leads requests elsewhere");
  } else {
    const { caCerts, cert, key, skipVerify } = config.tls;
    const client = cert === undefined || key === undefined
      ? undefined
      : { cert, key: key.reveal() };
    const tls = { caCerts, client, skipVerify };
    await walkConnection(walk, { url: config.url, address, label: config.label, tls, nowMs });
  }
  // A slow answer is a good one as long as the service waits for it.
  const scrapeMs = Math.max(CHECK_MS, config.timeoutMs + SPARE_MS);
  const exposition = await walk.step("HTTP", (signal) => scrape(options, signal), scrapeMs);
  await walk.step("format", () => formatVerdict(config, exposition));
  await walk.aside("vLLM version", (signal) => versionOf({ config, address, signal }));
  await walk.aside("models", (signal) => modelsOf({ config, address, signal }));
  await walk.step("statistics", () => exposition ? examineStatistics(exposition) : LOST);
  await walk.step("readers", () => exposition ? examineExposition(exposition) : LOST);
}

/** Cannot be seen: a hop that gave no value has failed, and those behind it are not tried. */
const LOST: Verdict<never> = { status: "failed", found: "there is no exposition" };

async function scrape(
  { config, address }: ServerWalkOptions,
  signal: AbortSignal,
): Promise<Verdict<Exposition>> {
  using upstream = createUpstream(config, address === undefined ? {} : { address });
  const begun = performance.now();
  const { body, contentType } = await upstream.scrape({ signal });
  const bytes = await new Response(body).bytes();
  const ms = Math.round(performance.now() - begun);
  return {
    found: `200 in ${ms} ms, ${bytes.length} bytes, ${JSON.stringify(contentType)}`,
    value: { bytes, format: detectFormat(contentType, bytes) },
  };
}

function formatVerdict(config: UpstreamConfig, exposition?: Exposition): Verdict<void> {
  if (exposition === undefined) return LOST;
  const { bytes, format } = exposition;
  const text = new TextDecoder().decode(bytes);
  if (!/^[^#\s].*\s\S/m.test(text) || /^\s*[<{[]/.test(text)) {
    throw new MetricsError(
      "UPSTREAM_NOT_EXPOSITION",
      `Cannot read "${config.label}": the server sent ${describeForeign(bytes, false)}`,
      { hint: "Is this the address of vLLM's metrics, and is no login page in front of it?" },
    );
  }
  return { found: format === "openmetrics" ? "OpenMetrics 1.0" : "Prometheus text" };
}
