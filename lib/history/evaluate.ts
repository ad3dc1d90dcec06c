/** What Prometheus computes of the samples of one series, and of the buckets of one histogram. */

import type { Piece } from "./chunks.ts";
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
/** Relative difference of two counts that counts as rounding (Prometheus 3, `smallDeltaTolerance`). */
const ROUNDING = 1e-12;
/** The times of a grid. */
export function timesOf({ startMs, endMs, stepMs }: Grid): number[] {
  const count = Math.max(0, Math.floor((endMs - startMs) / stepMs) + 1);
  return Array.from({ length: count }, (_, index) => startMs + index * stepMs);
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
export type Range = {
  /** Its end, in milliseconds since 1970. */
  readonly endMs: number;
  /** Its length in milliseconds. */
  readonly rangeMs: number;
};

/** Where scrapes come from. */
export interface ScrapeSource {
  /** Gives the columns of a family, oldest first; scrapes outside the range may be among them. */
  pieces(family: string, fromMs: number, toMs: number): Piece[];
}

/** Scrapes of one server with the columns of one family. */
export class Scrapes implements Omit<Samples, "values"> {
  /** When each scrape began, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** Interval of downsampling around each, in milliseconds; 0 where all scrapes were kept. */
  readonly intervals: Float64Array;
  readonly #pieces: readonly Piece[];

  /** Reads the scrapes for ranges that begin so many milliseconds before each time. */
  constructor(source: ScrapeSource, family: string, grid: Grid, rangeMs: number) {
    const reachMs = (intervalMs: number): number =>
      Math.max(rangeMs, INTERVALS * intervalMs, LOOKBACK_MS + intervalMs);
    const pieces = source.pieces(family, grid.startMs - reachMs(rangeMs), grid.endMs);
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
   * The index of the last scrape at or before each time; -1 where there is none, or only one that
   * is too old, where gaps are asked for as soon as scraping seems to have stopped.
   */
  latest(times: readonly number[], hasGaps: boolean): number[] {
    return this.#latest(times).map((row, index) => {
      const ageMs = (times[index] ?? 0) - (this.times[row] ?? -Infinity);
      const holdMs = hasGaps ? this.#holdMs(row) : LOOKBACK_MS;
      return ageMs < holdMs + (this.intervals[row] ?? 0) ? row : -1;
    });
  }

  /**
   * The range before each time that is long enough to hold two scrapes; where gaps are asked for,
   * it ends where nobody scraped before or after its scrapes.
   */
  ranges(times: readonly number[], rangeMs: number, hasGaps: boolean): Range[] {
    const latest = this.#latest(times);
    let first = 0;
    return times.map((endMs, index) => {
      const last = latest[index] ?? -1;
      const wholeMs = Math.max(rangeMs, INTERVALS * (this.intervals[last] ?? 0));
      const startMs = endMs - wholeMs;
      while (hasGaps && first < last && (this.times[first] ?? 0) < startMs) first++;
      if (!hasGaps || first >= last) return { endMs, rangeMs: wholeMs };
      const [firstMs, lastMs] = [this.times[first] ?? startMs, this.times[last] ?? endMs];
      const meanMs = (lastMs - firstMs) / (last - first);
      const isGap = (ms: number, row: number): boolean =>
        ms >= CLOSE * Math.max(meanMs, this.intervals[row] ?? 0);
      const fromMs = isGap(firstMs - startMs, first) ? firstMs : startMs;
      const toMs = isGap(endMs - lastMs, last) ? lastMs : endMs;
      return { endMs: toMs, rangeMs: toMs - fromMs };
    });
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

/**
 * The increases of a counter, extrapolated to the ends of the ranges (`extrapolatedRate` of
 * Prometheus 2.42): up to an end that is close to a sample, else half a mean distance beyond the
 * sample, and never back to before the counter was zero. Next to downsampled scrapes their interval
 * replaces the mean distance, if it is longer.
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

/** One cumulative bucket: how many observations, or a rate of them, were at or under its bound. */
export interface Bucket {
  /** The upper bound; Infinity of the last. */
  readonly bound: number;
  /** Observations at or under it. */
  readonly count: number;
}

/** Counts of single buckets, from cumulative ones. */
export function countsIn(bounds: readonly number[], buckets: readonly Bucket[]): number[] | null {
  if (buckets.length === 0) return null;
  const repaired = new Map(repair(buckets).map(({ bound, count }) => [bound, count]));
  let below = 0;
  return bounds.map((bound) => {
    const count = repaired.get(bound) ?? below;
    const inside = count - below;
    below = count;
    return inside;
  });
}

/**
 * Repairs buckets as Prometheus does: ordered by bound, counts never fall, and a difference that
 * can only come from rounding is ignored. There are none when there are fewer than two, no bound is
 * Infinity, or there are no observations.
 */
function repair(buckets: readonly Bucket[]): Bucket[] {
  const sorted = buckets.toSorted((one, other) => one.bound - other.bound);
  if (sorted.length < 2 || sorted.at(-1)?.bound !== Infinity) return [];
  let highest = -Infinity;
  const repaired = sorted.map(({ bound, count }) => {
    if (count > highest && !isRounding(highest, count)) highest = count;
    return { bound, count: highest };
  });
  return highest > 0 ? repaired : [];
}

function isRounding(one: number, other: number): boolean {
  return Number.isFinite(one) && one !== 0 && Math.abs(other - one) / (one + other) < ROUNDING;
}

/**
 * `histogram_quantile`: finds the bucket and interpolates in it. The lowest bucket begins at 0, if
 * its bound is above that; in the last bucket, the quantile is the bound before it.
 */
export function quantileOf(q: number, buckets: readonly Bucket[]): number | null {
  const repaired = repair(buckets);
  const rank = q * (repaired.at(-1)?.count ?? 0);
  const index = repaired.findIndex(({ count }) => count >= rank);
  const found = repaired[index];
  if (found === undefined) return null;
  if (index === repaired.length - 1) return repaired[index - 1]?.bound ?? null;
  if (index === 0 && found.bound <= 0) return found.bound;
  const { bound: start, count: under } = repaired[index - 1] ?? { bound: 0, count: 0 };
  // The quantile 0 in an empty lowest bucket has no position.
  if (found.count === under) return null;
  return start + (found.bound - start) * ((rank - under) / (found.count - under));
}

/**
 * The share of observations at or under a bound, as `histogram_fraction(-Inf, bound, …)` of
 * Prometheus 3: interpolated in the bucket; no observation of the last bucket is at or under any bound.
 */
export function shareUnder(bound: number, buckets: readonly Bucket[]): number | null {
  const repaired = repair(buckets);
  const all = repaired.at(-1)?.count;
  if (all === undefined) return null;
  const index = repaired.findIndex((bucket) => bucket.bound >= bound);
  const found = repaired[index];
  if (found === undefined) return null;
  const { bound: start, count: under } = repaired[index - 1] ?? { bound: 0, count: 0 };
  if (found.bound === bound) return found.count / all;
  if (found.bound === Infinity || bound <= start) return under / all;
  return (under + (found.count - under) * ((bound - start) / (found.bound - start))) / all;
}
