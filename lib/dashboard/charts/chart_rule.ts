/** How a chart is made. */

import type { Goals } from "../../config/config.ts";
import type { TimeSeries } from "../../history/history.ts";
import { type Line, meanOf } from "../line.ts";
import { compareNumbered } from "../peers.ts";
import type { Scope } from "../scope.ts";
import type { Chart, Threshold } from "../view.ts";

/** A line of a chart before it is rounded. */
export interface ChartLine {
  /** Short name for the legend. */
  readonly name: string;
  /** Its values. */
  readonly values: Line;
}

/** How a chart is made. */
export interface ChartRule extends Pick<Chart, "id" | "title" | "unit" | "kind" | "explanation"> {
  /** The histogram of which it shows percentiles. */
  readonly histogram?: string;
  /** Lines across it. */
  readonly thresholds?: (goals: Goals) => readonly Threshold[];
  /** Whether only some versions of vLLM have its metrics. */
  readonly inSomeVersions?: true;
  /** Whether 0 at all times means that there was no traffic. */
  readonly zeroIsNothing?: true;
  /** Whether the chart is left out when it is empty. */
  readonly onlyWhenPresent?: true;
  /** Queries the lines; none when there are no such series. */
  readonly read: (scope: Scope) => ChartLine[];
  /** Selects the lines that are drawn; all without it. */
  readonly select?: (lines: readonly ChartLine[]) => ChartLine[];
  /** Says what stands out among all lines; empty when nothing does. */
  readonly remark?: (lines: readonly ChartLine[]) => string;
}

/** Names single lines, without those that do not exist. */
export function linesOf(lines: Readonly<Record<string, Line | undefined>>): ChartLine[] {
  return Object.entries(lines).flatMap(([name, values]) =>
    values === undefined ? [] : [{ name, values }]
  );
}

/** Names lines by one of their labels. */
export function linesBy(label: string, series: readonly TimeSeries[]): ChartLine[] {
  return series.map(({ labels, values }) => ({ name: labels[label] ?? "", values }));
}

/** Lines in one chart: more cannot be told apart. */
const MAX_LINES = 16;

/** The lines with the highest means, at most 16. Up to that many, all are drawn as they are. */
export function highest(lines: readonly ChartLine[]): ChartLine[] {
  if (lines.length <= MAX_LINES) return [...lines];
  return lines
    .map((line) => ({ line, mean: meanOf(line.values) ?? -Infinity }))
    .toSorted((one, other) => other.mean - one.mean)
    .slice(0, MAX_LINES)
    .map(({ line }) => line)
    .toSorted((one, other) => compareNumbered(one.name, other.name));
}
