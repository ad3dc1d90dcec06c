/** How a chart comes about. */

import type { TimeSeries } from "../../history/history.ts";
import type { Line } from "../line.ts";
import type { Scope } from "../scope.ts";
import type { Chart } from "../view.ts";

/** One line of a chart before it is rounded. */
export interface ChartLine {
  /** Short name for the legend. */
  readonly name: string;
  /** Its values. */
  readonly values: Line;
}

/** How a chart comes about. */
export interface ChartRule extends Pick<Chart, "id" | "title" | "unit" | "kind" | "explanation"> {
  /** Whether all versions of vLLM have its metrics, at the latest after the first request. */
  readonly inAllVersions: boolean;
  /** Whether 0 at all times means that there was nothing. */
  readonly zeroIsNothing: boolean;
  /** Whether the chart is left out when there is nothing to show. */
  readonly onlyWhenPresent: boolean;
  /** Asks for the lines; none when there are no such series. */
  readonly read: (scope: Scope) => ChartLine[];
  /** Chooses the lines that are drawn; all without it. */
  readonly select?: (lines: readonly ChartLine[]) => ChartLine[];
  /** Says what stands out among all lines; empty when nothing does. */
  readonly remark?: (lines: readonly ChartLine[]) => string;
}

/** Names single lines, and leaves out those that are not there. */
export function linesOf(lines: Readonly<Record<string, Line | undefined>>): ChartLine[] {
  return Object.entries(lines).flatMap(([name, values]) =>
    values === undefined ? [] : [{ name, values }]
  );
}

/** Names lines by one of their labels. */
export function linesBy(label: string, series: readonly TimeSeries[]): ChartLine[] {
  return series.map(({ labels, values }) => ({ name: labels[label] ?? "", values }));
}
