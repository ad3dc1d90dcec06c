/** Rules on requests that end badly. */

import { CLIENT_DISCONNECT } from "../client_disconnects.ts";
import { formatShare } from "../format.ts";
import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";
import { count, LINKS } from "./rule.ts";

/** Share of failed requests: llm-d's rules warn here and alert at the other. */
const ERROR_SHARE = { warn: 0.01, bad: 0.05 } as const;
/** Share of requests given up by their clients from which on they seem to be tired of waiting. */
const ABORT_SHARE = 0.1;
/** Share of requests turned away from which on it is bad. */
const BAD_REJECTED_SHARE = 0.05;

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, value) => total + value, 0);
}

/** Requests fail. */
export function errorShare({ ended }: Observations): Finding | undefined {
  const [errors, all] = [ended.error ?? 0, sum(ended)];
  const share = all === 0 ? 0 : errors / all;
  if (share < ERROR_SHARE.warn) return undefined;
  return {
    id: "error_share",
    level: share >= ERROR_SHARE.bad ? "bad" : "warn",
    title: "Requests fail",
    why: `${formatShare(share)} of ${count(all, "request")} in the last five minutes ended with ` +
      "an error.",
    action: "Read vLLM's log for the cause. No setting is to blame before that is known.",
    link: LINKS.troubleshooting,
  };
}

/** Clients give up. */
export function abortShare({ ended }: Observations): Finding | undefined {
  const [aborts, all] = [(ended.abort ?? 0) + (ended[CLIENT_DISCONNECT] ?? 0), sum(ended)];
  const share = all === 0 ? 0 : aborts / all;
  if (share < ABORT_SHARE) return undefined;
  return {
    id: "abort_share",
    level: "warn",
    title: "Clients give up",
    why: `${formatShare(share)} of ${count(all, "request")} in the last five minutes were ` +
      "given up by their clients.",
    action: "Compare the time to first token and the length of whole requests with the clients' " +
      "time limits.",
    link: LINKS.tuning,
  };
}

/** A full queue turns requests away. */
export function rejections({ rejected, ended }: Observations): Finding | undefined {
  const turnedAway = sum(rejected);
  // Less than half a request is what extrapolation makes of none.
  if (turnedAway < 0.5) return undefined;
  const share = turnedAway / (turnedAway + sum(ended));
  const settings = Object.keys(rejected).filter((name) => (rejected[name] ?? 0) > 0).sort();
  return {
    id: "rejections",
    level: share >= BAD_REJECTED_SHARE ? "bad" : "warn",
    title: "A full queue turns requests away",
    why: `${count(turnedAway, "request")} in the last five minutes were answered with 503, ` +
      `${formatShare(share)} of all; the limit was ${settings.join(" and ")}.`,
    action: `Add servers or make the queue move faster; ${settings.join(" and ")} only sets how ` +
      "long it may get.",
    link: LINKS.serve,
  };
}
