/** A plot with axes in the colors of the style sheet, and one pointer for all plots of the page. */

import type { Chart } from "../view.ts";
import { formatAxisTime } from "./text.ts";
import uPlot from "uplot";

/** The colors of a theme. */
export interface Colors {
  /** Lines of charts, in order. */
  readonly series: readonly string[];
  /** Labels of axes. */
  readonly text: string;
  /** The grid. */
  readonly grid: string;
  /** Full cells of a heat map. */
  readonly heat: string;
}

/** Colors of lines in the style sheet; further lines reuse them with another dash. */
export const SERIES_COLORS = 8;

/** Reads the current colors, light or dark. */
export function readColors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string): string => style.getPropertyValue(name).trim();
  return {
    series: Array.from({ length: SERIES_COLORS }, (_, index) => get(`--series-${index + 1}`)),
    text: get("--text-soft"),
    grid: get("--grid"),
    heat: get("--heat"),
  };
}

/** The color of a line. */
export function seriesColor(colors: Colors, index: number): string {
  return colors.series[index % colors.series.length] ?? colors.text;
}

/** A plot of a chart. */
export interface Plot {
  /** Draws the chart; its lines are those that the plot was created for. */
  update(chart: Chart): void;
  /** Sets its width, in pixels. */
  resize(width: number): void;
  /** Releases the canvas. */
  dispose(): void;
}

/** What a plot is created with. */
export interface PlotOptions {
  /** The first chart. */
  readonly chart: Chart;
  /** The element that holds it. */
  readonly parent: HTMLElement;
  /** Its colors. */
  readonly colors: Colors;
  /** Receives the position of the pointer: an index of the chart's times, and a value of the scale. */
  readonly onPoint: (index: number | undefined, height: number | undefined) => void;
}

/** How a line looks. */
export interface PlotLine {
  /** Its color as a hexadecimal CSS color. */
  readonly color: string;
  /** Lengths of its dashes and gaps, in pixels; empty for a solid line. */
  readonly dash: readonly number[];
  /** Whether the area down to the previous line, or to 0, is filled instead of drawing a line. */
  readonly isFilled: boolean;
}

/** The area of a plot, in pixels of the canvas. */
export interface PlotArea {
  /** The canvas. */
  readonly canvas: CanvasRenderingContext2D;
  /** The position of a time, in seconds since 1970. */
  x(seconds: number): number;
  /** The position of a value. */
  y(height: number): number;
}

/** What differs between kinds of plots. */
export interface PlotKind {
  /** The lines. */
  readonly lines: readonly PlotLine[];
  /** The values of each line. */
  rows(chart: Chart): (number | null)[][];
  /** The range of the axis, given the largest value. */
  range(chart: Chart, largest: number | null): [lowest: number, highest: number];
  /** The label at a value of the axis. */
  tick(chart: Chart, height: number): string;
  /** Distances of labels on the axis; decimal ones without it. */
  readonly steps?: readonly number[];
  /** Paints what is not a line. */
  paint?(chart: Chart, area: PlotArea): void;
}

/** Height of a plot with its axis, in pixels. */
const HEIGHT = 190;
const FONT = "11px system-ui, sans-serif";
/** Padding, in pixels: half a label of the time axis on the right. */
const PADDING: uPlot.Padding = [8, 18, 0, 0];
/** Minimum distance of two labels, in pixels. */
const SPACE = { time: 58, value: 32 };
/** Distances of labels on the time axis, in seconds. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800]
  .concat([21_600, 43_200, 86_400, 172_800, 432_000, 864_000]);
/** Size of the axes, in pixels. */
const SIZE = { time: 26, value: 54 };
/** Opacity of a filled area, in hexadecimal digits: the grid stays visible. */
const FILL = "99";
/** Width of a line, in pixels. */
const LINE_WIDTH = 1.5;

function axesOf(
  colors: Colors,
  tick: (height: number) => string,
  steps?: readonly number[],
): uPlot.Axis[] {
  const common: uPlot.Axis = { stroke: colors.text, font: FONT, ticks: { show: false } };
  const time: uPlot.Axis = {
    ...common,
    space: SPACE.time,
    incrs: TIME_STEPS,
    size: SIZE.time,
    gap: 6,
    grid: { show: false },
    values: (_plot, splits, _axis, _space, step) =>
      splits.map((seconds) => formatAxisTime(seconds, step)),
  };
  const value: uPlot.Axis = {
    ...common,
    space: SPACE.value,
    size: SIZE.value,
    gap: 6,
    grid: { stroke: colors.grid, width: 1 },
    values: (_plot, splits) => splits.map(tick),
    ...(steps === undefined ? {} : { incrs: [...steps] }),
  };
  return [time, value];
}

/** The lines, and the bands between filled lines. */
function linesOf(lines: readonly PlotLine[]): Pick<uPlot.Options, "series" | "bands"> {
  const series = lines.map(({ color, dash, isFilled }, index): uPlot.Series => ({
    stroke: color,
    width: isFilled ? 0 : LINE_WIDTH,
    dash: [...dash],
    spanGaps: false,
    points: { size: 4, width: 1, fill: color, space: 24 },
    ...(isFilled && index === 0 ? { fill: color + FILL } : {}),
  }));
  const bands = lines.flatMap(({ color, isFilled }, index): uPlot.Band[] =>
    isFilled && index > 0 ? [{ series: [index + 1, index], fill: color + FILL }] : []
  );
  return { series: [{}, ...series], bands };
}

/** Reports the position of the pointer. */
function reportPoint(plot: uPlot, onPoint: PlotOptions["onPoint"]): void {
  const { idx, top } = plot.cursor;
  const isIn = idx !== null && idx !== undefined && top !== undefined && top >= 0;
  onPoint(isIn ? idx : undefined, isIn ? plot.posToVal(top, "y") : undefined);
}

/** Paints within the plot, without its axes. */
function paintIn(plot: uPlot, paint: (area: PlotArea) => void): void {
  const { ctx: canvas, bbox } = plot;
  canvas.save();
  canvas.beginPath();
  canvas.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  canvas.clip();
  paint({
    canvas,
    x: (seconds) => plot.valToPos(seconds, "x", true),
    y: (height) => plot.valToPos(height, "y", true),
  });
  canvas.restore();
}

/** Creates a plot with the width of its parent. */
export function createPlot(
  { chart: first, parent, colors, onPoint }: PlotOptions,
  kind: PlotKind,
): Plot {
  let chart = first;
  const data = (): uPlot.AlignedData => [[...chart.times], ...kind.rows(chart)];
  const plot = new uPlot(
    {
      width: Math.max(1, parent.clientWidth),
      height: HEIGHT,
      padding: PADDING,
      legend: { show: false },
      ...linesOf(kind.lines),
      axes: axesOf(colors, (height) => kind.tick(chart, height), kind.steps),
      scales: { y: { range: (_plot, _least, largest) => kind.range(chart, largest) } },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        points: { size: 6 },
        sync: { key: "page", setSeries: false, scales: ["x", null] },
      },
      hooks: {
        setCursor: [(self) => reportPoint(self, onPoint)],
        draw: [(self) => paintIn(self, (area) => kind.paint?.(chart, area))],
      },
    },
    data(),
    parent,
  );
  return {
    update(next): void {
      chart = next;
      plot.setData(data());
    },
    resize: (width) => plot.setSize({ width, height: HEIGHT }),
    dispose: () => plot.destroy(),
  };
}
