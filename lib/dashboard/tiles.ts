/** The tiles at the top of the page: one table, and how a row becomes a tile. */

import type { Goals } from "../config/config.ts";
import { type Availability, emptyNote, NOTES } from "./availability.ts";
import { successShare } from "./finish_reasons.ts";
import { formatSeconds } from "./format.ts";
import {
  GOAL_LIMITS,
  goalLimits,
  HTTP_ERROR_LIMITS,
  KV_CACHE_LIMITS,
  levelOf,
  type Limits,
  PREEMPTION_LIMITS,
  PREFIX_LIMITS,
  SUCCESS_LIMITS,
  WAITING_LIMITS,
  worstLevel,
} from "./levels.ts";
import { add, divide, isEmpty, type Line, round, roundLine } from "./line.ts";
import type { Scope } from "./scope.ts";
import type { Signal, Tile, Unit } from "./view.ts";

/** How a tile is made. */
export interface TileRule {
  /** Stable name. */
  readonly id: string;
  /** Title. */
  readonly title: string;
  /** How the value is written. */
  readonly unit: Unit;
  /** Whether only some versions of vLLM have its metric. */
  readonly inSomeVersions?: true;
  /** Whether 0 means that there was no traffic, while no request is there. */
  readonly zeroIsNothing?: true;
  /** Queries the values; undefined when there is no such series. */
  readonly read: (scope: Scope, goals: Goals) => Line | undefined;
  /** Whether it is a value of the last scrape, which needs no minute. */
  readonly isGauge?: true;
  /** The histogram it is a percentile of. */
  readonly histogram?: string;
  /** Where its level changes; without it the tile has no level. */
  readonly limits?: (goals: Goals) => Limits;
  /** One sentence or two: what it is, and at which values its level changes. */
  readonly explain: (goals: Goals) => string;
}

/** What {@linkcode buildTile} reads. */
export interface TileInput {
  /** The history now. */
  readonly now: Scope;
  /** The history over the window, in few points. */
  readonly trend: Scope;
  /** The operator's goals. */
  readonly goals: Goals;
  /** Why a tile is empty. */
  readonly availability: Availability;
}

/** The limits of a latency with a goal, in words. */
function goalWords(goalSeconds: number, setting: string): string {
  const critical = formatSeconds(goalLimits(goalSeconds).bad);
  return `Warns at ${formatSeconds(goalSeconds)} (${setting}), critical at ${critical}.`;
}

/** All tiles, in the order of the page. */
export const TILE_RULES: readonly TileRule[] = [
  {
    id: "requests",
    title: "Requests",
    unit: "requests/s",
    zeroIsNothing: true,
    read: (scope) => scope.rate("request_success_total"),
    explain: () => "Finished requests per second, whatever their finish reason.",
  },
  {
    id: "prompt_tokens",
    title: "Input tokens",
    unit: "tokens/s",
    zeroIsNothing: true,
    read: (scope) => scope.rate("prompt_tokens_total"),
    explain: () =>
      "Prompt tokens per second, cached ones included. " +
      "vLLM counts them when a request gets its first token.",
  },
  {
    id: "generation_tokens",
    title: "Output tokens",
    unit: "tokens/s",
    zeroIsNothing: true,
    read: (scope) => scope.rate("generation_tokens_total"),
    explain: () => "Generated tokens per second.",
  },
  {
    id: "running",
    title: "Running",
    unit: "requests",
    isGauge: true,
    read: (scope) => scope.gauge("num_requests_running"),
    explain: () => "Requests running at the last scrape.",
  },
  {
    id: "waiting",
    title: "Waiting",
    unit: "requests",
    isGauge: true,
    read: (scope) => scope.gauge("num_requests_waiting"),
    limits: () => WAITING_LIMITS,
    explain: () =>
      "Requests waiting in the queue at the last scrape. Warns at 1, since vLLM is saturated then; critical at 50.",
  },
  {
    id: "kv_cache",
    title: "KV cache",
    unit: "share",
    isGauge: true,
    read: (scope) => scope.gauge("kv_cache_usage_perc", "max"),
    limits: () => KV_CACHE_LIMITS,
    explain: () =>
      "KV cache used by running requests, of the fullest engine. Warns at 90%, critical at 98%.",
  },
  {
    id: "prefix_hits",
    title: "Prefix cache hits",
    unit: "share",
    read: (scope) => scope.ratio("prefix_cache_hits_total", "prefix_cache_queries_total"),
    limits: () => PREFIX_LIMITS,
    explain: () =>
      "Share of prompt tokens found in the prefix cache. Warns below 30%, " +
      "which is no problem where prompts have nothing in common.",
  },
  {
    id: "ttft_p95",
    title: "TTFT p95",
    unit: "seconds",
    histogram: "time_to_first_token_seconds",
    read: (scope) => scope.quantile(0.95, "time_to_first_token_seconds"),
    limits: ({ ttftSeconds }) => goalLimits(ttftSeconds),
    explain: ({ ttftSeconds }) =>
      "Time to first token (TTFT): 95% of requests got their first token sooner. " +
      goalWords(ttftSeconds, "SLO_TTFT"),
  },
  {
    id: "inter_token_p95",
    title: "ITL p95",
    unit: "seconds",
    histogram: "inter_token_latency_seconds",
    read: (scope) => scope.quantile(0.95, "inter_token_latency_seconds"),
    limits: ({ tpotSeconds }) => goalLimits(tpotSeconds),
    explain: ({ tpotSeconds }) =>
      "Inter-token latency (ITL): 95% of the pauses between two outputs of a request were " +
      `shorter. ${goalWords(tpotSeconds, "SLO_TPOT")}`,
  },
  {
    id: "e2e_p95",
    title: "End-to-end p95",
    unit: "seconds",
    histogram: "e2e_request_latency_seconds",
    read: (scope) => scope.quantile(0.95, "e2e_request_latency_seconds"),
    explain: () =>
      "End-to-end latency: 95% of requests finished in less time. " +
      "It has no level, since it depends on the length of the output.",
  },
  {
    id: "success",
    title: "Success",
    unit: "share",
    read: successShare,
    limits: () => SUCCESS_LIMITS,
    explain: () =>
      "Share of ended requests that neither failed nor were given up by their client. " +
      "Warns below 99%, critical below 95%.",
  },
  {
    id: "http_errors",
    title: "HTTP 5xx",
    unit: "share",
    inSomeVersions: true,
    read: (scope) => {
      const byStatus = scope.rates("http_requests_total", ["status"]);
      if (byStatus.length === 0) return undefined;
      const failed = byStatus.filter(({ labels }) => labels.status?.startsWith("5"));
      const all = add(byStatus.map(({ values }) => values));
      const none = all.map((value) => value === null ? null : 0);
      return divide(add([none, ...failed.map(({ values }) => values)]), all);
    },
    limits: () => HTTP_ERROR_LIMITS,
    explain: () =>
      "Share of HTTP requests that the API server answered with 5xx. Warns at 0.1%, critical at 1%.",
  },
  {
    id: "preemptions",
    title: "Preemptions",
    unit: "events/s",
    read: (scope) => scope.rate("num_preemptions_total"),
    limits: () => PREEMPTION_LIMITS,
    explain: () =>
      "How often per second a running request lost its place in the KV cache and must be " +
      "recomputed. Warns at 0.001, critical at 1.",
  },
  {
    id: "ttft_goal",
    title: "TTFT within SLO",
    unit: "share",
    read: (scope, { ttftSeconds }) => scope.share(ttftSeconds, "time_to_first_token_seconds"),
    limits: () => GOAL_LIMITS,
    explain: ({ ttftSeconds }) =>
      `Share of requests with their first token within ${
        formatSeconds(ttftSeconds)
      } (SLO_TTFT). Warns below 99%, critical below 90%.`,
  },
  {
    id: "tpot_goal",
    title: "TPOT within SLO",
    unit: "share",
    inSomeVersions: true,
    read: (scope, { tpotSeconds }) =>
      scope.share(tpotSeconds, "request_time_per_output_token_seconds"),
    limits: () => GOAL_LIMITS,
    explain: ({ tpotSeconds }) =>
      `Share of requests with a mean time per output token (TPOT) within ${
        formatSeconds(tpotSeconds)
      } (SLO_TPOT). Warns below 99%, critical below 90%.`,
  },
];

/** Computes a tile. */
export function buildTile(rule: TileRule, { now, trend, goals, availability }: TileInput): Tile {
  const line = rule.read(now, goals);
  const [found = null] = now.whileUp(line ?? []);
  const isNothing = rule.zeroIsNothing === true && availability.isIdle && found === 0;
  const { isCollecting, isAsleep } = availability;
  const isShown = found !== null && !isNothing && (!isCollecting || rule.isGauge === true);
  const value = isShown ? round(found) : null;
  const points = trend.whileUp(rule.read(trend, goals) ?? []);
  const isThere = line !== undefined || !isEmpty(points);
  const note = isNothing
    ? NOTES.noTraffic
    : emptyNote(availability, isThere, rule.inSomeVersions !== true);
  const bound = rule.histogram === undefined ? undefined : now.firstBound(rule.histogram);
  const limits = rule.limits?.(goals);
  const isRated = value !== null && limits !== undefined && !isAsleep &&
    (!isCollecting || rule.isGauge === true);
  return {
    id: rule.id,
    title: rule.title,
    unit: rule.unit,
    value,
    below: value !== null && bound !== undefined && value <= bound ? bound : null,
    note: value === null ? note : "",
    level: isRated ? levelOf(value, limits) : "none",
    limit: limits?.warn ?? null,
    trend: roundLine(points),
    explanation: rule.explain(goals),
  };
}

/** The four golden signals and their tiles. */
const SIGNALS: readonly Omit<Signal, "level">[] = [
  {
    id: "traffic",
    title: "Traffic",
    tiles: ["requests", "generation_tokens", "prompt_tokens", "running"],
  },
  { id: "errors", title: "Errors", tiles: ["success", "http_errors"] },
  {
    id: "latency",
    title: "Latency",
    tiles: ["ttft_p95", "inter_token_p95", "ttft_goal", "tpot_goal", "e2e_p95"],
  },
  {
    id: "saturation",
    title: "Saturation",
    tiles: ["kv_cache", "waiting", "preemptions", "prefix_hits"],
  },
];

/** Rates the four golden signals by their tiles. */
export function signalsOf(tiles: readonly Tile[]): Signal[] {
  return SIGNALS.map((signal) => ({
    ...signal,
    level: worstLevel(
      tiles.filter(({ id }) => signal.tiles.includes(id) && id !== "prefix_hits")
        .map(({ level }) => level),
    ),
  }));
}
