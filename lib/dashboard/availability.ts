/** What is shown when there is nothing to show: notes of empty tiles and charts, and no findings. */

import { isEmpty, isZero, type Line } from "./line.ts";
import type { Scope } from "./scope.ts";
import type { View, ViewTarget } from "./view.ts";

/** Words for an empty tile or chart. */
export const NOTES = {
  /** There was no request. */
  noTraffic: "no traffic",
  /** There are requests, but none has got this far. */
  collecting: "collecting…",
  /** Not enough scrapes for a verdict. */
  tooShort: "collecting, needs 1 min",
  /** This version of vLLM, or its configuration, does not have it. */
  notReported: "not reported by this vLLM",
  /** No scrape yet or recently, or no such model or engine. */
  noData: "no data",
  /** All selected servers are down. */
  down: "server down",
} as const;

/** What is known of the selected servers as a whole. */
export interface Availability {
  /** Whether all of them are down. */
  readonly isDown: boolean;
  /** Whether vLLM's metrics are there at all. */
  readonly isReported: boolean;
  /** Whether there is data for now. */
  readonly isKnown: boolean;
  /** Whether there was no request in the window. */
  readonly isIdle: boolean;
  /** Whether all of them sleep. */
  readonly isAsleep: boolean;
  /** Whether there are too few scrapes for a rate or a verdict. */
  readonly isCollecting: boolean;
}

/** What {@linkcode findAvailability} reads. */
export interface AvailabilityInput {
  /** The selected servers. */
  readonly targets: readonly ViewTarget[];
  /** The selected series, now. */
  readonly now: Scope;
  /** All series, now. */
  readonly everything: Scope;
  /** Since when the data is that of one run of the servers, in milliseconds. */
  readonly coveredMs: number;
}

/** The least time that rates and verdicts need, in milliseconds. */
export const LEAST_COVERED_MS = 60_000;

/** Looks at the selected servers as a whole. */
export function findAvailability(input: AvailabilityInput): Availability {
  const { targets, now, everything, coveredMs } = input;
  const running = now.gauge("num_requests_running");
  const traffic: (Line | undefined)[] = [
    running,
    now.gauge("num_requests_waiting"),
    now.rate("prompt_tokens_total"),
    now.rate("generation_tokens_total"),
  ];
  const isReported = everything.gauge("num_requests_running") !== undefined;
  const isScraped = targets.some(({ lastSuccessMs }) => lastSuccessMs !== undefined);
  return {
    isDown: targets.length > 0 && targets.every(({ up }) => up === false),
    isReported,
    isKnown: isScraped && (!isReported || !isEmpty(running ?? [])),
    isIdle: traffic.every((line) => line === undefined || isZero(line)),
    isAsleep: targets.length > 0 && targets.every(({ state }) => state === "sleeping"),
    isCollecting: coveredMs < LEAST_COVERED_MS,
  };
}

/** Says why a tile or a chart is empty. */
export function emptyNote(
  availability: Availability,
  isThere: boolean,
  inAllVersions: boolean,
): string {
  if (availability.isDown) return NOTES.down;
  if (!availability.isKnown) return NOTES.noData;
  const isReported = isThere || (inAllVersions && availability.isReported);
  if (!isReported) return NOTES.notReported;
  if (availability.isIdle) return NOTES.noTraffic;
  return availability.isCollecting ? NOTES.tooShort : NOTES.collecting;
}

/** A sentence, and whether it is good news. */
export interface NoFindings {
  /** The sentence; empty when there are findings, or no data. */
  readonly text: string;
  /** Whether all is well. */
  readonly isGood: boolean;
}

/** Reports no problems, unless a tile is critical or there is no data. */
export function noFindings({ findings, targets, tiles, status }: View): NoFindings {
  const nothing = { text: "", isGood: false };
  if (findings.length > 0 || targets.some(({ state }) => state !== "up")) return nothing;
  if (tiles.length > 0 && tiles.every(({ note }) => note === NOTES.notReported)) {
    const text = "vLLM answers, but reports none of this. Was it started with --disable-log-stats?";
    return { text, isGood: false };
  }
  if (tiles.every(({ value }) => value === null)) return nothing;
  if (tiles.some(({ level }) => level === "bad")) {
    return { text: "No diagnosis yet, but a metric below is critical.", isGood: false };
  }
  return status.state === "collecting"
    ? { text: `${status.text}.`, isGood: false }
    : { text: "✓ No problems found.", isGood: true };
}
