/** Makes all that is shown out of the history. */

import type { Goals } from "../config/goals.ts";
import type { History, Selection } from "../history/history.ts";
import { VERSION } from "../version.ts";
import { buildChart, CHART_RULES } from "./charts/charts.ts";
import { findAll } from "./findings/findings.ts";
import { observe } from "./findings/observations.ts";
import { compareNumbered } from "./neighbour_names.ts";
import { Scope } from "./scope.ts";
import { lookAround } from "./situation.ts";
import { viewTargets } from "./targets.ts";
import { TILE_RULES } from "./tile_rules.ts";
import { buildTile } from "./tiles.ts";
import { type Frame, timeFrame } from "./time_frame.ts";
import type { Chart, Tile, View } from "./view.ts";

/** What does not change from view to view. */
export interface ViewSettings {
  /** The operator's goals. */
  readonly goals: Goals;
  /** Distance of two scrapes, in milliseconds. */
  readonly intervalMs: number;
  /** Windows that can be chosen, in seconds. */
  readonly windows: readonly number[];
  /** Since when somebody has looked: before that it is no wonder that numbers are old. @default {0} */
  readonly lookedSinceMs?: number;
}

/** What somebody wants to see. */
export interface ViewRequest {
  /** Which series. */
  readonly selection: Selection;
  /** How far back, in seconds. */
  readonly windowSeconds: number;
}

/**
 * Computes a view, a piece at a time: others can do their work in between.
 *
 * @param history Who is asked.
 * @param request What is wanted.
 * @param nowMs The time, in milliseconds since 1970.
 * @param settings Goals, interval and windows.
 * @returns All that is shown, once all pieces are done.
 */
export function* viewSteps(
  history: History,
  request: ViewRequest,
  nowMs: number,
  settings: ViewSettings,
): Generator<undefined, View, undefined> {
  const { selection, windowSeconds } = request;
  const { goals, intervalMs, windows, lookedSinceMs = 0 } = settings;
  const frames = timeFrame(windowSeconds, nowMs, intervalMs);
  const scope = (frame: Frame): Scope => new Scope(history, selection, frame);
  const now = scope(frames.now);
  const targets = viewTargets(history, frames.now);
  const chosen = targets.filter(({ instance }) =>
    selection.instance === undefined || selection.instance === instance
  );
  const everything = new Scope(history, {}, frames.now);
  const situation = lookAround({ targets: chosen, now, everything });
  const tileInput = { now, trend: scope(frames.trend), goals, situation };
  const tiles: Tile[] = [];
  for (const rule of TILE_RULES) {
    yield;
    tiles.push(buildTile(rule, tileInput));
  }
  const chartInput = { chart: scope(frames.chart), heat: scope(frames.heat), situation };
  const charts: Chart[] = [];
  for (const rule of CHART_RULES) {
    yield;
    charts.push(...buildChart(rule, chartInput));
  }
  yield;
  const { engine: _, ...server } = selection;
  return {
    version: VERSION,
    timeMs: nowMs,
    selection,
    windowSeconds,
    windows,
    targets,
    models: history.labelValues("model_name"),
    engines: enginesOf(new Scope(history, server, frames.chart)),
    instances: targets.map(({ instance }) => instance),
    tiles,
    charts,
    findings: findAll(
      observe({ history, selection, nowMs, lookedSinceMs, intervalMs, goals, targets: chosen }),
    ),
  };
}

/** The engines that were there in the window, by number. */
function enginesOf(scope: Scope): string[] {
  return scope.gauges("num_requests_running", { by: ["engine"] })
    .flatMap(({ labels }) => labels.engine ?? [])
    .toSorted(compareNumbered);
}
