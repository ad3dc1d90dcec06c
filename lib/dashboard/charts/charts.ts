/** All charts, and how a rule becomes a chart. */

import type { Goals } from "../../config/config.ts";
import { terminalText } from "../../terminal_text.ts";
import { type Availability, emptyNote, NOTES } from "../availability.ts";
import { isEmpty, isZero, roundLine } from "../line.ts";
import type { Scope } from "../scope.ts";
import type { Chart, ChartGroup, ChartSeries } from "../view.ts";
import type { ChartLine, ChartRule } from "./chart_rule.ts";
import { COMPARISON_CHARTS } from "./comparison.ts";
import { LATENCY_CHARTS } from "./latency.ts";
import {
  ADAPTER_CHARTS,
  API_SERVER_CHARTS,
  HARDWARE_CHARTS,
  KV_TRANSFER_CHARTS,
  MORE_CACHE_CHARTS,
  MORE_SCHEDULER_CHARTS,
  REQUEST_PARAMETER_CHARTS,
} from "./optional.ts";
import { CACHE_CHARTS, SCHEDULER_CHARTS, SPECULATION_CHARTS } from "./scheduler.ts";
import { LENGTH_CHARTS, TRAFFIC_CHARTS } from "./traffic.ts";

/** A group of charts and its rules. */
interface Group extends ChartGroup {
  readonly rules: readonly ChartRule[];
}

/** The groups, in the order of the page. */
const GROUPS: readonly Group[] = [
  { id: "latency", title: "Latency", rules: LATENCY_CHARTS },
  { id: "throughput", title: "Throughput", rules: [...TRAFFIC_CHARTS, ...HARDWARE_CHARTS] },
  {
    id: "scheduler",
    title: "Scheduler",
    rules: [...SCHEDULER_CHARTS, ...SPECULATION_CHARTS, ...MORE_SCHEDULER_CHARTS],
  },
  { id: "caches", title: "Caches", rules: [...CACHE_CHARTS, ...MORE_CACHE_CHARTS] },
  { id: "lengths", title: "Lengths", rules: [...LENGTH_CHARTS, ...REQUEST_PARAMETER_CHARTS] },
  { id: "servers", title: "Servers", rules: COMPARISON_CHARTS },
  { id: "adapters", title: "Adapters", rules: ADAPTER_CHARTS },
  { id: "api_server", title: "API server", rules: API_SERVER_CHARTS },
  { id: "kv_transfer", title: "KV transfer and offload", rules: KV_TRANSFER_CHARTS },
];

/** The groups without their charts. */
export const CHART_GROUPS: readonly ChartGroup[] = GROUPS.map(({ id, title }) => ({ id, title }));

const GROUP_OF: ReadonlyMap<ChartRule, string> = new Map(
  GROUPS.flatMap(({ id, rules }) => rules.map((rule) => [rule, id] as const)),
);

/** All charts, in the order of the page. */
export const CHART_RULES: readonly ChartRule[] = GROUPS.flatMap(({ rules }) => rules);

/** What {@linkcode buildChart} reads. */
export interface ChartInput {
  /** The history over the window. */
  readonly chart: Scope;
  /** The history over the window, in the columns of heat maps. */
  readonly heat: Scope;
  /** The operator's goals. */
  readonly goals: Goals;
  /** Why a chart is empty. */
  readonly availability: Availability;
}

/** Why a chart is empty; an empty text when it is not. */
function noteOn(
  lines: readonly ChartLine[],
  rule: ChartRule,
  availability: Availability,
): string {
  const isNothing = rule.zeroIsNothing === true ? isZero : isEmpty;
  if (!lines.every(({ values }) => isNothing(values))) return "";
  if (lines.every(({ values }) => isEmpty(values))) {
    return emptyNote(availability, lines.length > 0, rule.inSomeVersions !== true);
  }
  return availability.isIdle ? NOTES.noTraffic : NOTES.collecting;
}

/** The lines that are drawn: rounded, and without those that never had a value. */
function drawn(lines: readonly ChartLine[], rule: ChartRule): ChartSeries[] {
  const selected = rule.select?.(lines) ?? lines;
  const filled = selected.filter(({ values }) => !isEmpty(values));
  return (filled.length === 0 ? selected : filled)
    .map(({ name, values }) => ({ name, values: roundLine(values) }));
}

/** Computes a chart. */
export function buildChart(rule: ChartRule, input: ChartInput): Chart[] {
  const { chart, heat, goals, availability } = input;
  const isHeatmap = rule.kind === "heatmap";
  const scope = isHeatmap ? heat : chart;
  // The columns of a heat map are separate counts, so they do not outlive a server.
  const lines = rule.read(scope).map(({ name, values }) => ({
    name,
    values: isHeatmap ? values : scope.whileUp(values),
  }));
  const note = noteOn(lines, rule, availability);
  if (rule.onlyWhenPresent === true && note !== "") return [];
  const remark = terminalText(rule.remark?.(lines) ?? "");
  return [{
    id: rule.id,
    group: GROUP_OF.get(rule) ?? "",
    title: rule.title,
    unit: rule.unit,
    kind: rule.kind,
    times: scope.times,
    series: drawn(lines, rule),
    thresholds: rule.thresholds?.(goals) ?? [],
    below: rule.histogram === undefined ? null : scope.firstBound(rule.histogram) ?? null,
    explanation: rule.explanation,
    note,
    ...(remark === "" ? {} : { remark }),
  }];
}
