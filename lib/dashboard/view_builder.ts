/** Computes a view from the history. */

import type { Goals } from "../config/config.ts";
import type { History, Selection, TargetState } from "../history/history.ts";
import { terminalText } from "../terminal_text.ts";
import { VERSION } from "../version.ts";
import { type Availability, findAvailability, LEAST_COVERED_MS } from "./availability.ts";
import { buildChart, CHART_GROUPS, CHART_RULES } from "./charts/charts.ts";
import { budgetsOf, costOf, rangeAt } from "./cost.ts";
import { findAll, isHint } from "./findings/findings.ts";
import { fleetRows } from "./fleet.ts";
import { IncidentLog } from "./incidents.ts";
import { worstLevel } from "./levels.ts";
import { compareNumbered } from "./peers.ts";
import { type QueryRange, windowRanges } from "./query_range.ts";
import { Scope } from "./scope.ts";
import { buildTile, signalsOf, TILE_RULES } from "./tiles.ts";
import type { Chart, Finding, Incident, Marker, Status, Tile, View, ViewTarget } from "./view.ts";

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
  /** What a server costs per hour; undefined when it is not known. */
  readonly priceOf?: (instance: string) => number;
  /** When findings began and ended. @default {an empty one} */
  readonly log?: IncidentLog;
}

/** A request for a view. */
export interface ViewRequest {
  /** Which series. */
  readonly selection: Selection;
  /** How far back, in seconds. */
  readonly windowSeconds: number;
  /** The end of the window, in milliseconds since 1970; now without it. */
  readonly toMs?: number;
}

/** The findings of now, for the list of the day. */
export function currentFindings(
  history: History,
  { selection, windowSeconds }: ViewRequest,
  nowMs: number,
  { goals, intervalMs, viewedSinceMs = 0 }: ViewSettings,
): Finding[] {
  const { now } = windowRanges(windowSeconds, nowMs, intervalMs);
  const targets = viewTargets(history, now, true);
  const rangeMs = nowMs - runSince(history, targets, nowMs - now.rangeMs, nowMs);
  return findAll({
    history,
    selection,
    nowMs,
    rangeMs,
    viewedSinceMs,
    intervalMs,
    goals,
    targets,
  });
}

/** Computes a view in steps, so that other work can run in between. */
export function* viewSteps(
  history: History,
  request: ViewRequest,
  timeMs: number,
  settings: ViewSettings,
): Generator<undefined, View, undefined> {
  const { selection, windowSeconds, toMs: nowMs = timeMs } = request;
  const { goals, intervalMs, windows, viewedSinceMs = 0, log = new IncidentLog() } = settings;
  const isLive = request.toMs === undefined;
  const ranges = windowRanges(windowSeconds, nowMs, intervalMs);
  const targets = viewTargets(history, ranges.now, isLive);
  const selected = targets.filter(({ instance }) =>
    selection.instance === undefined || selection.instance === instance
  );
  const coveredMs = nowMs - runSince(history, selected, nowMs - ranges.now.rangeMs, nowMs);
  const rangeMs = Math.min(ranges.now.rangeMs, Math.max(LEAST_COVERED_MS, coveredMs));
  const scope = (range: QueryRange): Scope => new Scope(history, selection, range);
  const now = scope({ ...ranges.now, rangeMs });
  const everything = new Scope(history, {}, ranges.now);
  const availability = findAvailability({ targets: selected, now, everything, coveredMs });
  const tileInput = { now, trend: scope(ranges.trend), goals, availability };
  const tiles: Tile[] = [];
  for (const rule of TILE_RULES) {
    yield;
    tiles.push(buildTile(rule, tileInput));
  }
  const chartInput = { chart: scope(ranges.chart), heat: scope(ranges.heat), goals, availability };
  const charts: Chart[] = [];
  for (const rule of CHART_RULES) {
    yield;
    charts.push(...buildChart(rule, chartInput));
  }
  yield;
  const context = {
    history,
    selection,
    nowMs,
    rangeMs: Math.min(rangeMs, coveredMs),
    viewedSinceMs,
    intervalMs,
    goals,
    targets: selected,
  };
  const findings = findAll(context, (ids) => isLive ? log.beginOf(ids) : undefined);
  yield;
  const fleet = fleetRows({
    now,
    nowMs,
    targets: selected,
    modelsOf: (instance) => history.labelValues("model_name", { ...selection, instance }),
    cachesOf: (instance) => history.labelSets("cache_config_info", { ...selection, instance }),
  });
  yield;
  const { priceOf } = settings;
  const instances = selected.map(({ instance }) => instance);
  const incidents = log.list(selection.instance);
  const fromMs = nowMs - 1_000 * windowSeconds;
  const { engine: _, ...server } = selection;
  return {
    version: VERSION,
    timeMs,
    selection,
    windowSeconds,
    fromMs,
    toMs: nowMs,
    isLive,
    rangeSeconds: Math.round(rangeMs / 1_000),
    windows,
    recordedSinceMs: history.oldestMs ?? null,
    targets,
    models: history.labelValues("model_name"),
    engines: enginesIn(new Scope(history, server, ranges.chart)),
    instances: targets.map(({ instance }) => instance),
    status: statusOf(selected, findings, availability, incidents, tiles),
    findings,
    incidents,
    signals: signalsOf(tiles),
    tiles,
    fleet,
    groups: CHART_GROUPS.filter(({ id }) => charts.some(({ group }) => group === id)),
    charts,
    markers: markersOf(history, instances, incidents, fromMs, nowMs),
    cost: priceOf === undefined ? null : costOf(now, instances, priceOf),
    budgets: budgetsOf(
      goals,
      windowSeconds,
      (seconds) => scope(rangeAt(nowMs, seconds)),
    ).map((budget) => {
      // No verdict without a server that answers requests.
      const isServing = selected.some(({ state }) => state === "up");
      return isServing ? budget : { ...budget, level: "none" as const };
    }),
  };
}

/** Since when the data is that of the same run of the servers: what was before says nothing. */
function runSince(
  history: History,
  targets: readonly TargetState[],
  fromMs: number,
  nowMs: number,
): number {
  const restarts = targets.map(({ instance }) =>
    history.restarts(instance, fromMs, nowMs).at(-1) ?? 0
  );
  return Math.max(fromMs, history.oldestMs ?? nowMs, Math.min(...restarts));
}

/** The engines in the window, by number. */
function enginesIn(scope: Scope): string[] {
  return scope.gauges("num_requests_running", { by: ["engine"] })
    .flatMap(({ labels }) => labels.engine ?? [])
    .toSorted(compareNumbered);
}

/** The servers with their states, in the order of the configuration. */
function viewTargets(history: History, now: QueryRange, isLive: boolean): ViewTarget[] {
  // The last known state counts, however old it is.
  const asleep = sleepingServers(new Scope(history, {}, { ...now, hasGaps: false }));
  const scraped = new Scope(history, {}, now).gauges("num_requests_running", { by: ["instance"] });
  const answered = new Set(
    scraped.filter(({ values }) => values.at(-1) !== null).map(({ labels }) => labels.instance),
  );
  return history.targets.map((target) => {
    // Of an earlier time only the scrapes tell.
    const up = isLive ? target.up : answered.has(target.instance) || undefined;
    const state = stateOf({ ...target, up }, asleep);
    return { ...target, state, detail: detailOf(state, target) };
  });
}

/** Servers without an awake engine; older versions of vLLM do not report it. */
function sleepingServers(scope: Scope): Set<string> {
  const states = scope.gauges("engine_sleep_state", { by: ["instance", "sleep_state"] });
  const asleep = states.filter(({ labels, values }) =>
    labels.sleep_state === "awake" && values.at(-1) === 0
  );
  return new Set(asleep.map(({ labels }) => labels.instance ?? ""));
}

function stateOf(
  { up, error, instance, lastSuccessMs }: TargetState,
  asleep: ReadonlySet<string>,
): ViewTarget["state"] {
  if (up === undefined) return "unknown";
  // A balancer answers 503 for a server that died as well.
  if (!up) return /\b503\b/.test(error) && lastSuccessMs === undefined ? "starting" : "down";
  return asleep.has(instance) ? "sleeping" : "up";
}

/** What a state means for a server that starts: first its port refuses, then it answers 503. */
function detailOf(state: ViewTarget["state"], { error }: TargetState): string {
  if (state === "starting") return "starting: it answers 503 until its engine is ready";
  if (state !== "down") return "";
  if (error.includes("refused")) return "port refused: not started, or still loading the model";
  return terminalText(error);
}

/** The state of all selected servers in one line. */
function statusOf(
  targets: readonly ViewTarget[],
  findings: readonly Finding[],
  { isDown, isKnown, isIdle, isAsleep, isCollecting }: Availability,
  incidents: readonly Incident[],
  tiles: readonly Tile[],
): Status {
  const since = (states: readonly ViewTarget["state"][]): number | null => {
    const times = targets.filter(({ state }) => states.includes(state))
      .flatMap(({ sinceMs }) => sinceMs ?? []);
    return times.length === 0 ? null : Math.max(...times);
  };
  const starting = targets.filter(({ state }) => state === "starting");
  if (starting.length > 0 && starting.length === targets.length) {
    const text = `Starting: ${starting[0]?.detail ?? ""}`;
    return { state: "collecting", level: "none", text, sinceMs: since(["starting"]) };
  }
  if (isDown) {
    const text = targets.length === 1 ? "Down" : `All ${targets.length} servers are down`;
    return { state: "down", level: "bad", text, sinceMs: since(["down"]) };
  }
  if (isAsleep) {
    return { state: "asleep", level: "none", text: "Asleep", sinceMs: since(["sleeping"]) };
  }
  const problems = findings.filter((finding) => !isHint(finding));
  const [first] = problems;
  if (first !== undefined) {
    const more = problems.length > 1 ? `, and ${problems.length - 1} more` : "";
    return {
      state: "degraded",
      level: worstLevel(problems.map(({ level }) => level)),
      text: `Degraded: ${first.title.charAt(0).toLowerCase()}${first.title.slice(1)}${more}`,
      sinceMs: Math.min(...problems.map(({ sinceMs }) => sinceMs)),
    };
  }
  if (!isKnown) return { state: "collecting", level: "none", text: "No data", sinceMs: null };
  if (isCollecting) {
    return { state: "collecting", level: "none", text: "Collecting, needs 1 min", sinceMs: null };
  }
  const critical = tiles.find(({ level }) => level === "bad");
  if (critical !== undefined) {
    const text = `Degraded: ${critical.title} is critical`;
    return { state: "degraded", level: "bad", text, sinceMs: null };
  }
  const ended = incidents.filter((incident) => !isHint(incident)).map(({ toMs }) => toMs ?? 0);
  const healthySince = Math.max(since(["up"]) ?? 0, ...ended);
  const sinceMs = healthySince === 0 ? null : healthySince;
  return isIdle
    ? { state: "idle", level: "good", text: "Healthy, no traffic", sinceMs }
    : { state: "healthy", level: "good", text: "Healthy", sinceMs };
}

/** Restarts and beginnings of findings in a window, in order. */
function markersOf(
  history: History,
  instances: readonly string[],
  incidents: readonly Incident[],
  fromMs: number,
  toMs: number,
): Marker[] {
  const restarts = instances.flatMap((instance) =>
    history.restarts(instance, fromMs, toMs).map((timeMs): Marker => ({
      timeMs,
      kind: "restart",
      level: "none",
      text: `${terminalText(instance)} restarted`,
    }))
  );
  const begins = incidents.filter((incident) =>
    incident.fromMs >= fromMs && incident.fromMs <= toMs
  )
    .map(({ fromMs: timeMs, level, title }): Marker => ({
      timeMs,
      kind: "finding",
      level,
      text: title,
    }));
  return [...restarts, ...begins].toSorted((one, other) => one.timeMs - other.timeMs);
}
