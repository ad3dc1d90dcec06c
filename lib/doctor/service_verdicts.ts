/** What the figures of a running service say. */

import type { OwnFigures } from "./own_figures.ts";
import type { Verdict } from "./walk.ts";

/** Something that is worth a look, and what to do about it. */
interface Remark {
  readonly found: string;
  readonly action: string;
}

/** Why Parseable does not take what the relay sends on, by its answer; "none" without one. */
const REFUSALS: Readonly<Record<string, string>> = {
  "none": "Is Parseable running, and is PARSEABLE_URL right?",
  "400": "The service's log has Parseable's words. A stream made for logs takes no metrics.",
  "401": "Fluent Bit sends no credentials: set P_USERNAME and P_PASSWORD for it.",
  "403": "The P_USERNAME or P_PASSWORD that Fluent Bit sends is wrong, or may not write.",
  "404": "There is no such stream or route: is PARSEABLE_URL right?",
};

/** Answers after which the data is gone. */
const LOST: readonly string[] = ["400", "413"];

/** Whether anybody but the history, which scrapes for the page and its file, asked for `/metrics`. */
function hasReaders(figures: OwnFigures): boolean {
  const scrapes = Math.max(0, ...figures.by("vllm_metrics_scrapes_total", "instance").values());
  return scrapes > figures.sum("vllm_metrics_history_polls_total") ||
    figures.sum("vllm_metrics_requests_refused_total") > 0 ||
    figures.sum("vllm_metrics_requests_unauthorized_total") > 0;
}

/** A browser asks once without credentials before it asks its user for them. */
const BROWSER_LOGINS = 10;

/** Requests without the right credentials, but for those of a few browsers that logged in. */
function unauthorized(figures: OwnFigures): number {
  const name = "vllm_metrics_requests_unauthorized_total";
  const missing = figures.by(name, "reason").get("missing") ?? 0;
  return figures.sum(name) - (missing <= BROWSER_LOGINS ? missing : 0);
}

/** A warning when there are remarks. */
function verdictOf(found: string, remarks: readonly Remark[]): Verdict<void> {
  if (remarks.length === 0) return { found };
  return {
    status: "warn",
    found: [found, ...remarks.map((remark) => remark.found)].join("; "),
    action: remarks.map(({ action }) => action).join(" "),
  };
}

/**
 * Judges the scrapes of vLLM since the service began.
 *
 * @param figures What the service counts.
 * @returns A warning when a server is down, or lines were left out.
 */
export function scrapesVerdict(figures: OwnFigures): Verdict<void> {
  const remarks: Remark[] = [];
  const down = [...figures.by("vllm_metrics_upstream_up", "instance")]
    .filter(([, up]) => up === 0).map(([instance]) => `"${instance}"`);
  if (down.length > 0) {
    remarks.push({
      found: `the last scrape of ${down.join(", ")} failed`,
      action: "The hops to vLLM say why; the service's log says since when.",
    });
  }
  const dropped = figures.reasons("vllm_metrics_dropped_lines_total", "reason");
  if (dropped !== "") {
    remarks.push({
      found: `lines were left out: ${dropped}`,
      action: "vllm-metrics sanitize < metrics.txt names the reasons for one scrape.",
    });
  }
  const failures = figures.reasons("vllm_metrics_scrape_failures_total", "code");
  return verdictOf(
    `${figures.sum("vllm_metrics_scrapes_total")} since it started, failed: ${failures || "none"}`,
    remarks,
  );
}

/**
 * Judges those who read `/metrics`.
 *
 * @param figures What the service counts.
 * @returns A warning when nobody reads, or somebody was turned away.
 */
export function readersVerdict(figures: OwnFigures): Verdict<void> {
  const remarks: Remark[] = [];
  const bytes = figures.sum("vllm_metrics_reply_bytes_total");
  if (!hasReaders(figures)) {
    remarks.push({
      found: "nobody has read /metrics yet",
      action: "Do Fluent Bit and Prometheus scrape this service, and not vLLM itself?",
    });
  }
  const refused = figures.sum("vllm_metrics_requests_refused_total");
  if (refused > 0) {
    remarks.push({
      found: `${refused} requests were refused, since too many came at once`,
      action: "Some reader hangs, or scrapes far too often.",
    });
  }
  const unknown = unauthorized(figures);
  if (unknown > 0) {
    remarks.push({
      found: `${unknown === 1 ? "1 request was" : `${unknown} requests were`} answered 401`,
      action: "Give the reader METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN.",
    });
  }
  return verdictOf(`${bytes} bytes handed out since it started`, remarks);
}

/**
 * Judges what the relay passes on.
 *
 * @param figures What the service counts.
 * @returns A warning when nothing comes, or Parseable does not take it.
 */
export function relayedVerdict(figures: OwnFigures): Verdict<void> {
  const remarks: Remark[] = [];
  const requests = figures.by("vllm_metrics_relay_requests_total", "code");
  const stored = requests.get("200") ?? 0;
  const refused = [...requests.values()].reduce((sum, count) => sum + count, 0) - stored;
  if (stored + refused === 0) {
    remarks.push({
      found: "nothing has come yet",
      action: "Does Fluent Bit run, and does it send to the port of OTLP_LISTEN_ADDRESS?",
    });
  }
  // A restart of Parseable in the past is nothing to look at; what it refused for good is lost.
  const isUp = figures.sum("vllm_metrics_parseable_up") > 0;
  const refusals = [...figures.by("vllm_metrics_parseable_answers_total", "code")]
    .filter(([code, count]) => code !== "200" && count > 0 && (!isUp || LOST.includes(code)));
  for (const [code, count] of refusals) {
    const answer = code === "none" ? "did not answer" : `answered ${code}`;
    remarks.push({
      found: `Parseable ${answer} (${count} of them)`,
      action: REFUSALS[code] ?? "The service's log has Parseable's words.",
    });
  }
  const dropped = figures.reasons("vllm_metrics_relay_points_dropped_total", "reason");
  if (dropped !== "") {
    remarks.push({
      found: `points were taken out, since Parseable cannot store them: ${dropped}`,
      action: "See vllm_metrics_relay_points_dropped_total.",
    });
  }
  return verdictOf(`${stored} requests stored since it started, ${refused} refused`, remarks);
}
