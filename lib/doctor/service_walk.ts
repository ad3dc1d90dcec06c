/** The hops to the running service: its two listeners, and what it counts. */

import { MetricsError } from "../errors.ts";
import type { Verdict, Walk } from "./walk.ts";

/** The running service. */
export interface ServiceWalkOptions {
  /** Where its metrics are served: an origin such as `http://127.0.0.1:9090`. */
  readonly metrics: string;
  /** Where its relay listens; undefined when the relay is off. */
  readonly relay: string | undefined;
  /** Sends a GET request straight to the service. */
  readonly get: (url: string, signal: AbortSignal) => Promise<Response>;
}

const START_HINT = "Is vllm-metrics running, and does it listen where the settings say?";

/**
 * Walks to the running service.
 *
 * @param walk Takes the hops.
 * @param options Where it is.
 */
export async function walkService(walk: Walk, options: ServiceWalkOptions): Promise<void> {
  const { metrics, relay, get } = options;
  await walk.aside("metrics listener", (signal) => isReady(metrics, get, signal));
  if (relay === undefined) walk.skip("relay", "it is off, since PARSEABLE_URL is not set");
  else await walk.aside("relay", (signal) => isReady(relay, get, signal));
  await walk.step("own metrics", (signal) => ownMetrics(options, signal));
}

async function isReady(
  origin: string,
  get: ServiceWalkOptions["get"],
  signal: AbortSignal,
): Promise<Verdict<void>> {
  const { status, text } = await ask(`${origin}/-/ready`, get, signal);
  if (status === 200) return { found: `"${origin}" is ready` };
  return { status: "failed", found: `"${origin}/-/ready" answered ${status}: ${text.trim()}` };
}

async function ownMetrics(
  { metrics, relay, get }: ServiceWalkOptions,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  const { status, text } = await ask(`${metrics}/-/metrics`, get, signal);
  if (status === 401) {
    return {
      status: "warn",
      found: `"${metrics}/-/metrics" wants credentials`,
      action:
        "Set METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN, as the service has.",
    };
  }
  if (status !== 200) {
    return { status: "failed", found: `"${metrics}/-/metrics" answered ${status}` };
  }
  const version = /^vllm_metrics_build_info\{.*\bversion="([^"]+)"/m.exec(text)?.[1] ?? "unknown";
  const scrapes = sumOf(text, "vllm_metrics_scrapes_total");
  const stored = sumOf(text, "vllm_metrics_relay_requests_total", 'code="200"');
  const refused = sumOf(text, "vllm_metrics_relay_requests_total") - stored;
  const relayed = relay === undefined ? "" : `, ${stored} requests relayed, ${refused} refused`;
  const found = `version ${version}; since its start ${scrapes} scrapes${relayed}`;
  if (/^vllm_metrics_upstream_up(?:\{.*\})? 0$/m.test(text)) {
    return {
      status: "warn",
      found: `${found}; its last scrape failed`,
      action: "The hops to vLLM say why; the service's log says since when.",
    };
  }
  if (relay === undefined || stored > 0) return { found };
  return {
    status: "warn",
    found: `${found}: nothing has been relayed yet`,
    action: "Does Fluent Bit run, and does it send to the port of OTLP_LISTEN_ADDRESS?",
  };
}

/** Adds up the samples of a family, all or those with a label. */
function sumOf(text: string, family: string, label = ""): number {
  return text.split("\n")
    .filter((line) => line.startsWith(`${family}{`) || line.startsWith(`${family} `))
    .filter((line) => line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

async function ask(
  url: string,
  get: ServiceWalkOptions["get"],
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  try {
    const response = await get(url, signal);
    return { status: response.status, text: await response.text() };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new MetricsError("SERVICE_UNREACHABLE", `Cannot reach "${url}": no connection`, {
      hint: START_HINT,
      cause: error,
    });
  }
}
