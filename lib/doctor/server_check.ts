/** The checks of vLLM servers: connection, scrape, other routes, and what is in the exposition. */

import type { UpstreamConfig } from "../config/config.ts";
import { DROP_REASONS } from "../exposition/dropped.ts";
import { parseFamilies } from "../exposition/family.ts";
import { describeForeign, detectFormat } from "../exposition/format.ts";
import { Sanitizer } from "../exposition/sanitizer.ts";
import type { Format } from "../exposition/types.ts";
import { engineOf, sampleName } from "../history/names.ts";
import type { Resolve } from "../net/resolve.ts";
import { listOf, objectOf, textOf } from "../parseable/json.ts";
import {
  createUpstream,
  createVllmClient,
  requestHeaders,
  scrapeError,
} from "../scrape/upstream.ts";
import { CHECK_MS, type CheckRun, failed, ok, type Verdict, warn } from "./check_run.ts";
import { checkConnection } from "./connection.ts";

/** Time beyond SCRAPE_TIMEOUT before a scrape is given up, in milliseconds. */
const SPARE_MS = 1_000;
/** Addresses of one name that are checked: one that hangs takes some seconds. */
const MAX_SERVERS = 32;
/** Most bytes of a response of another route; a list of models has some hundred. */
const MAX_BYTES = 65_536;
/** The form of a version. */
const VERSION = /^\d[\w.+-]{0,63}$/;
/** A shorter word of a header, such as `Bearer`, is no secret. */
const MIN_SECRET_LENGTH = 8;
/** What Fluent Bit 5.1.1 fails on in vLLM's expositions (seen in its decoder, and tested). */
const BREAKERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^[A-Za-z_]\w*:[^\s{]*[\s{]/gm, "samples with a colon in their name"],
  [/^# TYPE \S+ (?:info|unknown|stateset|gaugehistogram)\b/gm, "unknown types"],
  [/\r(?!\n)/g, "lone carriage returns"],
  [/\\(?![\\n"])/g, "stray backslashes"],
];

/**
 * Families that the live page uses and older versions lack. What came between 0.11 and 0.32 was not
 * dated: both were run.
 */
const SINCE: ReadonlyArray<readonly [since: string, names: readonly string[]]> = [
  ["0.9", ["kv_cache_usage_perc", "prefix_cache_queries_total", "prefix_cache_hits_total"]],
  ["0.11", ["inter_token_latency_seconds"]],
  ["0.30", ["request_num_preemptions"]],
  ["0.32 at the latest", [
    ...["num_requests_waiting_by_reason", "request_prefill_kv_computed_tokens"],
    ...["prompt_tokens_by_source_total", "prompt_tokens_cached_total"],
    ...["prompt_tokens_cached_by_source_total", "external_prefix_cache_queries_total"],
    ...["external_prefix_cache_hits_total", "estimated_flops_per_gpu_total"],
    ...["engine_sleep_state", "mm_cache_queries_total", "mm_cache_hits_total"],
    "admission_rejections_total",
  ]],
];
/** What the Rust front end, which sends OpenMetrics, has in no version so far. */
const NOT_IN_RUST = /^(?:engine_sleep_state$|mm_cache_|admission_rejections_)/;

/** A vLLM server to check. */
export type ServerCheckOptions = {
  readonly config: UpstreamConfig;
  /** The IP address to connect to; without it, that of the URL's host. */
  readonly address?: string;
  /** Whether requests go through a proxy, so that this machine may not reach the server directly. */
  readonly isProxied: boolean;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
};

/** An exposition as vLLM sent it. */
interface Exposition {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly format: Format;
}

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
    for (const name of ["format", "vLLM version", "models", "statistics", "readers"]) {
      run.skip(name);
    }
    return;
  }
  await run.check("format", () => formatVerdict(config, exposition));
  await run.checkAside("vLLM version", (signal) => versionVerdict(options, signal));
  await run.checkAside("models", (signal) => modelsVerdict(options, signal));
  await run.check("statistics", () => statisticsVerdict(exposition));
  await run.check("readers", () => readersVerdict(exposition));
}

/**
 * Looks up a name, and checks the server at each of its addresses, such as those of a headless
 * Kubernetes service; `start` begins the run of a part.
 */
export async function checkDiscoveredServers(
  part: string,
  options: ServerCheckOptions & {
    readonly resolve: Resolve;
    readonly start: (part: string) => CheckRun;
  },
): Promise<void> {
  const { start, resolve, ...server } = options;
  const { url, label } = server.config;
  const addresses = await start(part).check("name", async (signal) => {
    const all = await resolve(url.hostname, signal);
    const found = `"${url.hostname}" leads to ${all.join(", ")}`;
    if (all.length > MAX_SERVERS) {
      return warn(`${found}: the first ${MAX_SERVERS} are checked`, "", all);
    }
    if (all.length > 0) return ok(found, all);
    return failed(
      `Cannot scrape "${label}": host name "${url.hostname}" not found`,
      "Is the name right, and is a server behind it ready?",
    );
  });
  for (const address of (addresses ?? []).slice(0, MAX_SERVERS)) {
    await checkServer(start(`${part} at ${address}`), { ...server, address });
  }
}

async function scrape(
  { config, address }: ServerCheckOptions,
  signal: AbortSignal,
): Promise<Verdict<Exposition>> {
  using upstream = createUpstream(config, address);
  const startMs = performance.now();
  const { body, contentType } = await upstream.scrape({ signal });
  const bytes = await body.bytes();
  const ms = Math.round(performance.now() - startMs);
  return ok(
    `200 in ${ms} ms, ${bytes.length} bytes, ${JSON.stringify(contentType)}`,
    { bytes, format: detectFormat(contentType, bytes) },
  );
}

function formatVerdict({ label }: UpstreamConfig, { bytes, format }: Exposition): Verdict {
  const text = new TextDecoder().decode(bytes);
  if (/^[^#\s].*\s\S/m.test(text) && !/^\s*[<{[]/.test(text)) {
    return ok(format === "openmetrics" ? "OpenMetrics 1.0" : "Prometheus text");
  }
  return failed(
    `Cannot read "${label}": the server sent ${describeForeign(bytes, false)}`,
    "Is this the address of vLLM's metrics, and is no login page in front of it?",
  );
}

async function versionVerdict(options: ServerCheckOptions, signal: AbortSignal): Promise<Verdict> {
  const { status, json } = await request(options, "version", signal);
  const version = textOf(objectOf(json).version);
  const isShown = VERSION.test(version) && !repeatsSecret(version, options.config);
  if (status === 200 && isShown) return ok(`vLLM ${version}`);
  return warn(`"/version" answered ${status}, without a version`);
}

/** A server that requires its API key there is fine: its metrics are open. */
async function modelsVerdict(options: ServerCheckOptions, signal: AbortSignal): Promise<Verdict> {
  const { status, json } = await request(options, "v1/models", signal);
  if (status === 401) return ok("requires an API key, which the metrics do not need");
  const names = listOf(objectOf(json).data).map((model) => textOf(objectOf(model).id))
    .filter((name) => name !== "" && !repeatsSecret(name, options.config));
  if (status === 200 && names.length > 0) {
    return ok(names.map((name) => JSON.stringify(name)).join(", "));
  }
  return warn(`"/v1/models" answered ${status}, without a model`);
}

/** Whether a text contains a word of a header that we send: a server may echo it. */
function repeatsSecret(text: string, { headers }: UpstreamConfig): boolean {
  return headers.some(([, secret]) =>
    secret.reveal().split(" ").some((word) =>
      word.length >= MIN_SECRET_LENGTH && text.includes(word)
    )
  );
}

/** Requests a route next to the metrics. */
async function request(
  { config, address }: ServerCheckOptions,
  route: string,
  signal: AbortSignal,
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
  return { status, json: parseJson(await body.text()) };
}

/** The value of a JSON text; undefined for any other. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Checks for the engine's statistics, and for requests in them. */
function statisticsVerdict({ bytes, format }: Exposition): Verdict {
  const all = parseFamilies(bytes, undefined, format);
  const engine = all.map(({ name }) => engineOf(name)).find((each) => each !== undefined);
  const families = all.filter(({ name, type }) => type !== "untyped" && engineOf(name) === engine);
  if (engine === undefined || families.length === 0) {
    return failed(
      "the exposition has no vllm: family",
      "Start vLLM without --disable-log-stats. If this is not vLLM, correct VLLM_METRICS_URL.",
    );
  }
  const sumOf = (wanted: string): number | undefined =>
    families.find(({ name, type }) => sampleName(name, type)?.name === wanted)?.values
      .reduce((sum, value) => sum + value, 0);
  const running = sumOf("num_requests_running");
  // The Rust front end lists no finished requests before the first.
  const finished = sumOf("request_success_total") ?? 0;
  const requests = running === undefined
    ? ""
    : `; ${running} requests running, ${finished} finished since it started`;
  const lacks = engine.id === "vllm"
    ? lacking(new Set(families.map(({ name }) => name.replace(/^(?:kserve|ray)_/, ""))), format)
    : "";
  const found = `${families.length} families of ${engine.title}${requests}${lacks}`;
  if (running !== 0 || finished !== 0) return ok(found);
  return warn(
    `${found}: no traffic`,
    `Send ${engine.title} a request: until then rates and percentiles are empty.`,
  );
}

/** Says which families a newer vLLM has. */
function lacking(names: ReadonlySet<string>, format: Format): string {
  const missing = SINCE.flatMap(([since, all]) => {
    const some = all.filter((name) =>
      !names.has(`vllm_${name}`) && !(format === "openmetrics" && NOT_IN_RUST.test(name))
    );
    return some.length === 0 ? [] : [`${some.join(", ")} (since ${since})`];
  });
  return missing.length === 0 ? "" : `; your vLLM lacks ${missing.join("; ")}`;
}

/** What clients get: what is repaired and what is dropped, as at `/metrics`. */
function readersVerdict({ bytes, format }: Exposition): Verdict {
  const text = new TextDecoder().decode(bytes);
  const broken = BREAKERS.flatMap(([pattern, what]) => {
    const count = text.match(pattern)?.length ?? 0;
    return count === 0 ? [] : [`${count} ${what}`];
  });
  const sanitizer = new Sanitizer({ format });
  sanitizer.push(bytes, true);
  const repaired = broken.length === 0
    ? "Fluent Bit accepts it as it is"
    : `repaired for Fluent Bit: ${broken.join(", ")}`;
  const found = `${sanitizer.samples} samples for all clients; ${repaired}`;
  if (sanitizer.dropped.total === 0) return ok(found);
  const reasons = [...sanitizer.dropped.entries()]
    .map(([reason, lines]) => `${lines} of them ${DROP_REASONS[reason]} (${reason})`);
  return warn(
    `${found}; ${sanitizer.dropped.total} lines dropped`,
    `Look at these lines of vLLM: ${reasons.join(", ")}.`,
  );
}
