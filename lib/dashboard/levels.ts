/** At which values a number is a warning, and at which it is critical. */

import type { Level } from "./view.ts";

/** A sign and a word for each level, the same on the page and in the terminal. */
export const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  good: "✓ ok",
  warn: "▲ warning",
  bad: "■ critical",
  none: "",
};

/** Two limits: a value is worse toward `bad`. */
export interface Limits {
  /** A warning from here on. */
  readonly warn: number;
  /** Critical from here on. */
  readonly bad: number;
}

/** KV cache usage: the colors of vLLM's own dashboards. */
export const KV_CACHE_LIMITS: Limits = { warn: 0.9, bad: 0.98 };
/** Preemptions per second: the colors of vLLM's own dashboards. */
export const PREEMPTION_LIMITS: Limits = { warn: 0.001, bad: 1 };
/** Share of requests within a goal: the colors of vLLM's own dashboards. */
export const GOAL_LIMITS: Limits = { warn: 0.99, bad: 0.9 };
/** Share of successful requests: the colors of vLLM's service status. */
export const SUCCESS_LIMITS: Limits = { warn: 0.99, bad: 0.95 };
/** Share of HTTP requests answered with 5xx: the colors of vLLM's own dashboards. */
export const HTTP_ERROR_LIMITS: Limits = { warn: 0.001, bad: 0.01 };
/** Waiting requests: one is saturation; llm-d's rules alert at 50 per server. */
export const WAITING_LIMITS: Limits = { warn: 1, bad: 50 };
/** Prefix-cache hit rate: llm-d's rules alert on it. */
export const PREFIX_LIMITS: Limits = { warn: 0.3, bad: 0 };
/** A latency is critical at this many times its goal (vLLM's service status). */
const BAD_GOALS = 3;

/** The limits of a latency with a goal, in seconds. */
export function goalLimits(goalSeconds: number): Limits {
  return { warn: goalSeconds, bad: BAD_GOALS * goalSeconds };
}

/** Rates a value: against `bad` below `warn`, more is better; otherwise less is. */
export function levelOf(value: number, { warn, bad }: Limits): Exclude<Level, "none"> {
  const sign = bad < warn ? -1 : 1;
  // A share of exactly a limit is still good, a latency of exactly its SLO is not.
  const isReached = (limit: number): boolean => sign < 0 ? value < limit : value >= limit;
  if (isReached(bad)) return "bad";
  return isReached(warn) ? "warn" : "good";
}

const ORDER: readonly Level[] = ["none", "good", "warn", "bad"];

/** The worst of some levels; `none` of nothing. */
export function worstLevel(levels: readonly Level[]): Level {
  return levels.reduce<Level>(
    (worst, level) => ORDER.indexOf(level) > ORDER.indexOf(worst) ? level : worst,
    "none",
  );
}
