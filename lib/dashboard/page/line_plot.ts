/** Lines over time, beside or on top of one another. */

import type { Chart } from "../view.ts";
import { createPlot, type Plot, type PlotOptions, seriesColor } from "./plot.ts";
import { stack } from "./shapes.ts";
import { shortText } from "./text.ts";

/** Dashes by the place of a line: lines differ by more than their colour. */
const DASHES: readonly (readonly number[])[] = [[], [8, 3], [3, 2], [10, 3, 2, 3]];

/** Distances of words at an axis of requests: there is no half of one. */
const WHOLE_STEPS = [1, 10, 100, 1_000, 10_000, 100_000]
  .flatMap((power) => [power, 2 * power, 5 * power]);

/** The dash of a line, in pixels; empty for a whole line. */
export function seriesDash(index: number): readonly number[] {
  return DASHES[index % DASHES.length] ?? [];
}

/** From 0 to a little above the largest value; a share that is not small has the whole of 1. */
function range({ unit }: Chart, largest: number | null): [number, number] {
  if (largest === null || largest <= 0) return [0, 1];
  if (unit === "share" && largest > 0.2) return [0, 1.02];
  return [0, largest * 1.08];
}

/** Makes a plot of lines, or of lines that stand on one another. */
export function createLinePlot(options: PlotOptions): Plot {
  const { chart: { kind, series, unit }, colors } = options;
  const isStacked = kind === "stacked";
  return createPlot(options, {
    lines: series.map((_, index) => ({
      color: seriesColor(colors, index),
      dash: isStacked ? [] : seriesDash(index),
      isFilled: isStacked,
    })),
    rows: (chart) =>
      isStacked
        ? stack(chart.series, chart.times.length)
        : chart.series.map(({ values }) => [...values]),
    range,
    tick: ({ unit }, height) => shortText(height, unit),
    ...(unit === "requests" ? { steps: WHOLE_STEPS } : {}),
  });
}
