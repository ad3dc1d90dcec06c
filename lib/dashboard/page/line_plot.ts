/** Plots of lines, or of stacked areas. */

import type { Chart } from "../view.ts";
import { createPlot, type Plot, type PlotOptions, seriesColor } from "./plot.ts";
import { stack } from "./shapes.ts";
import { shortText } from "./text.ts";

/** Dashes by index: lines differ by more than their color. */
const DASHES: readonly (readonly number[])[] = [[], [8, 3], [3, 2], [10, 3, 2, 3]];

/** Distances of labels for requests: there is no half request. */
const WHOLE_STEPS = [1, 10, 100, 1_000, 10_000, 100_000]
  .flatMap((power) => [power, 2 * power, 5 * power]);

/** The dash of a line, in pixels; empty for a solid line. */
export function seriesDash(index: number): readonly number[] {
  return DASHES[index % DASHES.length] ?? [];
}

/** From 0 to slightly above the largest value; to 1 for shares that are not small. */
function range({ unit }: Chart, largest: number | null): [number, number] {
  if (largest === null || largest <= 0) return [0, 1];
  if (unit === "share" && largest > 0.2) return [0, 1.02];
  return [0, largest * 1.08];
}

/** Creates a plot of lines or stacked areas. */
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
