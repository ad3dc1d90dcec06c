/** The checks of the running service: its listeners, servers, clients, relay and engines. */

import { MetricsError } from "../errors.ts";
import { listOf, objectOf, textOf } from "../parseable/json.ts";
import type { CheckRun, Verdict } from "./check_run.ts";
import { endpointOf, expiryVerdict, readCertificate } from "./connection.ts";
import {
  clientsVerdict,
  relayedVerdict,
  scrapesVerdict,
  SelfMetrics,
} from "./self_metrics_check.ts";

/** A listener of the running service. */
export interface ServiceListener {
  /** Its address, such as `http://127.0.0.1:9090`. */
  readonly origin: string;
  /** Whether the settings have credentials for it. */
  readonly hasCredentials: boolean;
  /** Sends a GET request for a path. */
  get(path: string, signal: AbortSignal): Promise<Pick<Response, "status" | "text">>;
}

/** The running service. */
export interface ServiceCheckOptions {
  /** Where its metrics are served. */
  readonly metrics: ServiceListener;
  /** Where its relay listens; undefined when the relay is off. */
  readonly relay: ServiceListener | undefined;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
}

const START_HINT = "Is vllm-metrics running, and does it listen where the settings say?";
const FOREIGN_HINT = "Another program has the port: stop it, or change LISTEN_ADDRESS.";

/** Checks the running service. */
export async function checkService(run: CheckRun, options: ServiceCheckOptions): Promise<void> {
  const { metrics, relay, nowMs } = options;
  await run.check("listener", (signal) => isReady(metrics, signal));
  if (metrics.origin.startsWith("https:")) {
    await run.checkAside("certificate", (signal) => certificateVerdict(metrics, nowMs, signal));
  }
  if (relay === undefined) run.skip("relay", "it is off, since PARSEABLE_URL is not set");
  else await run.checkAside("relay", (signal) => isReady(relay, signal));
  const own = await run.check("own metrics", (signal) => readMetrics(metrics, signal));
  if (own === undefined) {
    for (const name of ["scrapes", "readers", ...relay === undefined ? [] : ["relayed"]]) {
      run.skip(name, "not known without the own metrics");
    }
    run.skip("engines", "not known without the own metrics");
    return;
  }
  await run.check("scrapes", async (signal) => scrapesVerdict(own, await downIn(metrics, signal)));
  await run.check("readers", () => clientsVerdict(own));
  if (relay !== undefined) await run.check("relayed", () => relayedVerdict(own));
  await run.check("engines", (signal) => enginesVerdict(metrics, signal));
}

async function isReady(listener: ServiceListener, signal: AbortSignal): Promise<Verdict<void>> {
  const { status, text } = await request(listener, "/-/ready", signal);
  const answer = text.trim();
  if (status === 200 && answer === "ready") return { found: `"${listener.origin}" is ready` };
  const isStopping = status === 503 && answer === "stopping";
  return {
    status: "failed",
    found: isStopping
      ? `"${listener.origin}" is stopping`
      : `what answers at "${listener.origin}" is not vllm-metrics (status ${status})`,
    action: isStopping ? "Wait for its next start." : FOREIGN_HINT,
  };
}

async function certificateVerdict(
  { origin }: ServiceListener,
  nowMs: number,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  const endpoint = endpointOf(new URL(origin));
  // It is for the name by which others know the service, so it cannot be verified from here.
  const certificate = await readCertificate(endpoint, { skipVerify: true }, signal);
  return expiryVerdict(
    certificate,
    nowMs,
    "Renew the file of TLS_CERT_FILE; no restart is needed.",
  );
}

async function readMetrics(
  listener: ServiceListener,
  signal: AbortSignal,
): Promise<Verdict<SelfMetrics>> {
  const { origin, hasCredentials } = listener;
  const { status, text } = await request(listener, "/-/metrics", signal);
  const url = `${origin}/-/metrics`;
  if (status === 401) {
    return {
      status: hasCredentials ? "failed" : "warn",
      found: `"${url}" answered 401: ` +
        (hasCredentials ? "it does not accept these credentials" : "it requires credentials"),
      action:
        "Set METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN, as the service has.",
    };
  }
  if (status !== 200) return { status: "failed", found: `"${url}" answered ${status}` };
  const metrics = new SelfMetrics(new TextEncoder().encode(text));
  if (metrics.version !== undefined) {
    return { found: `of version ${metrics.version}`, value: metrics };
  }
  return {
    status: "failed",
    found: `"${url}" answered 200, but not with the metrics of vllm-metrics`,
    action: FOREIGN_HINT,
  };
}

/** The servers whose last scrape failed, from `/-/targets`. */
async function downIn(listener: ServiceListener, signal: AbortSignal): Promise<string[]> {
  const { text } = await request(listener, "/-/targets", signal);
  return listOf(parse(text).targets).map(objectOf)
    .filter(({ state }) => state === "down").map(({ instance }) => textOf(instance));
}

/** Whether engines make progress, from the service's own findings. */
async function enginesVerdict(
  listener: ServiceListener,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  const { status, text } = await request(listener, "/api/v1/view", signal);
  if (status !== 200) {
    return { status: "warn", found: `"${listener.origin}/api/v1/view" answered ${status}` };
  }
  const findings = listOf(parse(text).findings).map(objectOf);
  const stalled = findings.find(({ id }) => id === "engine_stalled");
  if (stalled === undefined) return { found: "no engine is stalled" };
  return {
    status: "failed",
    found: textOf(stalled.why).replace(/\.$/, ""),
    action: textOf(stalled.action),
  };
}

/** A JSON object; an empty one for what is none. */
function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return {};
  }
}

async function request(
  { origin, get }: ServiceListener,
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
      { hint: START_HINT, cause: error },
    );
  }
}
