/** Plots with uPlot in the colors of the style sheet, and one pointer for all plots of the page. */

import type { Chart, ChartSeries, Marker, Threshold } from "../view.ts";
import { boundText, formatAxisTime, shortText } from "./text.ts";
import uPlot from "uplot";

/** Colors of lines in the style sheet; further lines reuse them with another dash. */
export const SERIES_COLORS = 8;
/** Dashes by index: lines differ by more than their color. */
const DASHES: readonly (readonly number[])[] = [[], [8, 3], [3, 2], [10, 3, 2, 3]];
/** Height of a plot with its axis, in pixels. */
const HEIGHT = 190;
const FONT = "12px system-ui, sans-serif";
/** Padding, in pixels: half a label of the time axis on the right. */
const PADDING: uPlot.Padding = [8, 18, 0, 0];
/** Minimum distance of two labels, in pixels. */
const SPACE = { time: 58, value: 32 };
/** Distances of labels on the time axis, in seconds. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800]
  .concat([21_600, 43_200, 86_400, 172_800, 432_000, 864_000]);
/** Distances of labels for requests: there is no half request. */
const WHOLE_STEPS = [1, 10, 100, 1_000, 10_000, 100_000]
  .flatMap((power) => [power, 2 * power, 5 * power]);
/** Size of the axes, in pixels. */
const SIZE = { time: 26, value: 54 };
/** Opacity of a filled area, in hexadecimal digits: the grid stays visible. */
const FILL = "99";
/** Minimum opacity of a heat map's cell with an observation. */
const FAINTEST = 0.14;
/** Gap between cells of a heat map, in pixels of the canvas; none between cells narrower than `NARROW`. */
const CELL_GAP = 1;
const NARROW = 8;

/** A threshold further above the values than this many times the largest is only named. */
const FAR = 3;
/** Colors of lines whose name has a meaning; the others have those of their index. */
const MEANINGS: Readonly<Record<string, string>> = {
  error: "bad",
  errors: "bad",
  "5xx": "bad",
  stop: "series-8",
  abort: "warn",
  "client disconnect": "warn",
};

/** An index of a chart's times, and a value of its scale; undefined where the pointer is not. */
export type Point = readonly [index: number | undefined, height: number | undefined];

/** The dash of a line, in pixels; empty for a solid line. */
export function seriesDash(index: number): readonly number[] {
  return DASHES[index % DASHES.length] ?? [];
}

/** The color of a line in the style sheet: an error is red wherever it stands. */
export function seriesColor(name: string, index: number): string {
  return MEANINGS[name] ?? `series-${index % SERIES_COLORS + 1}`;
}

/** The largest count of a heat map's cell. */
export function fullest({ series }: Chart): number {
  return Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
}

/** A color of the style sheet. */
function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Each line plus the ones before it; null where no line has a value. */
function stack(series: readonly ChartSeries[], length: number): (number | null)[][] {
  const sums: (number | null)[] = Array(length).fill(null);
  return series.map(({ values }) => {
    for (let at = 0; at < length; at++) {
      const value = values[at] ?? null;
      if (value !== null) sums[at] = (sums[at] ?? 0) + value;
    }
    return [...sums];
  });
}

/** A heat map's line without values makes the pointer work; its cells are painted. */
function dataOf({ kind, times, series }: Chart): uPlot.AlignedData {
  const rows = {
    line: () => series.map(({ values }) => [...values]),
    stacked: () => stack(series, times.length),
    heatmap: () => [times.map(() => null)],
  };
  return [[...times], ...rows[kind]()];
}

/** From 0 to slightly above the largest value or near threshold; to 1 for shares that are not small. */
function rangeOf(
  { kind, unit, series, thresholds }: Chart,
  largest: number | null,
): [number, number] {
  if (kind === "heatmap") return [0, Math.max(1, series.length)];
  if (largest === null || largest <= 0) return [0, 1];
  if (unit === "share" && largest > 0.2) return [0, 1.02];
  const near = thresholds.map(({ value }) => value).filter((value) => value <= FAR * largest);
  return [0, Math.max(largest, ...near) * 1.08];
}

/** The label at a value; a bound is the upper edge of its bucket. */
function tickOf({ kind, unit, series }: Chart, height: number): string {
  if (kind !== "heatmap") return shortText(height, unit);
  const bucket = series[height - 1];
  return bucket === undefined ? "" : boundText(bucket.name);
}

function stepsOf({ kind, unit }: Chart): number[] | undefined {
  if (kind === "heatmap") return [1, 2, 4, 8];
  return unit === "requests" ? WHOLE_STEPS : undefined;
}

function axesOf(chart: () => Chart): uPlot.Axis[] {
  const common: uPlot.Axis = { stroke: color("text-soft"), font: FONT, ticks: { show: false } };
  const incrs = stepsOf(chart());
  return [
    {
      ...common,
      space: SPACE.time,
      incrs: TIME_STEPS,
      size: SIZE.time,
      gap: 6,
      grid: { show: false },
      values: (_plot, splits, _axis, _space, step) =>
        splits.map((seconds) => formatAxisTime(seconds, step)),
    },
    {
      ...common,
      space: SPACE.value,
      size: SIZE.value,
      gap: 6,
      grid: { stroke: color("grid"), width: 1 },
      values: (_plot, splits) => splits.map((height) => tickOf(chart(), height)),
      ...(incrs === undefined ? {} : { incrs }),
    },
  ];
}

/** The lines, and the bands between filled lines. */
function linesOf({ kind, series }: Chart): Pick<uPlot.Options, "series" | "bands"> {
  if (kind === "heatmap") return { series: [{}, {}] };
  const colors = series.map(({ name }, index) => color(seriesColor(name, index)));
  const isStacked = kind === "stacked";
  const lines = colors.map((stroke, index): uPlot.Series => ({
    stroke,
    width: isStacked ? 0 : 1.5,
    dash: isStacked ? [] : [...seriesDash(index)],
    spanGaps: false,
    points: { size: 4, width: 1, fill: stroke, space: 24 },
    ...(isStacked && index === 0 ? { fill: stroke + FILL } : {}),
  }));
  const bands = isStacked
    ? colors.slice(1).map((fill, index): uPlot.Band => ({
      series: [index + 2, index + 1],
      fill: fill + FILL,
    }))
    : [];
  return { series: [{}, ...lines], bands };
}

/** Paints the cells with observations; a cell ends at its time. */
function paintCells({ times, series }: Chart, plot: uPlot, most: number): void {
  const { ctx, bbox } = plot;
  const x = (seconds: number): number => Math.round(plot.valToPos(seconds, "x", true));
  const y = (height: number): number => Math.round(plot.valToPos(height, "y", true));
  const step = (times[1] ?? 0) - (times[0] ?? 0);
  const edges = times.map((time) => [x(time - step), x(time)] as const);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = color("heat");
  series.forEach(({ values }, bucket) => {
    const top = y(bucket + 1);
    const height = Math.max(1, y(bucket) - top - CELL_GAP);
    values.forEach((value, at) => {
      const edge = edges[at];
      if (value === null || value <= 0 || edge === undefined) return;
      const room = edge[1] - edge[0];
      ctx.globalAlpha = FAINTEST + (1 - FAINTEST) * Math.sqrt(value / most);
      ctx.fillRect(edge[0], top, Math.max(1, room > NARROW ? room - CELL_GAP : room), height);
    });
  });
  ctx.restore();
}

/** Draws thresholds with their names and values; one far above is named at the top. */
function paintThresholds({ thresholds, unit }: Chart, plot: uPlot): void {
  const { ctx, bbox: { left, top, width } } = plot;
  const most = plot.scales.y?.max ?? 0;
  const scale = devicePixelRatio;
  thresholds.forEach(({ value, name, level }: Threshold) => {
    const isOut = value > most;
    const y = isOut ? top : Math.round(plot.valToPos(value, "y", true));
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = color(level);
    ctx.lineWidth = scale;
    ctx.setLineDash([6 * scale, 4 * scale]);
    if (!isOut) {
      ctx.beginPath();
      ctx.moveTo(left, y);
      ctx.lineTo(left + width, y);
      ctx.stroke();
    }
    ctx.font = `${12 * scale}px system-ui, sans-serif`;
    const text = `${name} ${shortText(value, unit)}${isOut ? " ↑" : ""}`;
    const room = ctx.measureText(text).width;
    // Two limits may be close to each other: their names stand at different ends.
    const x = level === "bad" ? left + 4 * scale : left + width - room;
    const hasHigher = thresholds.some((other) => other.value > value);
    const isBelow = hasHigher || y - top < 16 * scale;
    ctx.globalAlpha = 0.85;
    ctx.fillStyle = color("card");
    ctx.fillRect(x - 2 * scale, isBelow ? y + scale : y - 15 * scale, room, 14 * scale);
    ctx.globalAlpha = 1;
    ctx.fillStyle = color(level);
    ctx.textAlign = "left";
    ctx.textBaseline = isBelow ? "top" : "bottom";
    ctx.fillText(text, x, y + (isBelow ? 3 : -2) * scale);
    ctx.restore();
  });
}

/** Draws restarts and beginnings of findings. */
function paintMarkers(markers: readonly Marker[], plot: uPlot): void {
  const { ctx, bbox: { left, top, width, height } } = plot;
  const scale = devicePixelRatio;
  for (const { timeMs, kind, level } of markers) {
    const x = Math.round(plot.valToPos(timeMs / 1_000, "x", true));
    if (x < left || x > left + width) continue;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = color(
      kind === "restart" || level === "none" ? "text-soft" : level,
    );
    ctx.lineWidth = scale;
    ctx.setLineDash(kind === "restart" ? [2 * scale, 3 * scale] : []);
    ctx.globalAlpha = 0.7;
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x - 4 * scale, top);
    ctx.lineTo(x + 4 * scale, top);
    ctx.lineTo(x, top + 6 * scale);
    ctx.fill();
    ctx.restore();
  }
}

/** A plot of a chart. */
export interface Plot {
  /** Draws the chart; its lines are those that the plot was created for. */
  update(chart: Chart, markers: readonly Marker[]): void;
  /** Fits it into its element. */
  fit(): void;
  /** Releases the canvas. */
  dispose(): void;
}

/** What requires a new plot when it changes. */
export function shapeOf({ kind, unit, series }: Chart): string {
  return JSON.stringify([kind, unit, kind === "heatmap" ? "" : series.map(({ name }) => name)]);
}

/** What a plot reports. */
export interface PlotListener {
  /** The pointer moved. */
  onPoint(point: Point): void;
  /** A span of time was selected, in seconds since 1970. */
  onZoom(from: number, to: number): void;
}

/** Reports the selected span, and removes its mark. */
function reportZoom(plot: uPlot, onZoom: PlotListener["onZoom"]): void {
  const { left, width } = plot.select;
  if (width <= 0) return;
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onZoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
}

/** Creates a plot that is as wide as its element. */
export function createPlot(
  first: Chart,
  parent: HTMLElement,
  { onPoint, onZoom }: PlotListener,
): Plot {
  let chart = first;
  let markers: readonly Marker[] = [];
  const size = (): { width: number; height: number } => ({
    width: Math.max(1, parent.clientWidth),
    height: HEIGHT,
  });
  const plot = new uPlot(
    {
      ...size(),
      ...linesOf(chart),
      padding: PADDING,
      legend: { show: false },
      axes: axesOf(() => chart),
      scales: { y: { range: (_plot, _least, largest) => rangeOf(chart, largest) } },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false, dist: 8 },
        points: { size: 6 },
        // The other plots follow the pointer, but do not zoom as well.
        sync: {
          key: "page",
          setSeries: false,
          scales: ["x", null],
          filters: { pub: (type) => type === "mousemove" || type === "mouseleave" },
        },
      },
      hooks: {
        setCursor: [({ cursor: { idx, top }, posToVal }): void => {
          const isIn = idx !== null && idx !== undefined && top !== undefined && top >= 0;
          onPoint(isIn ? [idx, posToVal(top, "y")] : [undefined, undefined]);
        }],
        draw: [(self): void => {
          if (chart.kind === "heatmap") paintCells(chart, self, fullest(chart));
          else paintThresholds(chart, self);
          paintMarkers(markers, self);
        }],
        setSelect: [(self): void => reportZoom(self, onZoom)],
      },
    },
    dataOf(chart),
    parent,
  );
  return {
    update(next, marks): void {
      chart = next;
      markers = marks;
      plot.setData(dataOf(chart));
    },
    fit: () => parent.clientWidth > 0 && plot.setSize(size()),
    dispose: () => plot.destroy(),
  };
}
