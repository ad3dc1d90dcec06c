/** The time ranges of the page, for each window that can be selected. */

import type { Grid } from "../history/history.ts";

/** A window that can be selected, and the resolution of its charts. */
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
  { seconds: 604_800, stepSeconds: 3_600 },
  { seconds: 2_592_000, stepSeconds: 14_400 },
];

/** The longest window of a history in memory, in seconds. */
const MEMORY_SECONDS = 86_400;
/** The default window, in seconds. */
export const DEFAULT_WINDOW_SECONDS = 300;

/** Points of a line per column of a heat map, which shows a shape rather than values. */
const HEAT_STEPS = 3;
/** Points of a chart per point of a tile's sparkline. */
const TREND_STEPS = 5;
/** The shortest range of a rate or percentile, in milliseconds. */
const MIN_RANGE_MS = 60_000;
/**
 * A rate needs two scrapes in its range; four intervals tolerate two missed scrapes (Prometheus'
 * own advice for `rate`).
 */
const RANGE_INTERVALS = 4;

/** Times, and the range before each of them that rates are computed over. */
export interface QueryRange {
  /** The times. */
  readonly grid: Grid;
  /** The range, in milliseconds. */
  readonly rangeMs: number;
  /** Treat unscraped periods as gaps, unlike Prometheus. */
  readonly hasGaps?: boolean;
}

/** All ranges of one window. */
export interface WindowRanges {
  /** The end of the window alone, over the time that tiles and findings look at. */
  readonly now: QueryRange;
  /** The points of sparklines in tiles. */
  readonly trend: QueryRange;
  /** The points of charts. */
  readonly chart: QueryRange;
  /** The columns of heat maps. */
  readonly heat: QueryRange;
}

/** Lists the windows that can be selected. */
export function windowsOf(hasFile: boolean): number[] {
  return WINDOWS.map(({ seconds }) => seconds)
    .filter((seconds) => hasFile || seconds <= MEMORY_SECONDS);
}

/** Tiles and findings look at the window, and at its last hour when it is longer. */
const LONGEST_NOW_SECONDS = 3_600;

/**
 * Divides a window that ends at a time. Times are multiples of the step, so that points do not move
 * between updates.
 */
export function windowRanges(
  windowSeconds: number,
  endMs: number,
  intervalMs: number,
): WindowRanges {
  const known = WINDOWS.find(({ seconds }) => seconds === windowSeconds);
  const stepMs = (known?.stepSeconds ?? Math.max(1, Math.round(windowSeconds / 150))) * 1_000;
  const leastMs = Math.max(MIN_RANGE_MS, RANGE_INTERVALS * intervalMs);
  const frame = (steps: number): QueryRange => {
    const wideMs = stepMs * steps;
    const lastMs = Math.floor(endMs / wideMs) * wideMs;
    const count = Math.floor(windowSeconds * 1_000 / wideMs);
    return {
      grid: { startMs: lastMs - count * wideMs, endMs: lastMs, stepMs: wideMs },
      rangeMs: Math.max(leastMs, wideMs),
      hasGaps: true,
    };
  };
  return {
    now: {
      grid: { startMs: endMs, endMs, stepMs: 1_000 },
      rangeMs: Math.max(leastMs, 1_000 * Math.min(windowSeconds, LONGEST_NOW_SECONDS)),
      hasGaps: true,
    },
    trend: frame(TREND_STEPS),
    chart: frame(1),
    heat: frame(HEAT_STEPS),
  };
}
