/** The scrapes of one server that a query needs, as columns over all of them. */

import type { Piece } from "./chunk.ts";
import type { Grid } from "./history.ts";
import { CLOSE, type Range } from "./rates.ts";

/** How long a value holds without a newer one (Prometheus' `query.lookback-delta`), in milliseconds. */
const LOOKBACK_MS = 300_000;
/** A range shorter than so many intervals of downsampled scrapes may hold only one of them. */
const INTERVALS = 2.5;
/**
 * How long a value holds where gaps are asked for: so many times the distance of the last two
 * scrapes but one, since two readers may scrape shortly after one another, and at least so long in
 * milliseconds.
 */
const HOLD = { distances: 4, leastMs: 15_000 };

/** Where scrapes come from. */
export interface ScrapeSource {
  /** Gives the columns of a family, oldest first; scrapes outside the range may be among them. */
  pieces(family: string, fromMs: number, toMs: number): Piece[];
}

/** The times of a grid. */
export function timesOf({ startMs, endMs, stepMs }: Grid): number[] {
  const count = Math.max(0, Math.floor((endMs - startMs) / stepMs) + 1);
  return Array.from({ length: count }, (_, index) => startMs + index * stepMs);
}

/** Scrapes of one server with the columns of one family. */
export class ScrapeRange {
  /** When each scrape began, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** Interval of downsampling around each, in milliseconds; 0 where all scrapes were kept. */
  readonly intervals: Float64Array;
  readonly #pieces: readonly Piece[];

  /**
   * Reads the scrapes.
   *
   * @param rangeMs How far before each time a range begins, in milliseconds.
   */
  constructor(source: ScrapeSource, family: string, grid: Grid, rangeMs: number) {
    const reachMs = (intervalMs: number): number =>
      Math.max(rangeMs, INTERVALS * intervalMs, LOOKBACK_MS + intervalMs);
    const longestMs = reachMs(rangeMs);
    const pieces = source.pieces(family, grid.startMs - longestMs, grid.endMs);
    this.#pieces = pieces.filter(({ times, intervalMs }) =>
      (times.at(-1) ?? 0) >= grid.startMs - reachMs(intervalMs) && (times[0] ?? 0) <= grid.endMs
    );
    const length = this.#pieces.reduce((sum, { times }) => sum + times.length, 0);
    this.times = new Float64Array(length);
    this.intervals = new Float64Array(length);
    let at = 0;
    let beforeMs = 0;
    for (const { times, intervalMs } of this.#pieces) {
      this.times.set(times, at);
      this.intervals.fill(intervalMs, at, at + times.length);
      // What was left out before the first scrape belongs to the scrapes before it.
      this.intervals[at] = Math.max(beforeMs, intervalMs);
      beforeMs = intervalMs;
      at += times.length;
    }
  }

  /** The values of a series; NaN where a scrape has none. */
  column(id: number): Float64Array {
    const column = new Float64Array(this.times.length);
    let at = 0;
    for (const piece of this.#pieces) {
      const end = at + piece.times.length;
      piece.copy(id, column.subarray(at, end));
      at = end;
    }
    return column;
  }

  /**
   * The last scrape at or before each time.
   *
   * @param hasGaps Whether a scrape is too old as soon as scraping seems to have stopped.
   * @returns The index of a scrape per time; -1 where there is none, or only one that is too old.
   */
  latest(times: readonly number[], hasGaps: boolean): number[] {
    return this.#latest(times).map((row, index) => {
      const ageMs = (times[index] ?? 0) - (this.times[row] ?? -Infinity);
      const holdMs = hasGaps ? this.#holdMs(row) : LOOKBACK_MS;
      return ageMs < holdMs + (this.intervals[row] ?? 0) ? row : -1;
    });
  }

  /**
   * The range before each time that is long enough to hold two scrapes.
   *
   * @param rangeMs The shortest range, in milliseconds.
   * @param hasGaps Whether a range ends where nobody scraped before or after its scrapes.
   */
  ranges(times: readonly number[], rangeMs: number, hasGaps: boolean): Range[] {
    const latest = this.#latest(times);
    let first = 0;
    return times.map((endMs, index) => {
      const last = latest[index] ?? -1;
      const whole = {
        endMs,
        rangeMs: Math.max(rangeMs, INTERVALS * (this.intervals[last] ?? 0)),
      };
      if (!hasGaps) return whole;
      while (first < last && (this.times[first] ?? 0) < endMs - whole.rangeMs) first++;
      return first < last ? this.#scraped(whole, first, last) : whole;
    });
  }

  /** The scraped part of a range, by its first and its last scrape. */
  #scraped({ endMs, rangeMs }: Range, first: number, last: number): Range {
    const startMs = endMs - rangeMs;
    const [firstMs, lastMs] = [this.times[first] ?? startMs, this.times[last] ?? endMs];
    const meanMs = (lastMs - firstMs) / (last - first);
    const isGap = (ms: number, row: number): boolean =>
      ms >= CLOSE * Math.max(meanMs, this.intervals[row] ?? 0);
    const fromMs = isGap(firstMs - startMs, first) ? firstMs : startMs;
    const toMs = isGap(endMs - lastMs, last) ? lastMs : endMs;
    return { endMs: toMs, rangeMs: toMs - fromMs };
  }

  /** How long the values of a scrape hold where gaps are asked for, in milliseconds. */
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
