/** The hops between here and one vLLM server. */

import type { UpstreamConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { describeForeign, detectFormat } from "../exposition/format.ts";
import type { Format } from "../exposition/header.ts";
import { requestHeaders } from "../upstream/headers.ts";
import { createTransport } from "../upstream/transport.ts";
import { createUpstream } from "../upstream/upstream.ts";
import { walkConnection } from "./connection.ts";
import { examineExposition } from "./exposition_check.ts";
import { modelsOf, versionOf } from "./vllm_routes.ts";
import type { Verdict, Walk } from "./walk.ts";

/** An exposition as it came. */
interface Exposition {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly format: Format;
}

/** A vLLM server to walk to. */
export interface ServerWalkOptions {
  /** The server. */
  readonly config: UpstreamConfig;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Walks to a vLLM server and through what it says.
 *
 * @param walk Takes the hops.
 * @param options The server and the time.
 */
export async function walkServer(walk: Walk, { config, nowMs }: ServerWalkOptions): Promise<void> {
  const { caCerts, cert, key, skipVerify } = config.tls;
  const client = cert === undefined || key === undefined ? undefined : { cert, key: key.reveal() };
  const tls = { caCerts, client, skipVerify };
  await walkConnection(walk, { url: config.url, label: config.label, tls, nowMs });
  const exposition = await walk.step("HTTP", (signal) => scrape(config, signal));
  await walk.step("format", () => Promise.resolve(formatVerdict(config, exposition)));
  using transport = createTransport(config, requestHeaders(config.headers));
  const routes = { transport, url: config.url };
  await walk.aside("vLLM version", (signal) => versionOf({ ...routes, signal }));
  await walk.aside("models", (signal) => modelsOf({ ...routes, signal }));
  await walk.step("statistics", () => Promise.resolve(statisticsVerdict(exposition)));
  await walk.step(
    "readers",
    () => Promise.resolve(exposition === undefined ? LOST : examineExposition(exposition)),
  );
}

/** Cannot be seen: a hop that gave no value has failed, and those behind it are not tried. */
const LOST: Verdict<never> = { status: "failed", found: "there is no exposition" };

async function scrape(config: UpstreamConfig, signal: AbortSignal): Promise<Verdict<Exposition>> {
  using upstream = createUpstream(config);
  const begun = performance.now();
  const { body, contentType } = await upstream.scrape({ signal });
  const bytes = await new Response(body).bytes();
  const ms = Math.round(performance.now() - begun);
  return {
    found: `200 in ${ms} ms, ${bytes.length} bytes, "${contentType}"`,
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

function statisticsVerdict(exposition?: Exposition): Verdict<void> {
  if (exposition === undefined) return LOST;
  const text = new TextDecoder().decode(exposition.bytes);
  const families = new Set([...text.matchAll(/^# TYPE (vllm[:_]\S+)/gm)].map(([, name]) => name));
  if (families.size > 0) return { found: `${families.size} families of vLLM` };
  return {
    status: "failed",
    found: "the exposition has no vllm: family",
    action: "Start vLLM without --disable-log-stats. If it is not vLLM, mend VLLM_METRICS_URL.",
  };
}
