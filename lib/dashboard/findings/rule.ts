/** A rule that looks for one problem, what it reads, and links to vLLM's documentation. */

import type { Goals } from "../../config/config.ts";
import type { History, Selection, TimeSeries } from "../../history/history.ts";
import { endedRequests } from "../finish_reasons.ts";
import {
  GOAL_LIMITS,
  goalLimits,
  KV_CACHE_LIMITS,
  levelOf,
  PREEMPTION_LIMITS,
  WAITING_LIMITS,
  worstLevel,
} from "../levels.ts";
import { isEmpty, type Line, meanOf } from "../line.ts";
import { peerNames } from "../peers.ts";
import type { QueryRange } from "../query_range.ts";
import { Scope } from "../scope.ts";
import type { Finding, FindingScope, Level, ViewTarget } from "../view.ts";

/** What {@linkcode FindingInput} is made from. */
export interface FindingContext {
  /** The history. */
  readonly history: History;
  /** Which series. */
  readonly selection: Selection;
  /** The end of the window, in milliseconds since 1970. */
  readonly nowMs: number;
  /** The time that is looked at, in milliseconds: none of it is before the newest restart. */
  readonly rangeMs: number;
  /** When the first of the present viewers came, in milliseconds since 1970. */
  readonly viewedSinceMs: number;
  /** Distance of two scrapes, in milliseconds. */
  readonly intervalMs: number;
  /** The operator's goals. */
  readonly goals: Goals;
  /** The selected servers. */
  readonly targets: readonly ViewTarget[];
}

/** An engine that has running requests and makes no progress. */
export interface StalledEngine {
  /** Its server. */
  readonly instance: string;
  /** Server and engine, such as `vllm-a, engine 1`. */
  readonly name: string;
  /** Its running requests. */
  readonly running: number;
}

/** Numbers that several rules look at, so that their findings agree. Unknown ones are undefined. */
export interface SharedNumbers {
  /** Engines without progress. */
  readonly stalled: readonly StalledEngine[];
  /** The fewest requests that waited at any time of the last minute. */
  readonly waiting: number | undefined;
  /** The mean usage of the fullest KV cache in the last minute, 0 to 1. */
  readonly kvCache: number | undefined;
  /** Preemptions per second. */
  readonly preemptions: number | undefined;
  /** Requests that ended, by reason; derived client disconnects are one of them. */
  readonly ended: Readonly<Record<string, number>>;
  /** 95th percentile of the time to first token, in seconds. */
  readonly ttftP95: number | undefined;
  /** 95th percentile of the time per output token, in seconds. */
  readonly tpotP95: number | undefined;
  /** How much users feel late first tokens, by the limits of the tiles. */
  readonly ttftLevel: Level;
  /** How much users feel slow output. */
  readonly tpotLevel: Level;
}

/** What the rules read. */
export interface FindingInput extends FindingContext {
  /** The last minute in points of five seconds: the present. */
  readonly minute: Scope;
  /** The window as one value. */
  readonly window: Scope;
  /** The window in words, such as `5 min`. */
  readonly windowText: string;
  /** What several rules look at. */
  readonly shared: SharedNumbers;
}

/** What a rule found. */
export interface Diagnosis extends Pick<Finding, "level" | "why" | "action" | "link"> {
  /** Its title; without it that of its rule. */
  readonly title?: string;
  /** The flag to change, ready to copy. */
  readonly flag?: string;
  /** What it is about; without it all selected servers. */
  readonly scope?: FindingScope;
  /** Since when, where a scrape says so, in milliseconds since 1970. */
  readonly sinceMs?: number;
  /** How bad it is as a number that grows with the harm, to tell better from worse. */
  readonly severity?: number;
}

/** Looks for one problem. */
export interface FindingRule {
  /** Stable id of the finding. */
  readonly id: string;
  /** Its title. */
  readonly title: string;
  /** When it is reported, for the documentation: Markdown without a heading. */
  readonly condition: string;
  /** The findings that are its symptoms: they become its evidence. */
  readonly explains?: readonly string[];
  /** Whether it is a hint that changes nothing about the state of the servers. */
  readonly isHint?: true;
  /** Whether it reads rates or percentiles, which need a minute of scrapes. */
  readonly needsMinute?: true;
  /** Reads its numbers; undefined when there is no problem. */
  readonly find: (input: FindingInput) => Diagnosis | undefined;
}

const DOCS = "https://docs.vllm.ai/en/stable";

/** Pages of vLLM's documentation. */
export const LINKS = {
  tuning: `${DOCS}/configuration/optimization/`,
  preemption: `${DOCS}/configuration/optimization/#preemption`,
  chunkedPrefill: `${DOCS}/configuration/optimization/#chunked-prefill`,
  memory: `${DOCS}/configuration/conserving_memory/`,
  engineArguments: `${DOCS}/configuration/engine_args/`,
  serve: `${DOCS}/cli/serve/`,
  prefixCaching: `${DOCS}/features/automatic_prefix_caching/`,
  disaggregated: `${DOCS}/features/disagg_prefill/`,
  sleepMode: `${DOCS}/features/sleep_mode/`,
  dataParallel: `${DOCS}/serving/data_parallel_deployment/`,
  troubleshooting: `${DOCS}/usage/troubleshooting/`,
  metrics: `${DOCS}/usage/metrics/`,
} as const;

/** A count with its noun: `1 request`, `12 requests`. */
export function count(number: number, noun: string): string {
  const rounded = Math.round(number);
  return `${rounded.toLocaleString("en-US")} ${noun}${rounded === 1 ? "" : "s"}`;
}

/** The value of a line at a single time; undefined when there is none. */
export function valueOf(line: Line | undefined): number | undefined {
  return line?.[0] ?? undefined;
}

/** A level of a finding; a problem is at least a warning. */
export function atLeastWarn(...levels: readonly Level[]): Finding["level"] {
  return worstLevel(levels) === "bad" ? "bad" : "warn";
}

/** The servers, engines and models of the series that a finding is about. */
export function scopeOf(
  { history, selection }: FindingContext,
  series: readonly TimeSeries[],
  isMeant: (value: number) => boolean,
): FindingScope {
  const meant = series.filter(({ values }) => isMeant(meanOf(values) ?? 0)).map(({ labels }) =>
    labels
  );
  const instances = [...new Set(meant.flatMap(({ instance }) => instance ?? []))];
  return {
    instances,
    engines: meant.some(({ engine }) => engine !== undefined) ? peerNames(meant) : [],
    models: modelsOf(history, selection, instances),
  };
}

/** The models of some servers. */
export function modelsOf(
  history: History,
  selection: Selection,
  instances: readonly string[],
): string[] {
  return [
    ...new Set(
      instances.flatMap((instance) =>
        history.labelValues("model_name", { ...selection, instance })
      ),
    ),
  ];
}

const MINUTE_MS = 60_000;
const MINUTE_STEP_MS = 5_000;
/**
 * How long an engine makes no progress before it is stalled, in milliseconds. An engine step takes
 * well under a second, and a long prompt is read in several steps that are all counted.
 */
export const STALLED_MS = 30_000;
/** Points within that time at which the engine must have had requests. */
const STALLED_POINTS = 6;
/** An older scrape says nothing about now, in milliseconds. */
const MAX_AGE_MS = 60_000;
/** What grows while an engine works; vLLM's Rust front end lists each from its first value on. */
const PROGRESS = ["generation_tokens_total", "prompt_tokens_total", "iteration_tokens_total_count"];

/** The stalled engines of one server with their running requests. */
function stalledOf(scope: Scope): [engine: string, running: number][] {
  const lines = (metric: string): [string, Line][] =>
    scope.gauges(metric, { by: ["engine"] })
      .map(({ labels, values }) => [labels.engine ?? "", values]);
  const isStill = (line: Line): boolean =>
    line.every((value) => value !== null && value === line[0]);
  const progress = PROGRESS.flatMap(lines);
  return lines("num_requests_running").flatMap(([engine, running]) => {
    const own = progress.filter(([other]) => other === engine);
    const isBusy = running.every((value) => value !== null && value > 0);
    const isStalled = isBusy && own.length > 0 && own.every(([, line]) => isStill(line));
    return isStalled ? [[engine, running.at(-1) ?? 0]] : [];
  });
}

/** Both ends of the time are scrapes: the newest one, and one older by {@linkcode STALLED_MS}. */
function findStalledEngines(context: FindingContext): StalledEngine[] {
  const { history, selection, targets, nowMs } = context;
  return targets.flatMap(({ instance, state, lastSuccessMs }) => {
    const endMs = Math.min(lastSuccessMs ?? 0, nowMs);
    if (state !== "up" || nowMs - endMs > MAX_AGE_MS) return [];
    const grid = { startMs: endMs - STALLED_MS, endMs, stepMs: STALLED_MS / STALLED_POINTS };
    const scope = new Scope(history, { ...selection, instance }, { grid, rangeMs: STALLED_MS });
    return stalledOf(scope)
      .map(([engine, running]) => ({ instance, name: `${instance}, engine ${engine}`, running }));
  });
}

/** The fewest requests that waited in a whole minute; missing scrapes count as none. */
function leastWaiting(minute: Scope): number | undefined {
  const line = minute.gauge("num_requests_waiting");
  if (line === undefined || isEmpty(line)) return undefined;
  return Math.min(...line.map((value) => value ?? 0));
}

/** The window in whole minutes, for counts that need several points. */
function minutesOf(nowMs: number, rangeMs: number): QueryRange {
  const minutes = Math.max(1, Math.floor(rangeMs / MINUTE_MS));
  const startMs = nowMs - (minutes - 1) * MINUTE_MS;
  return { grid: { startMs, endMs: nowMs, stepMs: MINUTE_MS }, rangeMs: MINUTE_MS };
}

/** Prepares what the rules read. */
export function createFindingInput(context: FindingContext, windowText: string): FindingInput {
  const { history, selection, nowMs, rangeMs, goals } = context;
  const scope = (range: QueryRange): Scope => new Scope(history, selection, range);
  const startMs = nowMs - Math.min(MINUTE_MS, rangeMs);
  const minute = scope({
    grid: { startMs, endMs: nowMs, stepMs: MINUTE_STEP_MS },
    rangeMs: MINUTE_MS,
    hasGaps: true,
  });
  const now = { startMs: nowMs, endMs: nowMs, stepMs: 1_000 };
  const window = scope({ grid: now, rangeMs });
  const late = (p95: number | undefined, goal: number, metric: string): Level => {
    const share = valueOf(window.share(goal, metric));
    return worstLevel([
      p95 === undefined ? "none" : levelOf(p95, goalLimits(goal)),
      share === undefined ? "none" : levelOf(share, GOAL_LIMITS),
    ]);
  };
  const [ttft, tpot] = ["time_to_first_token_seconds", "request_time_per_output_token_seconds"];
  const ttftP95 = valueOf(window.quantile(0.95, ttft));
  const tpotP95 = valueOf(window.quantile(0.95, tpot));
  return {
    ...context,
    windowText,
    minute,
    window,
    shared: {
      stalled: findStalledEngines(context),
      waiting: rangeMs < MINUTE_MS ? undefined : leastWaiting(minute),
      kvCache: meanOf(minute.gauge("kv_cache_usage_perc", "max") ?? []) ?? undefined,
      preemptions: valueOf(window.rate("num_preemptions_total")),
      ttftP95,
      tpotP95,
      ttftLevel: late(ttftP95, goals.ttftSeconds, ttft),
      tpotLevel: late(tpotP95, goals.tpotSeconds, tpot),
      ended: endedRequests(window, scope(minutesOf(nowMs, rangeMs))),
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

/** Whether the time per output token (TPOT) misses its SLO. */
export function isDecodeSlow({ shared: { tpotP95 = 0 }, goals }: FindingInput): boolean {
  return tpotP95 >= goals.tpotSeconds;
}

/** Whether the time to first token (TTFT) misses its SLO. */
export function isFirstTokenLate({ shared: { ttftP95 = 0 }, goals }: FindingInput): boolean {
  return ttftP95 >= goals.ttftSeconds;
}
