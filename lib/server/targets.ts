/** `GET /-/targets`: the servers and how they are, as JSON. */

import type { Server } from "./fleet.ts";

/** A server, as the route tells it. */
export interface TargetReport {
  /** What tells it from others, as in the label `instance` and in `/metrics/NAME`. */
  readonly instance: string;
  /** Its address, without secrets. */
  readonly url: string;
  /** Whether the last scrape went well; `unknown` before the first. */
  readonly state: "up" | "down" | "unknown";
  /** Seconds since the last scrape ended, however it did; null before the first. */
  readonly ageSeconds: number | null;
  /** Seconds since the last scrape that went well; null before there was one. */
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

function report({ name, upstream, state }: Server, nowMs: number): TargetReport {
  const { current, scrapedMs, succeededMs, lastFailure } = state;
  const age = (timeMs: number): number => Math.max(nowMs - timeMs, 0) / 1_000;
  return {
    instance: name,
    url: upstream.label,
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

/**
 * Answers with all servers.
 *
 * @param servers The servers as of the last scrape.
 * @param nowMs The time in milliseconds since 1970.
 * @returns `{"targets": [...]}`, in the order of the configuration.
 */
export function targetsResponse(servers: readonly Server[], nowMs: number): Response {
  const targets = servers.map((server) => report(server, nowMs));
  return Response.json({ targets }, {
    headers: { "cache-control": "no-store", "x-content-type-options": "nosniff" },
  });
}
