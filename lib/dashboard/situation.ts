/** What explains that a tile or a chart is empty. */

import type { ViewTarget } from "./view.ts";
import type { Scope } from "./scope.ts";
import { isEmpty, isZero, type Line } from "./line.ts";

/** Words for an empty tile or chart. */
export const NOTES = {
  /** No request was there. */
  noTraffic: "no traffic",
  /** Requests are there, but none has got so far. */
  nothingYet: "nothing yet",
  /** This version of vLLM, or the way it was started, does not have it. */
  notReported: "not reported by this vLLM",
  /** Nobody has scraped yet or of late, or there is no such model or engine. */
  noData: "no data",
  /** All servers that are looked at are down. */
  down: "server down",
} as const;

/** What is known of the servers as a whole. */
export interface Situation {
  /** Whether all servers that are looked at are down. */
  readonly down: boolean;
  /** Whether vLLM's metrics are there at all. */
  readonly reported: boolean;
  /** Whether anything is known of the moment. */
  readonly known: boolean;
  /** Whether no request was there in the last minute. */
  readonly idle: boolean;
}

/** What {@linkcode lookAround} looks at. */
export interface LookAroundInput {
  /** The servers that are chosen. */
  readonly targets: readonly ViewTarget[];
  /** What is chosen, at this moment. */
  readonly now: Scope;
  /** Everything, whatever is chosen, at this moment. */
  readonly everything: Scope;
}

/** Looks at the servers as a whole. */
export function lookAround({ targets, now, everything }: LookAroundInput): Situation {
  const running = now.gauge("num_requests_running");
  const traffic: (Line | undefined)[] = [
    running,
    now.gauge("num_requests_waiting"),
    now.rate("prompt_tokens_total"),
    now.rate("generation_tokens_total"),
  ];
  const reported = everything.gauge("num_requests_running") !== undefined;
  const scraped = targets.some(({ lastSuccessMs }) => lastSuccessMs !== undefined);
  return {
    down: targets.length > 0 && targets.every(({ up }) => up === false),
    known: scraped && (!reported || !isEmpty(running ?? [])),
    reported,
    idle: traffic.every((line) => line === undefined || isZero(line)),
  };
}

/**
 * Says why a tile or a chart is empty.
 *
 * @param situation What is known of the servers.
 * @param isThere Whether the history has the series, though without values.
 * @param inAllVersions Whether all versions of vLLM have the metric, at the latest after the first request.
 * @returns One of {@linkcode NOTES}.
 */
export function noteFor(situation: Situation, isThere: boolean, inAllVersions: boolean): string {
  if (situation.down) return NOTES.down;
  if (!situation.known) return NOTES.noData;
  const reported = isThere || (inAllVersions && situation.reported);
  if (!reported) return NOTES.notReported;
  return situation.idle ? NOTES.noTraffic : NOTES.nothingYet;
}
