/** Requests that end badly. */

import { CLIENT_DISCONNECT, increases } from "../finish_reasons.ts";
import { formatShare } from "../format.ts";
import { count, type Diagnosis, type FindingRule, LINKS } from "./finding_rule.ts";

/** Share of failed requests at which llm-d's rules warn, and at which they alert. */
const ERROR_SHARE = { warn: 0.01, bad: 0.05 } as const;
/** Share of requests given up by their clients at which waiting is a likely cause. */
const ABORT_SHARE = 0.1;
/** Share of rejected requests that is critical. */
const REJECTED_SHARE = 0.05;

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, value) => total + value, 0);
}

/** Requests fail. */
export const FAILED_REQUESTS: FindingRule = {
  id: "error_share",
  title: "Requests fail",
  condition: "1% or more in the last five minutes; critical from 5%.",
  find({ shared: { ended } }): Diagnosis | undefined {
    const [errors, all] = [ended.error ?? 0, sum(ended)];
    const share = all === 0 ? 0 : errors / all;
    if (share < ERROR_SHARE.warn) return undefined;
    return {
      level: share >= ERROR_SHARE.bad ? "bad" : "warn",
      why: `${formatShare(share)} of ${count(all, "request")} in the last five minutes ended ` +
        "with an error.",
      action: "Read vLLM's log for the cause before you change any setting.",
      link: LINKS.troubleshooting,
    };
  },
};

/** Clients give up. */
export const ABORTED_REQUESTS: FindingRule = {
  id: "abort_share",
  title: "Clients give up",
  condition: "10% or more of the requests of the last five minutes were aborted, or their client " +
    "disconnected.",
  find({ shared: { ended } }): Diagnosis | undefined {
    const [aborts, all] = [(ended.abort ?? 0) + (ended[CLIENT_DISCONNECT] ?? 0), sum(ended)];
    const share = all === 0 ? 0 : aborts / all;
    if (share < ABORT_SHARE) return undefined;
    return {
      level: "warn",
      why: `${formatShare(share)} of ${count(all, "request")} in the last five minutes were ` +
        "given up by their clients.",
      action: "Compare the time to first token (TTFT) and the end-to-end latency with the " +
        "clients' timeouts.",
      link: LINKS.tuning,
    };
  },
};

/** A full queue rejects requests. */
export const REJECTED_REQUESTS: FindingRule = {
  id: "rejections",
  title: "A full queue rejects requests",
  condition: "any in the last five minutes; critical from 5%.",
  find({ recent, shared: { ended } }): Diagnosis | undefined {
    const rejected = increases(recent, "admission_rejections_total", "reason");
    const rejections = sum(rejected);
    // Less than half a request is an artifact of extrapolation.
    if (rejections < 0.5) return undefined;
    const share = rejections / (rejections + sum(ended));
    const limits = Object.keys(rejected).filter((reason) => (rejected[reason] ?? 0) > 0).sort()
      .map((reason) => `--${reason.replaceAll("_", "-")}`).join(" and ");
    return {
      level: share >= REJECTED_SHARE ? "bad" : "warn",
      why: `${count(rejections, "request")} in the last five minutes were answered with 503, ` +
        `${formatShare(share)} of all; the limit was ${limits}.`,
      action: `Add servers or make the queue move faster; ${limits} only sets how long it may get.`,
      link: LINKS.serve,
    };
  },
};
