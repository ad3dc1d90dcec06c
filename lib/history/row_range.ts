/** The rows of one server that a question needs, put behind one another. */

import type { Rows } from "./block.ts";
import type { Grid } from "./history.ts";

/** How long a value holds when nothing newer is known (Prometheus' `query.lookback-delta`), in milliseconds. */
const LOOKBACK_MS = 300_000;
/** A stretch that is shorter than so many distances of thinned rows may hold only one of them. */
const DISTANCES = 2.5;

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
   * @returns A row a time; -1 where there is none, or only one that is too old.
   */
  latest(times: readonly number[]): number[] {
    return this.#latest(times).map((row, index) => {
      const ageMs = (times[index] ?? 0) - (this.times[row] ?? -Infinity);
      return ageMs < LOOKBACK_MS + (this.intervals[row] ?? 0) ? row : -1;
    });
  }

  /**
   * The stretch before each time that is long enough to hold two rows.
   *
   * @param times Ascending times, in milliseconds since 1970.
   * @param rangeMs The shortest stretch, in milliseconds.
   * @returns A length a time, in milliseconds.
   */
  ranges(times: readonly number[], rangeMs: number): number[] {
    return this.#latest(times).map((row) =>
      Math.max(rangeMs, DISTANCES * (this.intervals[row] ?? 0))
    );
  }

  #latest(times: readonly number[]): number[] {
    let row = -1;
    return times.map((timeMs) => {
      while (row + 1 < this.times.length && (this.times[row + 1] ?? 0) <= timeMs) row++;
      return row;
    });
  }
}
