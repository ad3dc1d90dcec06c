/** At which times the page looks, for each window that can be chosen. */

import type { Grid } from "../history/history.ts";

/** A window that can be chosen, and how it is cut. */
interface Window {
  readonly seconds: number;
  /** Distance of two points of a chart, which gives 144 to 180 points, in seconds. */
  readonly stepSeconds: number;
}

const WINDOWS: readonly Window[] = [
  { seconds: 300, stepSeconds: 2 },
  { seconds: 900, stepSeconds: 5 },
  { seconds: 3_600, stepSeconds: 20 },
  { seconds: 10_800, stepSeconds: 60 },
  { seconds: 21_600, stepSeconds: 120 },
  { seconds: 86_400, stepSeconds: 600 },
  { seconds: 2_592_000, stepSeconds: 14_400 },
];

/** The longest window of a history that lives in memory, in seconds. */
const MEMORY_SECONDS = 86_400;
/** The window that holds when none is chosen, in seconds. */
export const DEFAULT_WINDOW_SECONDS = 300;

/** A heat map's column is so many points of a line wide: it is a look at the shape. */
const HEAT_STEPS = 3;
/** A tile's small line has one point for so many of a chart's. */
const TREND_STEPS = 5;
/** The shortest stretch that a rate or a percentile is made from, in milliseconds. */
const MIN_RANGE_MS = 60_000;
/**
 * A rate needs two scrapes in its stretch; four intervals leave room for two that
 * were missed (Prometheus' own advice for `rate`).
 */
const RANGE_INTERVALS = 4;

/** A grid, and the stretch before each of its times that rates are made from. */
export interface Frame {
  /** The times. */
  readonly grid: Grid;
  /** The stretch, in milliseconds. */
  readonly rangeMs: number;
  /** Whether times when nobody scraped are gaps; what is asked is answered as by Prometheus without it. */
  readonly hasGaps?: boolean;
}

/** All grids of one window. */
export interface TimeFrame {
  /** This moment alone. */
  readonly now: Frame;
  /** The points of the small lines in tiles. */
  readonly trend: Frame;
  /** The points of charts. */
  readonly chart: Frame;
  /** The columns of heat maps. */
  readonly heat: Frame;
}

/**
 * Lists the windows that can be chosen.
 *
 * @param hasFile Whether the history is kept in a file, and so for longer than a day.
 * @returns Lengths in seconds, the shortest first.
 */
export function windowsOf(hasFile: boolean): number[] {
  return WINDOWS.map(({ seconds }) => seconds)
    .filter((seconds) => hasFile || seconds <= MEMORY_SECONDS);
}

/**
 * Cuts a window. Times are multiples of the step, so that a point stays where it
 * is from one update to the next.
 *
 * @param windowSeconds Length of the window in seconds.
 * @param nowMs The end of the window, in milliseconds since 1970.
 * @param intervalMs Distance of two scrapes, in milliseconds.
 * @returns The grids.
 */
export function timeFrame(windowSeconds: number, nowMs: number, intervalMs: number): TimeFrame {
  const known = WINDOWS.find(({ seconds }) => seconds === windowSeconds);
  const stepMs = (known?.stepSeconds ?? Math.max(1, Math.round(windowSeconds / 150))) * 1_000;
  const leastMs = Math.max(MIN_RANGE_MS, RANGE_INTERVALS * intervalMs);
  const frame = (steps: number): Frame => {
    const wideMs = stepMs * steps;
    const endMs = Math.floor(nowMs / wideMs) * wideMs;
    const count = Math.floor(windowSeconds * 1_000 / wideMs);
    return {
      grid: { startMs: endMs - count * wideMs, endMs, stepMs: wideMs },
      rangeMs: Math.max(leastMs, wideMs),
      hasGaps: true,
    };
  };
  return {
    now: {
      grid: { startMs: nowMs, endMs: nowMs, stepMs: 1_000 },
      rangeMs: leastMs,
      hasGaps: true,
    },
    trend: frame(TREND_STEPS),
    chart: frame(1),
    heat: frame(HEAT_STEPS),
  };
}
