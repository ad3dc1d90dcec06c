/** What the rules look at: plain numbers, read once from the history. */

import type { History, Selection, TimeSeries } from "../../history/history.ts";
import type { Goals } from "../../config/goals.ts";
import { CLIENT_DISCONNECT, clientDisconnects } from "../client_disconnects.ts";
import { isEmpty, meanOf } from "../line.ts";
import { Scope } from "../scope.ts";
import type { Frame } from "../time_frame.ts";
import type { ViewTarget } from "../view.ts";
import { type Neighbours, neighbours } from "./neighbours.ts";
import { findStalledEngines, type StalledEngine } from "./stalled_engines.ts";

/** The stretch in which something must have happened to be called wrong now. */
const RECENT_MS = 300_000;
/** The stretch for habits that show only over many requests. */
const HABIT_MS = 900_000;
/** The stretch in which a server that begins anew more than once is in a loop. */
const RESTARTS_MS = 3_600_000;
/** A queue is one that lasted so long; a shorter one is a burst. */
const QUEUE_MS = 60_000;
/** How closely the queue is looked at. */
const QUEUE_STEP_MS = 5_000;

/** The restarts of one server. */
export interface Restarts {
  /** The server. */
  readonly instance: string;
  /** When it was back or had begun anew in the last hour, ascending, in milliseconds since 1970. */
  readonly timesMs: readonly number[];
}

/** What the rules look at. What is not known is undefined. */
export interface Observations {
  /** When, in milliseconds since 1970. */
  readonly nowMs: number;
  /** Since when somebody has looked, and so had the servers scraped, in milliseconds since 1970. */
  readonly lookedSinceMs: number;
  /** Distance of two scrapes, in milliseconds. */
  readonly intervalMs: number;
  /** The operator's goals. */
  readonly goals: Goals;
  /** The servers that are looked at. */
  readonly targets: readonly ViewTarget[];
  /** Restarts of each of them. */
  readonly restarts: readonly Restarts[];
  /** Engines of them that hold requests and make no progress. */
  readonly stalled: readonly StalledEngine[];
  /** The fewest requests that waited at any time of the last minute. */
  readonly waiting: number | undefined;
  /** The mean of those that waited in the last minute, a burst included. */
  readonly waitingMean: number | undefined;
  /** Those of them that wait for something other than room, at the moment. */
  readonly deferred: number | undefined;
  /** Running requests now. */
  readonly running: number | undefined;
  /** The fullest KV cache, mean of the last minute, 0 to 1. */
  readonly kvCache: number | undefined;
  /** Preemptions per second, over five minutes. */
  readonly preemptions: number | undefined;
  /** Prompt tokens looked up in the prefix cache, in a quarter of an hour. */
  readonly prefixQueries: number | undefined;
  /** Part of them that was found, 0 to 1. */
  readonly prefixHits: number | undefined;
  /** Whether the prefix cache is switched off. */
  readonly prefixCachingOff: boolean;
  /** Requests that ended in five minutes, by reason; clients that disconnected uncounted among them. */
  readonly ended: Readonly<Record<string, number>>;
  /** Requests turned away in five minutes, by the setting that did it. */
  readonly rejected: Readonly<Record<string, number>>;
  /** 95th percentile of the time to first token over five minutes, in seconds. */
  readonly ttftP95: number | undefined;
  /** 95th percentile of a request's mean time per further token over five minutes, in seconds. */
  readonly tpotP95: number | undefined;
  /** The middle one of the pauses between tokens over five minutes, in seconds. */
  readonly interTokenP50: number | undefined;
  /** Mean time in the queue over five minutes, in seconds. */
  readonly queueMean: number | undefined;
  /** Mean time of the prefill over five minutes, in seconds. */
  readonly prefillMean: number | undefined;
  /** Engines side by side. */
  readonly engines: Neighbours;
  /** Servers side by side. */
  readonly servers: Neighbours;
}

/** What {@linkcode observe} works with. */
export interface ObserveInput {
  /** Who is asked. */
  readonly history: History;
  /** Which series. */
  readonly selection: Selection;
  /** When, in milliseconds since 1970. */
  readonly nowMs: number;
  /** Since when somebody has looked, and so had the servers scraped, in milliseconds since 1970. */
  readonly lookedSinceMs: number;
  /** Distance of two scrapes, in milliseconds. */
  readonly intervalMs: number;
  /** The operator's goals. */
  readonly goals: Goals;
  /** The servers that are looked at. */
  readonly targets: readonly ViewTarget[];
}

/** The times that rules look at, none of them before the newest restart. */
class Times {
  readonly #nowMs: number;
  readonly #sinceMs: number;

  constructor(nowMs: number, restarts: readonly Restarts[]) {
    this.#nowMs = nowMs;
    this.#sinceMs = Math.max(...restarts.map(({ timesMs }) => timesMs.at(-1) ?? 0));
  }

  /** The length of a range that ends now, in milliseconds. */
  range(longestMs: number): number {
    return Math.min(longestMs, this.#nowMs - this.#sinceMs);
  }

  /** This moment, looking back over a range. */
  moment(longestMs: number): Frame {
    const grid = { startMs: this.#nowMs, endMs: this.#nowMs, stepMs: 1_000 };
    return { grid, rangeMs: this.range(longestMs) };
  }

  /** The last minute in a few points; nobody knows what was between two scrapes that lie far apart. */
  lastMinute(): Frame {
    const startMs = this.#nowMs - this.range(QUEUE_MS);
    const grid = { startMs, endMs: this.#nowMs, stepMs: QUEUE_STEP_MS };
    return { grid, rangeMs: QUEUE_MS, hasGaps: true };
  }

  /** The last five minutes one by one, without a part of a minute. */
  minutes(): Frame {
    const count = Math.floor(this.range(RECENT_MS) / QUEUE_MS);
    const startMs = this.#nowMs - (count - 1) * QUEUE_MS;
    return { grid: { startMs, endMs: this.#nowMs, stepMs: QUEUE_MS }, rangeMs: QUEUE_MS };
  }
}

/** The one value of a line; undefined when there is none. */
function valueOf(line: readonly (number | null)[] | undefined): number | undefined {
  return line?.[0] ?? undefined;
}

/** What happened in a stretch, from rates per second. */
function countsBy(
  label: string,
  series: readonly TimeSeries[],
  rangeMs: number,
): Record<string, number> {
  return Object.fromEntries(series.map(({ labels, values }) => {
    return [labels[label] ?? "", (values[0] ?? 0) * rangeMs / 1_000];
  }));
}

/** Clients that disconnected in some minutes; nothing where they are counted by vLLM. */
function disconnectsOf(minutes: Scope): Record<string, number> {
  const rates = clientDisconnects(minutes);
  if (rates === undefined) return {};
  const perSecond = rates.reduce((sum: number, rate) => sum + (rate ?? 0), 0);
  return { [CLIENT_DISCONNECT]: perSecond * QUEUE_MS / 1_000 };
}

/** The fewest that waited; a queue that came up within the minute is none yet. */
function leastWaiting(minute: Scope): number | undefined {
  const { startMs, endMs } = minute.frame.grid;
  if (endMs - startMs < QUEUE_MS) return undefined;
  const line = minute.gauge("num_requests_waiting");
  if (line === undefined || isEmpty(line)) return undefined;
  return Math.min(...line.map((value) => value ?? 0));
}

/** Reads all that the rules look at. */
export function observe(input: ObserveInput): Observations {
  const { history, selection, nowMs } = input;
  const scope = (frame: Frame): Scope => new Scope(history, selection, frame);
  const restarts = input.targets.map(({ instance }) => ({
    instance,
    timesMs: history.restarts(instance, nowMs - RESTARTS_MS, nowMs),
  }));
  const times = new Times(nowMs, restarts);
  const minute = scope(times.lastMinute());
  const recent = scope(times.moment(RECENT_MS));
  const habit = scope(times.moment(HABIT_MS));
  const recentMs = recent.frame.rangeMs;
  const comparison = {
    minute,
    whole: scope(times.moment(QUEUE_MS)),
    sameModel: history.labelValues("model_name", selection).length <= 1,
  };
  const reasons = recent.gauges("num_requests_waiting_by_reason", { by: ["reason"] });
  const queries = valueOf(habit.rate("prefix_cache_queries_total"));
  return {
    nowMs,
    lookedSinceMs: input.lookedSinceMs,
    intervalMs: input.intervalMs,
    goals: input.goals,
    targets: input.targets,
    restarts,
    stalled: findStalledEngines(history, selection, input.targets, nowMs),
    waiting: leastWaiting(minute),
    waitingMean: meanOf(minute.gauge("num_requests_waiting") ?? []) ?? undefined,
    deferred: valueOf(reasons.find(({ labels }) => labels.reason === "deferred")?.values),
    running: valueOf(recent.gauge("num_requests_running")),
    kvCache: meanOf(minute.gauge("kv_cache_usage_perc", "max") ?? []) ?? undefined,
    preemptions: valueOf(recent.rate("num_preemptions_total")),
    prefixQueries: queries === undefined ? undefined : queries * habit.frame.rangeMs / 1_000,
    prefixHits: valueOf(habit.ratio("prefix_cache_hits_total", "prefix_cache_queries_total")),
    prefixCachingOff: isPrefixCachingOff(history, selection),
    ended: {
      ...countsBy(
        "finished_reason",
        recent.rates("request_success_total", ["finished_reason"]),
        recentMs,
      ),
      ...disconnectsOf(scope(times.minutes())),
    },
    rejected: countsBy("reason", recent.rates("admission_rejections_total", ["reason"]), recentMs),
    ttftP95: valueOf(recent.quantile(0.95, "time_to_first_token_seconds")),
    tpotP95: valueOf(recent.quantile(0.95, "request_time_per_output_token_seconds")),
    interTokenP50: valueOf(recent.quantile(0.5, "inter_token_latency_seconds")),
    queueMean: valueOf(recent.mean("request_queue_time_seconds")),
    prefillMean: valueOf(recent.mean("request_prefill_time_seconds")),
    engines: neighbours(comparison, ["instance", "engine"]),
    servers: neighbours(comparison, ["instance"]),
  };
}

/** Whether any engine says that it has no prefix cache. */
function isPrefixCachingOff(history: History, selection: Selection): boolean {
  return history.labelSets("cache_config_info", selection)
    .some((labels) => labels.enable_prefix_caching === "False");
}
