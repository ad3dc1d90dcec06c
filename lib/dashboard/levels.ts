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

/** Rates a value of which less is better. */
export function levelAbove(value: number, limits: Limits): Level {
  if (value >= limits.bad) return "bad";
  return value >= limits.warn ? "warn" : "good";
}

/** Rates a value of which more is better. */
export function levelBelow(value: number, limits: Limits): Level {
  if (value < limits.bad) return "bad";
  return value < limits.warn ? "warn" : "good";
}
