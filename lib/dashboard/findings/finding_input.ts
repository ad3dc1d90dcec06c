/** Prepares what the rules read, and says what several of them ask. */

import { endedRequests } from "../finish_reasons.ts";
import { KV_CACHE_LIMITS, PREEMPTION_LIMITS, WAITING_LIMITS } from "../levels.ts";
import { isEmpty, meanOf } from "../line.ts";
import type { QueryRange } from "../query_range.ts";
import { Scope } from "../scope.ts";
import { type FindingContext, type FindingInput, type Restarts, valueOf } from "./finding_rule.ts";
import { findStalledEngines } from "./stalled_engines.ts";

/** A problem is reported when it occurred in this time, in milliseconds. */
const RECENT_MS = 300_000;
/** For what shows only over many requests. */
const QUARTER_HOUR_MS = 900_000;
/** A queue that lasts less is a burst. */
const MINUTE_MS = 60_000;
/** Distance of the points in the last minute. */
const MINUTE_STEP_MS = 5_000;
/** More than one restart in this time is a loop. */
const RESTARTS_MS = 3_600_000;

/** The time ranges that rules query, none of them before the newest restart. */
class Ranges {
  readonly #nowMs: number;
  readonly #sinceMs: number;

  constructor(nowMs: number, restarts: readonly Restarts[]) {
    this.#nowMs = nowMs;
    this.#sinceMs = Math.max(...restarts.map(({ timesMs }) => timesMs.at(-1) ?? 0));
  }

  /** One value over a time that ends now. */
  whole(longestMs: number): QueryRange {
    const grid = { startMs: this.#nowMs, endMs: this.#nowMs, stepMs: 1_000 };
    return { grid, rangeMs: this.#length(longestMs) };
  }

  /** The last minute in points. */
  minute(): QueryRange {
    const startMs = this.#nowMs - this.#length(MINUTE_MS);
    const grid = { startMs, endMs: this.#nowMs, stepMs: MINUTE_STEP_MS };
    return { grid, rangeMs: MINUTE_MS, hasGaps: true };
  }

  /** The whole minutes of the last five. */
  minutes(): QueryRange {
    const minutes = Math.floor(this.#length(RECENT_MS) / MINUTE_MS);
    const startMs = this.#nowMs - (minutes - 1) * MINUTE_MS;
    return { grid: { startMs, endMs: this.#nowMs, stepMs: MINUTE_MS }, rangeMs: MINUTE_MS };
  }

  #length(longestMs: number): number {
    return Math.min(longestMs, this.#nowMs - this.#sinceMs);
  }
}

/** The fewest requests that waited in a whole minute; missing scrapes count as none. */
function leastWaiting(minute: Scope): number | undefined {
  const { startMs, endMs } = minute.range.grid;
  if (endMs - startMs < MINUTE_MS) return undefined;
  const line = minute.gauge("num_requests_waiting");
  if (line === undefined || isEmpty(line)) return undefined;
  return Math.min(...line.map((value) => value ?? 0));
}

/** Prepares what the rules read. */
export function createFindingInput(context: FindingContext): FindingInput {
  const { history, selection, nowMs, targets } = context;
  const restarts = targets.map(({ instance }) => ({
    instance,
    timesMs: history.restarts(instance, nowMs - RESTARTS_MS, nowMs),
  }));
  const ranges = new Ranges(nowMs, restarts);
  const scope = (range: QueryRange): Scope => new Scope(history, selection, range);
  const minute = scope(ranges.minute());
  const recent = scope(ranges.whole(RECENT_MS));
  return {
    ...context,
    restarts,
    minute,
    wholeMinute: scope(ranges.whole(MINUTE_MS)),
    recent,
    quarterHour: scope(ranges.whole(QUARTER_HOUR_MS)),
    shared: {
      stalled: findStalledEngines(context),
      waiting: leastWaiting(minute),
      kvCache: meanOf(minute.gauge("kv_cache_usage_perc", "max") ?? []) ?? undefined,
      preemptions: valueOf(recent.rate("num_preemptions_total")),
      ttftP95: valueOf(recent.quantile(0.95, "time_to_first_token_seconds")),
      ended: endedRequests(recent, scope(ranges.minutes())),
      tpotP95: valueOf(recent.quantile(0.95, "request_time_per_output_token_seconds")),
    },
  };
}

/** Whether requests waited all through the last minute, and not for a stalled engine. */
export function isQueueSteady({ shared: { waiting = 0, stalled } }: FindingInput): boolean {
  return waiting >= WAITING_LIMITS.warn && stalled.length === 0;
}

/** Whether requests were preempted, so that the KV cache was full at times. */
export function isPreempted({ shared: { preemptions = 0 } }: FindingInput): boolean {
  return preemptions >= PREEMPTION_LIMITS.warn;
}

/** Whether the KV cache has no room for one more request. */
export function isKvCacheFull(input: FindingInput): boolean {
  return (input.shared.kvCache ?? 0) >= KV_CACHE_LIMITS.warn || isPreempted(input);
}

/** Whether the time per output token (TPOT) misses its goal. */
export function isDecodeSlow({ shared: { tpotP95 = 0 }, goals }: FindingInput): boolean {
  return tpotP95 >= goals.tpotSeconds;
}

/** Whether the time to first token (TTFT) misses its goal. */
export function isFirstTokenLate({ shared: { ttftP95 = 0 }, goals }: FindingInput): boolean {
  return ttftP95 >= goals.ttftSeconds;
}
