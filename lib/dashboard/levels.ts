/** From which values on a number is a warning, and from which it is bad. */

import type { Level } from "./view.ts";

/** A sign and a word for each level, the same on the page and in the terminal. */
export const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  good: "✓ ok",
  warn: "▲ warning",
  bad: "■ critical",
  none: "",
};

/** Two limits; which of them is the greater says which way is worse. */
export interface Limits {
  /** From here on it is a warning. */
  readonly warn: number;
  /** From here on it is bad. */
  readonly bad: number;
}

/** KV cache in use: the colours of vLLM's own dashboards. */
export const KV_CACHE_LIMITS: Limits = { warn: 0.9, bad: 0.98 };
/** Preemptions per second: the colours of vLLM's own dashboards. */
export const PREEMPTION_LIMITS: Limits = { warn: 0.001, bad: 1 };
/** Share of requests within a goal: the colours of vLLM's own dashboards. */
export const GOAL_LIMITS: Limits = { warn: 0.99, bad: 0.9 };
/** Share of requests that ended well: the colours of vLLM's service status. */
export const SUCCESS_LIMITS: Limits = { warn: 0.99, bad: 0.95 };
/** Waiting requests: one is saturation, and 50 a server is what llm-d's rules alert on. */
export const WAITING_LIMITS: Limits = { warn: 1, bad: 50 };
/** Share of prompt tokens from the prefix cache: what llm-d's rules alert on. */
export const PREFIX_LIMITS: Limits = { warn: 0.3, bad: 0 };
/** A latency is a warning beyond its goal, and bad beyond three times that (vLLM's service status). */
const BAD_GOALS = 3;

/** The limits of a latency with a goal, in seconds. */
export function goalLimits(goalSeconds: number): Limits {
  return { warn: goalSeconds, bad: BAD_GOALS * goalSeconds };
}

/**
 * Judges a value of which less is better.
 *
 * @returns `bad` or `warn` from the limit on, `good` under both.
 */
export function levelAbove(value: number, limits: Limits): Level {
  if (value >= limits.bad) return "bad";
  return value >= limits.warn ? "warn" : "good";
}

/**
 * Judges a value of which more is better.
 *
 * @returns `bad` or `warn` under the limit, `good` from both on.
 */
export function levelBelow(value: number, limits: Limits): Level {
  if (value < limits.bad) return "bad";
  return value < limits.warn ? "warn" : "good";
}
