/** `GET /-/targets`: the servers and their state, as JSON. */

import type { MetricsError } from "../errors.ts";

/** The servers, as far as routes show them. */
export interface TargetList {
  /** Whether samples carry a label that distinguishes the servers. */
  readonly isMerged: boolean;
  /** The servers as of the last lookup, in the order of the configuration. */
  readonly list: readonly Target[];
  /** Looks up discovered servers, within a time in milliseconds. */
  refresh(waitMs: number): Promise<unknown>;
}

/** A server, as far as routes show it. */
export interface Target {
  /** Distinguishes it from the others. */
  readonly name: string;
  /** Its address for people, without secrets. */
  readonly label: string;
  /** What is known of it. */
  readonly state: {
    readonly sentence: string;
    readonly current: string;
    readonly scrapedMs: number | undefined;
    readonly succeededMs: number | undefined;
    readonly lastFailure: { readonly error: MetricsError; readonly timeMs: number } | undefined;
  };
}

/** A server, as the route reports it. */
export interface TargetReport {
  /** Distinguishes it from others, as in the label `instance` and in `/metrics/NAME`. */
  readonly instance: string;
  /** Its address, without secrets. */
  readonly url: string;
  /** Whether the last scrape succeeded; `unknown` before the first. */
  readonly state: "up" | "down" | "unknown";
  /** Seconds since the last scrape ended, successfully or not; null before the first. */
  readonly ageSeconds: number | null;
  /** Seconds since the last scrape that succeeded; null before there was one. */
  readonly successAgeSeconds: number | null;
  /** The last scrape that failed; null when none has. */
  readonly lastError: {
    /** What went wrong, as a stable word. */
    readonly code: string;
    /** The same as a sentence. */
    readonly message: string;
    /** Seconds since then. */
    readonly ageSeconds: number;
  } | null;
}

function report({ name, label, state }: Target, nowMs: number): TargetReport {
  const { current, scrapedMs, succeededMs, lastFailure } = state;
  const age = (timeMs: number): number => Math.max(nowMs - timeMs, 0) / 1_000;
  return {
    instance: name,
    url: label,
    state: current === "up" || current === "unknown" ? current : "down",
    ageSeconds: scrapedMs === undefined ? null : age(scrapedMs),
    successAgeSeconds: succeededMs === undefined ? null : age(succeededMs),
    lastError: lastFailure === undefined ? null : {
      code: lastFailure.error.code,
      message: lastFailure.error.sentence,
      ageSeconds: age(lastFailure.timeMs),
    },
  };
}

/** Answers with all servers. */
export function targetsResponse(servers: readonly Target[], nowMs: number): Response {
  const targets = servers.map((server) => report(server, nowMs));
  return Response.json({ targets }, {
    headers: { "cache-control": "no-store", "x-content-type-options": "nosniff" },
  });
}
