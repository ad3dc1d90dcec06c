/** The scrapes of one server that a query needs, and the increases of counters over them. */

import type { Piece } from "./chunk.ts";
import type { Grid } from "./history.ts";

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

/** A sample is close to the end of a range up to this part of the mean distance. */
const CLOSE = 1.1;

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

/** The samples of one series. */
export interface Samples {
  /** When each was taken, ascending, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** Interval of downsampling around each, in milliseconds; 0 where all samples were kept. */
  readonly intervals: Float64Array;
  /** A value each; NaN where the series was absent. */
  readonly values: Float64Array;
}

/** A range of time, including both ends. */
export interface Range {
  /** Its end, in milliseconds since 1970. */
  readonly endMs: number;
  /** Its length in milliseconds. */
  readonly rangeMs: number;
}

/**
 * The increases of a counter, extrapolated to the ends of the ranges (`extrapolatedRate` of
 * Prometheus 2.42): up to an end that is close to a sample, else half a mean distance beyond the
 * sample, and never back to before the counter was zero. Next to downsampled scrapes their interval
 * replaces the mean distance, if it is longer.
 *
 * @param samples The samples of the counter.
 * @param ranges Ranges of which both ends ascend.
 * @returns An increase per range; NaN with fewer than two samples.
 */
export function increases(samples: Samples, ranges: readonly Range[]): number[] {
  const { times, values, intervals } = presentOf(samples);
  const lost = lostIn(values);
  let [from, to] = [0, 0];
  return ranges.map(({ endMs, rangeMs }) => {
    const startMs = endMs - rangeMs;
    while (to < times.length && (times[to] ?? 0) <= endMs) to++;
    while (from < times.length && (times[from] ?? 0) < startMs) from++;
    const [first, last] = [from, to - 1];
    if (last <= first) return NaN;
    const firstValue = values[first] ?? 0;
    const increase = (values[last] ?? 0) - firstValue + (lost?.[last] ?? 0) - (lost?.[first] ?? 0);
    const sampledMs = (times[last] ?? 0) - (times[first] ?? 0);
    const meanMs = sampledMs / (last - first);
    let toStartMs = (times[first] ?? 0) - startMs;
    if (increase > 0 && firstValue >= 0) {
      toStartMs = Math.min(toStartMs, sampledMs * (firstValue / increase));
    }
    const beyond = (ms: number, sample: number): number => {
      const distanceMs = Math.max(meanMs, intervals[sample] ?? 0);
      return ms < distanceMs * CLOSE ? ms : distanceMs / 2;
    };
    const toEndMs = endMs - (times[last] ?? 0);
    const wholeMs = sampledMs + beyond(toStartMs, first) + beyond(toEndMs, last);
    return increase * (wholeMs / sampledMs);
  });
}

/** The samples that are present. Most series have no others, and are not copied. */
function presentOf(samples: Samples): Samples {
  if (!samples.values.includes(NaN)) return samples;
  const isPresent = (_: number, index: number): boolean => !Number.isNaN(samples.values[index]);
  return {
    times: samples.times.filter(isPresent),
    intervals: samples.intervals.filter(isPresent),
    values: samples.values.filter(isPresent),
  };
}

/** Sum of all falls up to each sample; undefined when there are none. */
function lostIn(values: Float64Array): Float64Array | undefined {
  let all: Float64Array | undefined;
  let lost = 0;
  let last = -Infinity;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    if (value < last) {
      lost += last;
      all ??= new Float64Array(values.length);
    }
    if (all !== undefined) all[index] = lost;
    last = value;
  }
  return all;
}
