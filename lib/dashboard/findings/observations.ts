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
  /** Its mean, in seconds. */
  readonly ttftMean: number | undefined;
  /** 95th percentile of a request's mean time per further token over five minutes, in seconds. */
  readonly tpotP95: number | undefined;
  /** The middle one of the pauses between tokens over five minutes, in seconds. */
  readonly interTokenP50: number | undefined;
  /** Mean time in the queue over five minutes, in seconds. */
  readonly queueMean: number | undefined;
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

/** This moment, looking back for a stretch. */
function moment(nowMs: number, rangeMs: number): Frame {
  return { grid: { startMs: nowMs, endMs: nowMs, stepMs: 1_000 }, rangeMs };
}

/** The last minute in a few points; nobody knows what was between two scrapes that lie far apart. */
function lastMinute(nowMs: number): Frame {
  const grid = { startMs: nowMs - QUEUE_MS, endMs: nowMs, stepMs: QUEUE_STEP_MS };
  return { grid, rangeMs: QUEUE_MS, hasGaps: true };
}

/** The last five minutes, one by one. */
function minutes(nowMs: number): Frame {
  const grid = { startMs: nowMs - RECENT_MS + QUEUE_MS, endMs: nowMs, stepMs: QUEUE_MS };
  return { grid, rangeMs: QUEUE_MS };
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
  const line = minute.gauge("num_requests_waiting");
  if (line === undefined || isEmpty(line)) return undefined;
  return Math.min(...line.map((value) => value ?? 0));
}

/** Reads all that the rules look at. */
export function observe(input: ObserveInput): Observations {
  const { history, selection, nowMs } = input;
  const scope = (frame: Frame): Scope => new Scope(history, selection, frame);
  const minute = scope(lastMinute(nowMs));
  const recent = scope(moment(nowMs, RECENT_MS));
  const habit = scope(moment(nowMs, HABIT_MS));
  const comparison = {
    minute,
    whole: scope(moment(nowMs, QUEUE_MS)),
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
    restarts: input.targets.map(({ instance }) => ({
      instance,
      timesMs: history.restarts(instance, nowMs - RESTARTS_MS, nowMs),
    })),
    stalled: findStalledEngines(history, selection, input.targets, nowMs),
    waiting: leastWaiting(minute),
    waitingMean: meanOf(minute.gauge("num_requests_waiting") ?? []) ?? undefined,
    deferred: valueOf(reasons.find(({ labels }) => labels.reason === "deferred")?.values),
    running: valueOf(recent.gauge("num_requests_running")),
    kvCache: meanOf(minute.gauge("kv_cache_usage_perc", "max") ?? []) ?? undefined,
    preemptions: valueOf(recent.rate("num_preemptions_total")),
    prefixQueries: queries === undefined ? undefined : queries * HABIT_MS / 1_000,
    prefixHits: valueOf(habit.ratio("prefix_cache_hits_total", "prefix_cache_queries_total")),
    prefixCachingOff: isPrefixCachingOff(history, selection),
    ended: {
      ...countsBy(
        "finished_reason",
        recent.rates("request_success_total", ["finished_reason"]),
        RECENT_MS,
      ),
      ...disconnectsOf(scope(minutes(nowMs))),
    },
    rejected: countsBy("reason", recent.rates("admission_rejections_total", ["reason"]), RECENT_MS),
    ttftP95: valueOf(recent.quantile(0.95, "time_to_first_token_seconds")),
    ttftMean: valueOf(recent.mean("time_to_first_token_seconds")),
    tpotP95: valueOf(recent.quantile(0.95, "request_time_per_output_token_seconds")),
    interTokenP50: valueOf(recent.quantile(0.5, "inter_token_latency_seconds")),
    queueMean: valueOf(recent.mean("request_queue_time_seconds")),
    engines: neighbours(comparison, ["instance", "engine"]),
    servers: neighbours(comparison, ["instance"]),
  };
}

/** Whether any engine says that it has no prefix cache. */
function isPrefixCachingOff(history: History, selection: Selection): boolean {
  return history.labelSets("cache_config_info", selection)
    .some((labels) => labels.enable_prefix_caching === "False");
}
