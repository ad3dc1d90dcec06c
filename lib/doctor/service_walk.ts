/** The hops to the running service: its two listeners, and what it counts. */

import { MetricsError } from "../errors.ts";
import { listOf, objectOf, textOf } from "../parseable/json.ts";
import { endOf, expiryVerdict, readCertificate } from "./certificate.ts";
import { OwnFigures } from "./own_figures.ts";
import { readersVerdict, relayedVerdict, scrapesVerdict } from "./service_verdicts.ts";
import type { Verdict, Walk } from "./walk.ts";

/** A listener of the running service. */
export interface Listening {
  /** Its address, such as `http://127.0.0.1:9090`. */
  readonly origin: string;
  /** Whether the settings have credentials for it. */
  readonly hasCredentials: boolean;
  /** Sends a GET request for a path. */
  get(path: string, signal: AbortSignal): Promise<Response>;
}

/** The running service. */
export interface ServiceWalkOptions {
  /** Where its metrics are served. */
  readonly metrics: Listening;
  /** Where its relay listens; undefined when the relay is off. */
  readonly relay: Listening | undefined;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
}

const START_HINT = "Is vllm-metrics running, and does it listen where the settings say?";
const FOREIGN_HINT = "Another program has the port: end it, or set LISTEN_ADDRESS to another one.";

/**
 * Walks to the running service.
 *
 * @param walk Takes the hops.
 * @param options Where it is.
 */
export async function walkService(walk: Walk, options: ServiceWalkOptions): Promise<void> {
  const { metrics, relay, nowMs } = options;
  await walk.step("listener", (signal) => isReady(metrics, signal));
  if (metrics.origin.startsWith("https:")) {
    await walk.aside("certificate", (signal) => certificateVerdict(metrics, nowMs, signal));
  }
  if (relay === undefined) walk.skip("relay", "it is off, since PARSEABLE_URL is not set");
  else await walk.aside("relay", (signal) => isReady(relay, signal));
  const figures = await walk.step("own metrics", (signal) => ownMetrics(metrics, signal));
  const verdicts = {
    scrapes: scrapesVerdict,
    readers: readersVerdict,
    ...(relay === undefined ? {} : { relayed: relayedVerdict }),
  };
  for (const [name, verdictOf] of Object.entries(verdicts)) {
    if (figures === undefined) walk.skip(name, "not known without the own metrics");
    else await walk.step(name, () => verdictOf(figures));
  }
  if (figures === undefined) walk.skip("engines", "not known without the own metrics");
  else await walk.step("engines", (signal) => enginesVerdict(metrics, signal));
}

async function isReady(listener: Listening, signal: AbortSignal): Promise<Verdict<void>> {
  const { status, text } = await ask(listener, "/-/ready", signal);
  const said = text.trim();
  if (status === 200 && said === "ready") return { found: `"${listener.origin}" is ready` };
  const isOurs = status === 503 && said === "stopping";
  return {
    status: "failed",
    found: isOurs
      ? `"${listener.origin}" is stopping`
      : `what answers at "${listener.origin}" is no vllm-metrics (status ${status})`,
    action: isOurs ? "Wait for its next start." : FOREIGN_HINT,
  };
}

async function certificateVerdict(
  { origin }: Listening,
  nowMs: number,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  const end = endOf(new URL(origin));
  // It is for the name by which others know the service, so that cannot be verified from here.
  const certificate = await readCertificate(end, { skipVerify: true }, signal);
  return expiryVerdict(
    certificate,
    nowMs,
    "Renew the file of TLS_CERT_FILE; no restart is needed.",
  );
}

async function ownMetrics(
  listener: Listening,
  signal: AbortSignal,
): Promise<Verdict<OwnFigures>> {
  const { origin, hasCredentials } = listener;
  const { status, text } = await ask(listener, "/-/metrics", signal);
  const url = `${origin}/-/metrics`;
  if (status === 401) {
    return {
      status: hasCredentials ? "failed" : "warn",
      found: `"${url}" answered 401: ` +
        (hasCredentials ? "it does not take these credentials" : "it wants credentials"),
      action:
        "Set METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN, as the service has.",
    };
  }
  if (status !== 200) return { status: "failed", found: `"${url}" answered ${status}` };
  const version = /^vllm_metrics_build_info\{.*\bversion="([\w.+-]+)"/m.exec(text)?.[1];
  if (version !== undefined) {
    return { found: `of version ${version}`, value: new OwnFigures(text) };
  }
  return {
    status: "failed",
    found: `"${url}" answered 200, but not with the metrics of vllm-metrics`,
    action: FOREIGN_HINT,
  };
}

/** Whether engines make progress, as the service's own findings say. */
async function enginesVerdict(listener: Listening, signal: AbortSignal): Promise<Verdict<void>> {
  const { status, text } = await ask(listener, "/api/v1/view", signal);
  if (status !== 200) {
    return { status: "warn", found: `"${listener.origin}/api/v1/view" answered ${status}` };
  }
  const stalled = findingIn(text, "engine_stalled");
  if (stalled === undefined) return { found: "no engine is stalled" };
  return { status: "failed", found: stalled.why.replace(/\.$/, ""), action: stalled.action };
}

/** A finding of a view, by its id; undefined when there is none. */
function findingIn(view: string, id: string): { why: string; action: string } | undefined {
  const findings = listOf(objectOf(JSON.parse(view)).findings).map(objectOf);
  const found = findings.find((finding) => finding.id === id);
  return found && { why: textOf(found.why), action: textOf(found.action) };
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
      { hint: START_HINT, cause: error },
    );
  }
}
