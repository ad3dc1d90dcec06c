/** The hops to the running service: its two listeners, and what it counts. */

import { MetricsError } from "../errors.ts";
import type { Verdict, Walk } from "./walk.ts";

/** A listener of the running service. */
export interface Listening {
  /** Its address, such as `http://127.0.0.1:9090`. */
  readonly origin: string;
  /** Sends a GET request for a path. */
  get(path: string, signal: AbortSignal): Promise<Response>;
}

/** The running service. */
export interface ServiceWalkOptions {
  /** Where its metrics are served. */
  readonly metrics: Listening;
  /** Where its relay listens; undefined when the relay is off. */
  readonly relay: Listening | undefined;
}

const START_HINT = "Is vllm-metrics running, and does it listen where the settings say?";

/**
 * Walks to the running service.
 *
 * @param walk Takes the hops.
 * @param options Where it is.
 */
export async function walkService(walk: Walk, options: ServiceWalkOptions): Promise<void> {
  const { metrics, relay } = options;
  await walk.aside("metrics listener", (signal) => isReady(metrics, signal));
  if (relay === undefined) walk.skip("relay", "it is off, since PARSEABLE_URL is not set");
  else await walk.aside("relay", (signal) => isReady(relay, signal));
  await walk.step("own metrics", (signal) => ownMetrics(options, signal));
}

async function isReady(listener: Listening, signal: AbortSignal): Promise<Verdict<void>> {
  const { status, text } = await ask(listener, "/-/ready", signal);
  if (status === 200) return { found: `"${listener.origin}" is ready` };
  return {
    status: "failed",
    found: `"${listener.origin}/-/ready" answered ${status}: ${text.trim()}`,
  };
}

async function ownMetrics(
  { metrics, relay }: ServiceWalkOptions,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  const { status, text } = await ask(metrics, "/-/metrics", signal);
  const url = `${metrics.origin}/-/metrics`;
  if (status === 401) {
    return {
      status: "warn",
      found: `"${url}" wants credentials`,
      action:
        "Set METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN, as the service has.",
    };
  }
  if (status !== 200) {
    return { status: "failed", found: `"${url}" answered ${status}` };
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
  { origin, get }: Listening,
  path: string,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  try {
    const response = await get(path, signal);
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw new MetricsError(
      "SERVICE_UNREACHABLE",
      `Cannot reach "${origin}${path}": no connection`,
      {
        hint: START_HINT,
        cause: error,
      },
    );
  }
}
