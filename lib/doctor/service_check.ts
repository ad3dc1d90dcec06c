/** The checks of the running service: its listeners, servers, clients, relay and engines. */

import { MetricsError } from "../errors.ts";
import { type Family, parseFamilies } from "../exposition/family.ts";
import { listOf, objectOf, textOf } from "../parseable/json.ts";
import { type CheckRun, failed, ok, type Verdict, warn } from "./check_run.ts";
import { checkCertificate } from "./connection.ts";
import { parseJson } from "./server_check.ts";

/** A listener of the running service. */
export type ServiceListener = {
  readonly origin: string;
  /** Whether the settings have credentials for it. */
  readonly hasCredentials: boolean;
  get(path: string, signal: AbortSignal): Promise<Pick<Response, "status" | "text">>;
};

/** The running service. */
export type ServiceCheckOptions = {
  readonly metrics: ServiceListener;
  /** Where its relay listens; undefined when the relay is off. */
  readonly relay: ServiceListener | undefined;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
};

const START_HINT = "Is vllm-metrics running, and does it listen where the settings say?";
const FOREIGN_HINT = "Another program has the port: stop it, or change LISTEN_ADDRESS.";
/** A browser sends one request without credentials before it asks its user for them. */
const BROWSER_LOGINS = 10;
/** Causes of Parseable's responses to the relay; "none" without a response. */
const CAUSES: Readonly<Record<string, string>> = {
  "none": "Is Parseable running, and is PARSEABLE_URL right?",
  "400": "The service's log has Parseable's words. A stream created for logs accepts no metrics.",
  "401": "Fluent Bit sends no credentials: set P_USERNAME and P_PASSWORD for it.",
  "403": "The P_USERNAME or P_PASSWORD that Fluent Bit sends is wrong, or may not write.",
  "404": "There is no such stream or route: is PARSEABLE_URL right?",
};
/** Responses after which the data is lost. */
const LOST: readonly string[] = ["400", "413"];

/** Checks the running service. */
export async function checkService(run: CheckRun, options: ServiceCheckOptions): Promise<void> {
  const { metrics, relay, nowMs } = options;
  await run.check("listener", (signal) => isReady(metrics, signal));
  if (metrics.origin.startsWith("https:")) {
    // It is for the name by which others know the service, so it cannot be verified from here.
    const renew = "Renew the file of TLS_CERT_FILE; no restart is needed.";
    await checkCertificate(run, new URL(metrics.origin), nowMs, renew);
  }
  if (relay === undefined) run.skip("relay", "it is off, since PARSEABLE_URL is not set");
  else await run.checkAside("relay", (signal) => isReady(relay, signal));
  const own = await run.check("own metrics", (signal) => readMetrics(metrics, signal));
  if (own === undefined) {
    for (const name of ["scrapes", "readers", ...relay ? ["relayed"] : [], "engines"]) {
      run.skip(name, "not known without the own metrics");
    }
    return;
  }
  await run.check("scrapes", async (signal) => scrapesVerdict(own, await downIn(metrics, signal)));
  await run.check("readers", () => readersVerdict(own));
  if (relay !== undefined) await run.check("relayed", () => relayedVerdict(own));
  await run.check("engines", (signal) => enginesVerdict(metrics, signal));
}

async function isReady(listener: ServiceListener, signal: AbortSignal): Promise<Verdict> {
  const { status, text } = await request(listener, "/-/ready", signal);
  const answer = text.trim();
  if (status === 200 && answer === "ready") return ok(`"${listener.origin}" is ready`);
  if (status === 503 && answer === "stopping") {
    return failed(`"${listener.origin}" is stopping`, "Wait for its next start.");
  }
  return failed(
    `what answers at "${listener.origin}" is not vllm-metrics (status ${status})`,
    FOREIGN_HINT,
  );
}

async function readMetrics(
  listener: ServiceListener,
  signal: AbortSignal,
): Promise<Verdict<SelfMetrics>> {
  const { origin, hasCredentials } = listener;
  const { status, text } = await request(listener, "/-/metrics", signal);
  const answered = `"${origin}/-/metrics" answered ${status}`;
  if (status === 401) {
    const action =
      "Set METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN, as the service has.";
    return hasCredentials
      ? failed(`${answered}: it does not accept these credentials`, action)
      : warn(`${answered}: it requires credentials`, action);
  }
  if (status !== 200) return failed(answered);
  const metrics = new SelfMetrics(new TextEncoder().encode(text));
  if (metrics.version !== undefined) return ok(`of version ${metrics.version}`, metrics);
  return failed(`${answered}, but not with the metrics of vllm-metrics`, FOREIGN_HINT);
}

/** The servers whose last scrape failed, from `/-/targets`. */
async function downIn(listener: ServiceListener, signal: AbortSignal): Promise<string[]> {
  const { text } = await request(listener, "/-/targets", signal);
  return listOf(objectOf(parseJson(text)).targets).map(objectOf)
    .filter(({ state }) => state === "down").map(({ instance }) => textOf(instance));
}

/** Whether engines make progress, from the service's own findings. */
async function enginesVerdict(listener: ServiceListener, signal: AbortSignal): Promise<Verdict> {
  const { status, text } = await request(listener, "/api/v1/view", signal);
  if (status !== 200) return warn(`"${listener.origin}/api/v1/view" answered ${status}`);
  const stalled = listOf(objectOf(parseJson(text)).findings).map(objectOf)
    .find(({ id }) => id === "engine_stalled");
  if (stalled === undefined) return ok("no engine is stalled");
  return failed(textOf(stalled.why).replace(/\.$/, ""), textOf(stalled.action));
}

async function request(
  { origin, get }: ServiceListener,
  path: string,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  try {
    const response = await get(path, signal);
    return { status: response.status, text: await response.text() };
  } catch (cause) {
    const message = `Cannot reach "${origin}${path}": no connection`;
    throw new MetricsError("SERVICE_UNREACHABLE", message, { hint: START_HINT, cause });
  }
}

/** The service's own metrics. */
class SelfMetrics {
  readonly #families: ReadonlyMap<string, Family>;

  /** Reads the response of `/-/metrics`. */
  constructor(bytes: Uint8Array) {
    this.#families = new Map(parseFamilies(bytes).map((family) => [family.name, family]));
  }

  /** The version of the service; undefined when these are not metrics of vllm-metrics. */
  get version(): string | undefined {
    return [...this.by("vllm_metrics_build_info", "version").keys()][0];
  }

  /** The sum of a metric. */
  sum(name: string): number {
    return (this.#families.get(name)?.values ?? new Float64Array())
      .reduce((sum, value) => sum + value, 0);
  }

  /** The sums of a metric by one of its labels. */
  by(name: string, label: string): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    const { series = [], values = [] } = this.#families.get(name) ?? {};
    series.forEach(({ labels }, index) => {
      const key = new Map(labels).get(label) ?? "";
      sums.set(key, (sums.get(key) ?? 0) + (values[index] ?? 0));
    });
    return sums;
  }

  /** The counts of a metric above zero, such as `3 bad_value`. */
  reasons(name: string, label: string): string {
    return [...this.by(name, label)].filter(([, count]) => count > 0)
      .map(([reason, count]) => `${count} ${reason}`).join(", ");
  }
}

/** A possible problem, and what to do about it. */
type Problem = readonly [isOne: boolean, found: string, action: string];

/** A warning when there are problems. */
function verdictOf(found: string, possible: readonly Problem[]): Verdict {
  const problems = possible.filter(([isOne]) => isOne);
  if (problems.length === 0) return ok(found);
  return warn(
    [found, ...problems.map(([, problem]) => problem)].join("; "),
    problems.map(([, , action]) => action).join(" "),
  );
}

/** Checks the scrapes of vLLM since the service started. */
function scrapesVerdict(metrics: SelfMetrics, down: readonly string[]): Verdict {
  const dropped = metrics.reasons("vllm_metrics_dropped_lines_total", "reason");
  const failures = metrics.reasons("vllm_metrics_scrape_failures_total", "code");
  const scrapes = metrics.sum("vllm_metrics_scrapes_total");
  return verdictOf(`${scrapes} since it started, failed: ${failures || "none"}`, [
    [
      down.length > 0,
      `the last scrape of ${down.map((name) => `"${name}"`).join(", ")} failed`,
      "The checks of vLLM say why; the service's log says since when.",
    ],
    [
      dropped !== "",
      `lines were dropped: ${dropped}`,
      "vllm-metrics sanitize < metrics.txt names the reasons for one scrape.",
    ],
  ]);
}

/** Checks the clients of `/metrics`. */
function readersVerdict(metrics: SelfMetrics): Verdict {
  const refused = metrics.sum("vllm_metrics_requests_refused_total");
  const name = "vllm_metrics_requests_unauthorized_total";
  const unauthorized = metrics.sum(name);
  const missing = metrics.by(name, "reason").get("missing") ?? 0;
  const rejected = unauthorized - (missing <= BROWSER_LOGINS ? missing : 0);
  // The history scrapes as well.
  const scrapes = Math.max(0, ...metrics.by("vllm_metrics_scrapes_total", "instance").values()) -
    metrics.sum("vllm_metrics_history_polls_total");
  const bytes = metrics.sum("vllm_metrics_reply_bytes_total");
  return verdictOf(`${bytes} bytes sent since it started`, [
    [
      scrapes <= 0 && refused === 0 && unauthorized === 0,
      "nobody has read /metrics yet",
      "Do Fluent Bit and Prometheus scrape this service, and not vLLM itself?",
    ],
    [
      refused > 0,
      `${refused} requests were refused, since too many came at once`,
      "A client hangs, or scrapes far too often.",
    ],
    [
      rejected > 0,
      `${rejected === 1 ? "1 request was" : `${rejected} requests were`} answered 401`,
      "Give the client METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN.",
    ],
  ]);
}

/** Checks what the relay forwards. */
function relayedVerdict(metrics: SelfMetrics): Verdict {
  const all = metrics.sum("vllm_metrics_relay_requests_total");
  const stored = metrics.by("vllm_metrics_relay_requests_total", "code").get("200") ?? 0;
  // A past restart of Parseable does not matter; what it rejected for good is lost.
  const isUp = metrics.sum("vllm_metrics_parseable_up") > 0;
  const rejections = [...metrics.by("vllm_metrics_parseable_answers_total", "code")]
    .filter(([code, count]) => code !== "200" && count > 0 && (!isUp || LOST.includes(code)));
  const dropped = metrics.reasons("vllm_metrics_relay_points_dropped_total", "reason");
  return verdictOf(`${stored} requests stored since it started, ${all - stored} refused`, [
    [
      all === 0,
      "nothing has arrived yet",
      "Does Fluent Bit run, and does it send to the port of OTLP_LISTEN_ADDRESS?",
    ],
    ...rejections.map(([code, count]): Problem => [
      true,
      `Parseable ${code === "none" ? "did not answer" : `answered ${code}`} (${count} times)`,
      CAUSES[code] ?? "The service's log has Parseable's words.",
    ]),
    [
      dropped !== "",
      `points were dropped, since Parseable cannot store them: ${dropped}`,
      "See vllm_metrics_relay_points_dropped_total.",
    ],
  ]);
}
