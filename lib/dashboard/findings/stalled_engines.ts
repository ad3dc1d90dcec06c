/** Rule on engines that hold requests and make no progress. */

import type { History, Selection } from "../../history/history.ts";
import type { Line } from "../line.ts";
import { Scope } from "../scope.ts";
import type { Finding, ViewTarget } from "../view.ts";
import type { Observations } from "./observations.ts";
import { count, LINKS } from "./rule.ts";

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

/** An engine that makes no progress. */
export interface StalledEngine {
  /** Server and engine, such as `vllm-a, engine 1`. */
  readonly name: string;
  /** Its running requests. */
  readonly running: number;
}

/** Whether a line has the same value at all times. */
function isStill(line: Line): boolean {
  return line.every((value) => value !== null && value === line[0]);
}

/** The stalled engines of one server, by `engine`, with their running requests. */
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
 * Finds stalled engines. The two ends of the time are scrapes of their own: the newest one, and one
 * that is older by {@linkcode STALLED_MS} at least.
 *
 * @param history Where scrapes are.
 * @param selection Which series.
 * @param targets The servers.
 * @param nowMs The time, in milliseconds since 1970.
 * @returns The engines.
 */
export function findStalledEngines(
  history: History,
  selection: Selection,
  targets: readonly ViewTarget[],
  nowMs: number,
): StalledEngine[] {
  return targets.flatMap(({ instance, state, lastSuccessMs: endMs }) => {
    if (state !== "up" || endMs === undefined || nowMs - endMs > MAX_AGE_MS) return [];
    const grid = { startMs: endMs - STALLED_MS, endMs, stepMs: STALLED_MS / POINTS };
    const scope = new Scope(history, { ...selection, instance }, { grid, rangeMs: STALLED_MS });
    return stalledOf(scope)
      .map(([engine, running]) => ({ name: `${instance}, engine ${engine}`, running }));
  });
}

/** Engines that hold requests and make no progress. */
export function stalledEngines({ stalled }: Observations): Finding | undefined {
  if (stalled.length === 0) return undefined;
  const engines = stalled.map(({ name, running }) =>
    `${name}: ${count(running, "request")} running`
  );
  return {
    id: "engine_stalled",
    level: "bad",
    title: stalled.length === 1 ? "An engine is stalled" : `${stalled.length} engines are stalled`,
    why: `${engines.join("; ")}, but no token and no engine step was counted for at least ${
      STALLED_MS / 1_000
    } s. The API server still answers.`,
    action:
      "The engine process hangs. Usual causes: a tensor-parallel rank that died or waits in " +
      "a collective operation (NCCL), a GPU error, or a stopped process. Look at the end of vLLM's " +
      "log, at nvidia-smi and at dmesg. Restart vLLM; a liveness probe on /health may not notice.",
    link: LINKS.troubleshooting,
  };
}
