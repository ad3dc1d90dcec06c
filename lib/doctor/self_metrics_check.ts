/** What the metrics of a running service say. */

import { type Family, parseFamilies } from "../exposition/family.ts";
import type { Verdict } from "./check_run.ts";

/** The service's own metrics. */
export class SelfMetrics {
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

/** A problem, and what to do about it. */
interface Problem {
  readonly found: string;
  readonly action: string;
}

/** A warning when there are problems. */
function verdictOf(found: string, problems: readonly Problem[]): Verdict<void> {
  if (problems.length === 0) return { found };
  return {
    status: "warn",
    found: [found, ...problems.map((problem) => problem.found)].join("; "),
    action: problems.map(({ action }) => action).join(" "),
  };
}

/** Checks the scrapes of vLLM since the service started. */
export function scrapesVerdict(metrics: SelfMetrics, down: readonly string[]): Verdict<void> {
  const problems: Problem[] = [];
  if (down.length > 0) {
    problems.push({
      found: `the last scrape of ${down.map((name) => `"${name}"`).join(", ")} failed`,
      action: "The checks of vLLM say why; the service's log says since when.",
    });
  }
  const dropped = metrics.reasons("vllm_metrics_dropped_lines_total", "reason");
  if (dropped !== "") {
    problems.push({
      found: `lines were dropped: ${dropped}`,
      action: "vllm-metrics sanitize < metrics.txt names the reasons for one scrape.",
    });
  }
  const failures = metrics.reasons("vllm_metrics_scrape_failures_total", "code");
  return verdictOf(
    `${metrics.sum("vllm_metrics_scrapes_total")} since it started, failed: ${failures || "none"}`,
    problems,
  );
}

/** Whether a client, other than the recorder of the history, requested `/metrics`. */
function hasClients(metrics: SelfMetrics): boolean {
  const scrapes = Math.max(0, ...metrics.by("vllm_metrics_scrapes_total", "instance").values());
  return scrapes > metrics.sum("vllm_metrics_history_polls_total") ||
    metrics.sum("vllm_metrics_requests_refused_total") > 0 ||
    metrics.sum("vllm_metrics_requests_unauthorized_total") > 0;
}

/** A browser sends one request without credentials before it asks its user for them. */
const BROWSER_LOGINS = 10;

/** Requests without valid credentials, except those of a few browsers that logged in. */
function unauthorized(metrics: SelfMetrics): number {
  const name = "vllm_metrics_requests_unauthorized_total";
  const missing = metrics.by(name, "reason").get("missing") ?? 0;
  return metrics.sum(name) - (missing <= BROWSER_LOGINS ? missing : 0);
}

/** Checks the clients of `/metrics`. */
export function clientsVerdict(metrics: SelfMetrics): Verdict<void> {
  const problems: Problem[] = [];
  if (!hasClients(metrics)) {
    problems.push({
      found: "nobody has read /metrics yet",
      action: "Do Fluent Bit and Prometheus scrape this service, and not vLLM itself?",
    });
  }
  const refused = metrics.sum("vllm_metrics_requests_refused_total");
  if (refused > 0) {
    problems.push({
      found: `${refused} requests were refused, since too many came at once`,
      action: "A client hangs, or scrapes far too often.",
    });
  }
  const rejected = unauthorized(metrics);
  if (rejected > 0) {
    problems.push({
      found: `${rejected === 1 ? "1 request was" : `${rejected} requests were`} answered 401`,
      action: "Give the client METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN.",
    });
  }
  const bytes = metrics.sum("vllm_metrics_reply_bytes_total");
  return verdictOf(`${bytes} bytes sent since it started`, problems);
}

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

/** Checks what the relay forwards. */
export function relayedVerdict(metrics: SelfMetrics): Verdict<void> {
  const problems: Problem[] = [];
  const requests = metrics.by("vllm_metrics_relay_requests_total", "code");
  const stored = requests.get("200") ?? 0;
  const refused = [...requests.values()].reduce((sum, count) => sum + count, 0) - stored;
  if (stored + refused === 0) {
    problems.push({
      found: "nothing has arrived yet",
      action: "Does Fluent Bit run, and does it send to the port of OTLP_LISTEN_ADDRESS?",
    });
  }
  // A past restart of Parseable does not matter; what it rejected for good is lost.
  const isUp = metrics.sum("vllm_metrics_parseable_up") > 0;
  const rejections = [...metrics.by("vllm_metrics_parseable_answers_total", "code")]
    .filter(([code, count]) => code !== "200" && count > 0 && (!isUp || LOST.includes(code)));
  for (const [code, count] of rejections) {
    const response = code === "none" ? "did not answer" : `answered ${code}`;
    problems.push({
      found: `Parseable ${response} (${count} times)`,
      action: CAUSES[code] ?? "The service's log has Parseable's words.",
    });
  }
  const dropped = metrics.reasons("vllm_metrics_relay_points_dropped_total", "reason");
  if (dropped !== "") {
    problems.push({
      found: `points were dropped, since Parseable cannot store them: ${dropped}`,
      action: "See vllm_metrics_relay_points_dropped_total.",
    });
  }
  return verdictOf(`${stored} requests stored since it started, ${refused} refused`, problems);
}
