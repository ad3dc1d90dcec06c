/** The rows of one server that a question needs, put behind one another. */

import type { Rows } from "./block.ts";
import type { Grid } from "./history.ts";
import { CLOSE, type Stretch } from "./rates.ts";

/** How long a value holds when nothing newer is known (Prometheus' `query.lookback-delta`), in milliseconds. */
const LOOKBACK_MS = 300_000;
/** A stretch that is shorter than so many distances of thinned rows may hold only one of them. */
const DISTANCES = 2.5;
/**
 * How long a value holds where gaps are asked for: so many times the last two distances of scrapes,
 * since two readers may come one soon after the other, and this long at least, in milliseconds.
 */
const HOLD = { distances: 4, leastMs: 15_000 };

/** Where rows come from. */
export interface RowSource {
  /**
   * Gives rows, oldest first, those within two times among them.
   *
   * @param fromMs The earliest time, in milliseconds since 1970.
   * @param toMs The latest.
   */
  pieces(fromMs: number, toMs: number): Rows[];
}

/**
 * The times of a grid.
 *
 * @param grid The grid.
 * @returns Its times, in milliseconds since 1970.
 */
export function timesOf({ startMs, endMs, stepMs }: Grid): number[] {
  const count = Math.max(0, Math.floor((endMs - startMs) / stepMs) + 1);
  return Array.from({ length: count }, (_, index) => startMs + index * stepMs);
}

/** Rows of one server, as columns over all of them. */
export class RowRange {
  /** When each scrape began, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** Distance of rows that were left out around each, in milliseconds; 0 where none were. */
  readonly intervals: Float64Array;
  readonly #pieces: readonly Rows[];

  /**
   * Finds the rows.
   *
   * @param source The server's rows.
   * @param grid The times that are asked for.
   * @param rangeMs How far before each time a stretch begins, in milliseconds.
   */
  constructor(source: RowSource, grid: Grid, rangeMs: number) {
    const reachMs = (intervalMs: number): number =>
      Math.max(rangeMs, DISTANCES * intervalMs, LOOKBACK_MS + intervalMs);
    const longestMs = reachMs(rangeMs);
    this.#pieces = source.pieces(grid.startMs - longestMs, grid.endMs).filter((rows) =>
      (rows.times.at(-1) ?? 0) >= grid.startMs - reachMs(rows.intervalMs) &&
      (rows.times[0] ?? 0) <= grid.endMs
    );
    const length = this.#pieces.reduce((sum, rows) => sum + rows.length, 0);
    this.times = new Float64Array(length);
    this.intervals = new Float64Array(length);
    let at = 0;
    let beforeMs = 0;
    for (const rows of this.#pieces) {
      this.times.set(rows.times, at);
      this.intervals.fill(rows.intervalMs, at, at + rows.length);
      // What was left out before the first row belongs to the rows before it.
      this.intervals[at] = Math.max(beforeMs, rows.intervalMs);
      beforeMs = rows.intervalMs;
      at += rows.length;
    }
  }

  /** The values of a series; NaN where a row has none. */
  column(id: number): Float64Array {
    const column = new Float64Array(this.times.length);
    let at = 0;
    for (const rows of this.#pieces) {
      rows.copy(id, column, at);
      at += rows.length;
    }
    return column;
  }

  /**
   * The last row at or before each time.
   *
   * @param times Ascending times, in milliseconds since 1970.
   * @param hasGaps Whether a row is too old as soon as nobody seems to scrape any more.
   * @returns A row a time; -1 where there is none, or only one that is too old.
   */
  latest(times: readonly number[], hasGaps: boolean): number[] {
    return this.#latest(times).map((row, index) => {
      const ageMs = (times[index] ?? 0) - (this.times[row] ?? -Infinity);
      const holdMs = hasGaps ? this.#holdMs(row) : LOOKBACK_MS;
      return ageMs < holdMs + (this.intervals[row] ?? 0) ? row : -1;
    });
  }

  /**
   * The stretch before each time that is long enough to hold two rows.
   *
   * @param times Ascending times, in milliseconds since 1970.
   * @param rangeMs The shortest stretch, in milliseconds.
   * @param hasGaps Whether a stretch ends where nobody scraped before or behind its rows.
   * @returns A stretch a time.
   */
  stretches(times: readonly number[], rangeMs: number, hasGaps: boolean): Stretch[] {
    const latest = this.#latest(times);
    let first = 0;
    return times.map((endMs, index) => {
      const last = latest[index] ?? -1;
      const whole = {
        endMs,
        rangeMs: Math.max(rangeMs, DISTANCES * (this.intervals[last] ?? 0)),
      };
      if (!hasGaps) return whole;
      while (first < last && (this.times[first] ?? 0) < endMs - whole.rangeMs) first++;
      return first < last ? this.#scraped(whole, first, last) : whole;
    });
  }

  /** The part of a stretch in which somebody scraped, by its first and its last row. */
  #scraped({ endMs, rangeMs }: Stretch, first: number, last: number): Stretch {
    const startMs = endMs - rangeMs;
    const [firstMs, lastMs] = [this.times[first] ?? startMs, this.times[last] ?? endMs];
    const meanMs = (lastMs - firstMs) / (last - first);
    const isGap = (ms: number, row: number): boolean =>
      ms >= CLOSE * Math.max(meanMs, this.intervals[row] ?? 0);
    const fromMs = isGap(firstMs - startMs, first) ? firstMs : startMs;
    const toMs = isGap(endMs - lastMs, last) ? lastMs : endMs;
    return { endMs: toMs, rangeMs: toMs - fromMs };
  }

  /** How long the values of a row hold where gaps are asked for, in milliseconds. */
  #holdMs(row: number): number {
    const distancesMs = (this.times[row] ?? 0) - (this.times[Math.max(0, row - 2)] ?? 0);
    return Math.min(Math.max(HOLD.leastMs, HOLD.distances * distancesMs), LOOKBACK_MS);
  }

  #latest(times: readonly number[]): number[] {
    let row = -1;
    return times.map((timeMs) => {
      while (row + 1 < this.times.length && (this.times[row + 1] ?? 0) <= timeMs) row++;
      return row;
    });
  }
}
