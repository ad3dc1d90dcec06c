/** The charts, computed. */

import { terminalText } from "../../terminal_text.ts";
import { isEmpty, isZero, roundLine } from "../line.ts";
import type { Scope } from "../scope.ts";
import { noteFor, NOTES, type Situation } from "../situation.ts";
import type { Chart, ChartSeries } from "../view.ts";
import { CACHE_RULES } from "./caches.ts";
import type { ChartLine, ChartRule } from "./chart_rule.ts";
import { COMPARISON_RULES } from "./comparison.ts";
import { LATENCY_RULES } from "./latency.ts";
import { LENGTH_RULES } from "./lengths.ts";
import { SCHEDULER_RULES } from "./scheduler.ts";
import { SPECULATION_RULES } from "./speculation.ts";
import { TRAFFIC_RULES } from "./traffic.ts";

/** All charts, in the order of the page. */
export const CHART_RULES: readonly ChartRule[] = [
  ...LATENCY_RULES,
  ...TRAFFIC_RULES,
  ...SCHEDULER_RULES,
  ...CACHE_RULES,
  ...LENGTH_RULES,
  ...SPECULATION_RULES,
  ...COMPARISON_RULES,
];

/** What {@linkcode buildChart} works with. */
export interface ChartInput {
  /** The history over the window. */
  readonly chart: Scope;
  /** The history over the window, in the columns of heat maps. */
  readonly heat: Scope;
  /** What explains an empty chart. */
  readonly situation: Situation;
}

/** Why a chart is empty; empty when it is not. */
function noteOn(lines: readonly ChartLine[], rule: ChartRule, situation: Situation): string {
  const isNothing = rule.zeroIsNothing ? isZero : isEmpty;
  if (!lines.every(({ values }) => isNothing(values))) return "";
  if (lines.every(({ values }) => isEmpty(values))) {
    return noteFor(situation, lines.length > 0, rule.inAllVersions);
  }
  return situation.idle ? NOTES.noTraffic : NOTES.nothingYet;
}

/** The lines that are drawn: rounded, and without those that never had a value. */
function drawn(lines: readonly ChartLine[], rule: ChartRule): ChartSeries[] {
  const chosen = rule.select?.(lines) ?? lines;
  const filled = chosen.filter(({ values }) => !isEmpty(values));
  return (filled.length === 0 ? chosen : filled)
    .map(({ name, values }) => ({ name, values: roundLine(values) }));
}

/**
 * Computes a chart.
 *
 * @param rule Which one.
 * @param input What it works with.
 * @returns The chart; none when it has nothing to show or say.
 */
export function buildChart(rule: ChartRule, { chart, heat, situation }: ChartInput): Chart[] {
  const scope = rule.kind === "heatmap" ? heat : chart;
  const lines = rule.read(scope).map(({ name, values }) => ({
    name,
    // The columns of a heat map are counts of their own, and do not look back.
    values: rule.kind === "heatmap" ? values : scope.whileUp(values),
  }));
  const note = noteOn(lines, rule, situation);
  if (rule.onlyWhenPresent && note !== "") return [];
  const remark = terminalText(rule.remark?.(lines) ?? "");
  return [{
    id: rule.id,
    title: rule.title,
    unit: rule.unit,
    kind: rule.kind,
    times: scope.times,
    series: drawn(lines, rule),
    explanation: rule.explanation,
    note,
    ...(remark === "" ? {} : { remark }),
  }];
}
