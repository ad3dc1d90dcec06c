/** Engines that have running requests and make no progress. */

import type { Line } from "../line.ts";
import { Scope } from "../scope.ts";
import {
  count,
  type Diagnosis,
  type FindingContext,
  type FindingRule,
  LINKS,
  type StalledEngine,
} from "./finding_rule.ts";

/**
 * How long an engine makes no progress before it is stalled, in milliseconds. An engine step takes
 * well under a second, and a long prompt is read in several steps that are all counted.
 */
const STALLED_MS = 30_000;
/** Points within that time at which the engine must have had requests. */
const POINTS = 6;
/** An older scrape says nothing about now, in milliseconds. */
const MAX_AGE_MS = 60_000;
/** What grows while an engine works; vLLM's Rust front end lists each from its first value on. */
const PROGRESS = ["generation_tokens_total", "prompt_tokens_total", "iteration_tokens_total_count"];

/** Whether a line has the same value at all times. */
function isStill(line: Line): boolean {
  return line.every((value) => value !== null && value === line[0]);
}

/** The stalled engines of one server with their running requests. */
function stalledOf(scope: Scope): [engine: string, running: number][] {
  const lines = (metric: string): [string, Line][] =>
    scope.gauges(metric, { by: ["engine"] })
      .map(({ labels, values }) => [labels.engine ?? "", values]);
  const progress = PROGRESS.flatMap(lines);
  return lines("num_requests_running").flatMap(([engine, running]) => {
    const own = progress.filter(([other]) => other === engine);
    const isBusy = running.every((value) => value !== null && value > 0);
    const isStalled = isBusy && own.length > 0 && own.every(([, line]) => isStill(line));
    return isStalled ? [[engine, running.at(-1) ?? 0]] : [];
  });
}

/**
 * Finds stalled engines. Both ends of the time are scrapes: the newest one, and one that is older
 * by {@linkcode STALLED_MS} at least.
 */
export function findStalledEngines(context: FindingContext): StalledEngine[] {
  const { history, selection, targets, nowMs } = context;
  return targets.flatMap(({ instance, state, lastSuccessMs: endMs }) => {
    if (state !== "up" || endMs === undefined || nowMs - endMs > MAX_AGE_MS) return [];
    const grid = { startMs: endMs - STALLED_MS, endMs, stepMs: STALLED_MS / POINTS };
    const scope = new Scope(history, { ...selection, instance }, { grid, rangeMs: STALLED_MS });
    return stalledOf(scope)
      .map(([engine, running]) => ({ name: `${instance}, engine ${engine}`, running }));
  });
}

/** Engines that have running requests and make no progress. */
export const STALLED_ENGINES: FindingRule = {
  id: "engine_stalled",
  title: "An engine is stalled",
  condition: "it has had running requests for 30 s, but its counts of prompt tokens, output " +
    "tokens and engine steps did not change. Critical. The API server still answers `/metrics`. " +
    "It needs scrapes over these 30 s, which the service makes unless HISTORY_IDLE_INTERVAL is 0. " +
    "`check` fails on it.",
  find({ shared: { stalled } }): Diagnosis | undefined {
    if (stalled.length === 0) return undefined;
    const engines = stalled.map(({ name, running }) =>
      `${name}: ${count(running, "request")} running`
    );
    return {
      level: "bad",
      ...stalled.length > 1 && { title: `${stalled.length} engines are stalled` },
      why: `${engines.join("; ")}, but no token and no engine step was counted for at least ${
        STALLED_MS / 1_000
      } s. The API server still answers.`,
      action: "The engine process hangs. Usual causes: a tensor-parallel rank that died or waits " +
        "in a collective operation (NCCL), a GPU error, or a stopped process. Look at the end of " +
        "vLLM's log, at nvidia-smi and at dmesg. Restart vLLM; a liveness probe on /health may " +
        "not notice.",
      link: LINKS.troubleshooting,
    };
  },
};
