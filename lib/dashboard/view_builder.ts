/** Computes a view from the history. */

import type { Goals } from "../config/config.ts";
import type { History, Selection, TargetState } from "../history/history.ts";
import { VERSION } from "../version.ts";
import { findAvailability } from "./availability.ts";
import { buildChart, CHART_RULES } from "./charts/charts.ts";
import { findAll } from "./findings/findings.ts";
import { compareNumbered } from "./peers.ts";
import { type QueryRange, windowRanges } from "./query_range.ts";
import { Scope } from "./scope.ts";
import { buildTile, TILE_RULES } from "./tiles.ts";
import type { Chart, Tile, View, ViewTarget } from "./view.ts";

/** Settings of all views. */
export interface ViewSettings {
  /** The operator's goals. */
  readonly goals: Goals;
  /** Distance of two scrapes, in milliseconds. */
  readonly intervalMs: number;
  /** Windows that can be selected, in seconds. */
  readonly windows: readonly number[];
  /** When the first viewer came: older data is not reported as stale. @default {0} */
  readonly viewedSinceMs?: number;
}

/** A request for a view. */
export interface ViewRequest {
  /** Which series. */
  readonly selection: Selection;
  /** How far back, in seconds. */
  readonly windowSeconds: number;
}

/** Computes a view in steps, so that other work can run in between. */
export function* viewSteps(
  history: History,
  request: ViewRequest,
  nowMs: number,
  settings: ViewSettings,
): Generator<undefined, View, undefined> {
  const { selection, windowSeconds } = request;
  const { goals, intervalMs, windows, viewedSinceMs = 0 } = settings;
  const ranges = windowRanges(windowSeconds, nowMs, intervalMs);
  const scope = (range: QueryRange): Scope => new Scope(history, selection, range);
  const now = scope(ranges.now);
  const targets = viewTargets(history, ranges.now);
  const selected = targets.filter(({ instance }) =>
    selection.instance === undefined || selection.instance === instance
  );
  const everything = new Scope(history, {}, ranges.now);
  const availability = findAvailability({ targets: selected, now, everything });
  const tileInput = { now, trend: scope(ranges.trend), goals, availability };
  const tiles: Tile[] = [];
  for (const rule of TILE_RULES) {
    yield;
    tiles.push(buildTile(rule, tileInput));
  }
  const chartInput = { chart: scope(ranges.chart), heat: scope(ranges.heat), availability };
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
    engines: enginesIn(new Scope(history, server, ranges.chart)),
    instances: targets.map(({ instance }) => instance),
    tiles,
    charts,
    findings: findAll({
      history,
      selection,
      nowMs,
      viewedSinceMs,
      intervalMs,
      goals,
      targets: selected,
    }),
  };
}

/** The engines in the window, by number. */
function enginesIn(scope: Scope): string[] {
  return scope.gauges("num_requests_running", { by: ["engine"] })
    .flatMap(({ labels }) => labels.engine ?? [])
    .toSorted(compareNumbered);
}

/** The servers with their states, in the order of the configuration. */
function viewTargets(history: History, now: QueryRange): ViewTarget[] {
  // The last known state counts, however old it is.
  const asleep = sleepingServers(new Scope(history, {}, { ...now, hasGaps: false }));
  return history.targets.map((target) => ({ ...target, state: stateOf(target, asleep) }));
}

/** Servers without an awake engine; older versions of vLLM do not report it. */
function sleepingServers(scope: Scope): Set<string> {
  const states = scope.gauges("engine_sleep_state", { by: ["instance", "sleep_state"] });
  const asleep = states.filter(({ labels, values }) =>
    labels.sleep_state === "awake" && values.at(-1) === 0
  );
  return new Set(asleep.map(({ labels }) => labels.instance ?? ""));
}

function stateOf(target: TargetState, asleep: ReadonlySet<string>): ViewTarget["state"] {
  if (target.up === undefined) return "unknown";
  if (!target.up) return "down";
  return asleep.has(target.instance) ? "sleeping" : "up";
}
