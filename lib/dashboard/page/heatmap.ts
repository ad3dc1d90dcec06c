/** Heat maps: observations per bucket over time. */

import type { Chart } from "../view.ts";
import { createPlot, type Plot, type PlotArea, type PlotOptions } from "./plot.ts";
import { boundText } from "./text.ts";

/** Minimum opacity of a cell with an observation. */
const FAINTEST = 0.14;
/** Gap between cells, in pixels of the canvas; none between cells narrower than `NARROW`. */
const CELL_GAP = 1;
const NARROW = 8;

/** The largest count of a cell. */
export function fullest({ series }: Chart): number {
  const highest = (values: readonly (number | null)[]): number =>
    values.reduce<number>((high, value) => Math.max(high, value ?? 0), 0);
  return series.reduce((high, { values }) => Math.max(high, highest(values)), 0);
}

/** Paints the cells with observations; a cell ends at its time. */
function paintCells(chart: Chart, { canvas, x, y }: PlotArea): void {
  const { times, series } = chart;
  const most = fullest(chart);
  const step = (times[1] ?? 0) - (times[0] ?? 0);
  const edges = times.map((time) => [Math.round(x(time - step)), Math.round(x(time))] as const);
  series.forEach(({ values }, bucket) => {
    const top = Math.round(y(bucket + 1));
    const height = Math.max(1, Math.round(y(bucket)) - top - CELL_GAP);
    values.forEach((value, at) => {
      const edge = edges[at];
      if (value === null || value <= 0 || edge === undefined) return;
      const [left, right] = edge;
      const room = right - left;
      canvas.globalAlpha = FAINTEST + (1 - FAINTEST) * Math.sqrt(value / most);
      canvas.fillRect(left, top, Math.max(1, room > NARROW ? room - CELL_GAP : room), height);
    });
  });
}

/** Creates a heat map; its values are the indices of the buckets. */
export function createHeatmap(options: PlotOptions): Plot {
  const { heat } = options.colors;
  return createPlot(options, {
    // A line without values makes the pointer work; the cells are painted.
    lines: [{ color: heat, dash: [], isFilled: false }],
    rows: ({ times }) => [times.map(() => null)],
    range: ({ series }) => [0, Math.max(1, series.length)],
    steps: [1, 2, 4, 8],
    // A bound is the upper edge of its bucket.
    tick({ series }, height): string {
      const bucket = series[height - 1];
      return bucket === undefined ? "" : boundText(bucket.name);
    },
    paint(chart, area): void {
      area.canvas.fillStyle = heat;
      paintCells(chart, area);
    },
  });
}
