/** The checks of vLLM servers: connection, scrape, other routes, and what is in the exposition. */

import type { UpstreamConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { describeForeign, detectFormat } from "../exposition/format.ts";
import type { Resolve } from "../net/resolve.ts";
import { listOf, objectOf, textOf } from "../parseable/json.ts";
import {
  createUpstream,
  createVllmClient,
  requestHeaders,
  scrapeError,
} from "../scrape/upstream.ts";
import { CHECK_MS, type CheckRun, type Verdict } from "./check_run.ts";
import { checkConnection } from "./connection.ts";
import { checkExposition, checkStatistics, type Exposition } from "./exposition_check.ts";

/** A vLLM server to check. */
export interface ServerCheckOptions {
  /** The server. */
  readonly config: UpstreamConfig;
  /** The IP address to connect to; without it, that of the URL's host. */
  readonly address?: string;
  /** Whether requests go through a proxy, so that this machine may not reach the server directly. */
  readonly isProxied: boolean;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
}

/** Time beyond SCRAPE_TIMEOUT before a scrape is given up, in milliseconds. */
const SPARE_MS = 1_000;

/** Checks a vLLM server. */
export async function checkServer(run: CheckRun, options: ServerCheckOptions): Promise<void> {
  const { config, address, isProxied, nowMs } = options;
  if (isProxied) {
    run.skip("connection", "not tried, since a proxy is set (HTTP_PROXY or similar)");
  } else {
    const { caCerts, cert, key, skipVerify } = config.tls;
    const client = cert === undefined || key === undefined
      ? undefined
      : { cert, key: key.reveal() };
    const tls = { caCerts, client, skipVerify };
    await checkConnection(run, { url: config.url, address, label: config.label, tls, nowMs });
  }
  // A slow response is fine as long as the service waits for it.
  const scrapeMs = Math.max(CHECK_MS, config.timeoutMs + SPARE_MS);
  const exposition = await run.check("HTTP", (signal) => scrape(options, signal), scrapeMs);
  if (exposition === undefined) {
    run.skipAfterFailure("format", "vLLM version", "models", "statistics", "readers");
    return;
  }
  await run.check("format", () => formatVerdict(config, exposition));
  await run.checkAside("vLLM version", (signal) => versionOf({ config, address, signal }));
  await run.checkAside("models", (signal) => modelsOf({ config, address, signal }));
  await run.check("statistics", () => checkStatistics(exposition));
  await run.check("readers", () => checkExposition(exposition));
}

async function scrape(
  { config, address }: ServerCheckOptions,
  signal: AbortSignal,
): Promise<Verdict<Exposition>> {
  using upstream = createUpstream(config, address === undefined ? {} : { address });
  const startMs = performance.now();
  const { body, contentType } = await upstream.scrape({ signal });
  const bytes = await body.bytes();
  const ms = Math.round(performance.now() - startMs);
  return {
    found: `200 in ${ms} ms, ${bytes.length} bytes, ${JSON.stringify(contentType)}`,
    value: { bytes, format: detectFormat(contentType, bytes) },
  };
}

function formatVerdict(
  config: UpstreamConfig,
  { bytes, format }: Exposition,
): Verdict<void> {
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

/** Servers that are checked: one that hangs takes some seconds. */
const MAX_SERVERS = 32;

/** What {@linkcode checkDiscoveredServers} works with. */
export interface DiscoveredServersOptions extends ServerCheckOptions {
  /** Looks up the name. */
  readonly resolve: Resolve;
  /** Starts the run of a part. */
  readonly start: (part: string) => CheckRun;
}

/**
 * Looks up a name, and checks the server at each of its addresses, such as those of a headless
 * Kubernetes service.
 */
export async function checkDiscoveredServers(
  part: string,
  options: DiscoveredServersOptions,
): Promise<void> {
  const { start, ...server } = options;
  const addresses = await start(part).check("name", (signal) => lookUp(options, signal));
  for (const address of (addresses ?? []).slice(0, MAX_SERVERS)) {
    await checkServer(start(`${part} at ${address}`), { ...server, address });
  }
}

async function lookUp(
  { config: { url, label }, resolve }: DiscoveredServersOptions,
  signal: AbortSignal,
): Promise<Verdict<readonly string[]>> {
  const addresses = await resolve(url.hostname, signal);
  if (addresses.length === 0) {
    throw new MetricsError(
      "UPSTREAM_DNS",
      `Cannot scrape "${label}": host name "${url.hostname}" not found`,
      { hint: "Is the name right, and is a server behind it ready?" },
    );
  }
  const found = `"${url.hostname}" leads to ${addresses.join(", ")}`;
  if (addresses.length <= MAX_SERVERS) return { found, value: addresses };
  return {
    status: "warn",
    found: `${found}: the first ${MAX_SERVERS} are checked`,
    value: addresses,
  };
}

/** How vLLM's other routes are requested. */
interface RouteOptions {
  /** The server; its other routes are next to its metrics. */
  readonly config: UpstreamConfig;
  /** The IP address to connect to; undefined for that of the URL's host. */
  readonly address: string | undefined;
  /** Aborts the request. */
  readonly signal: AbortSignal;
}

/** Most bytes of a response; a list of models has some hundred. */
const MAX_BYTES = 65_536;
/** The form of a version. */
const VERSION = /^\d[\w.+-]{0,63}$/;
/** A shorter word, such as `Bearer`, is no secret. */
const MIN_SECRET_LENGTH = 8;

/** Requests `/version`; a warning when there is none. */
async function versionOf(options: RouteOptions): Promise<Verdict<void>> {
  const { status, json } = await request(options, "version");
  const version = textOf(objectOf(json).version);
  const isShown = VERSION.test(version) && !repeatsSecret(version, options.config);
  if (status === 200 && isShown) return { found: `vLLM ${version}` };
  return { status: "warn", found: `"/version" answered ${status}, without a version` };
}

/** Requests `/v1/models`. A server that requires its API key there is fine: its metrics are open. */
async function modelsOf(options: RouteOptions): Promise<Verdict<void>> {
  const { status, json } = await request(options, "v1/models");
  if (status === 401) return { found: "requires an API key, which the metrics do not need" };
  const names = listOf(objectOf(json).data).map((model) => textOf(objectOf(model).id))
    .filter((name) => name !== "" && !repeatsSecret(name, options.config));
  if (status === 200 && names.length > 0) {
    return { found: names.map((name) => JSON.stringify(name)).join(", ") };
  }
  return { status: "warn", found: `"/v1/models" answered ${status}, without a model` };
}

/** Whether a text contains a word of a header that we send: a server may echo it. */
function repeatsSecret(text: string, { headers }: UpstreamConfig): boolean {
  return headers.some(([, secret]) =>
    secret.reveal().split(" ").some((word) =>
      word.length >= MIN_SECRET_LENGTH && text.includes(word)
    )
  );
}

async function request(
  { config, address, signal }: RouteOptions,
  route: string,
): Promise<{ status: number; json: unknown }> {
  const url = new URL(config.url);
  url.pathname = `${url.pathname.replace(/(?:\/metrics)?\/?$/, "")}/${route}`;
  url.search = "";
  using client = createVllmClient(config, address);
  const { status, body } = await client.request(url, {
    headers: requestHeaders(config.headers),
    timeoutMs: config.timeoutMs,
    maxBytes: MAX_BYTES,
    signal,
    describe: (error) => scrapeError(`/${route}`, error),
  });
  return { status, json: parse(await body.text()) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
