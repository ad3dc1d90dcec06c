/** Answers to questions about the rows of servers, as Prometheus would give them. */

import { type Bucket, mend } from "./buckets.ts";
import type { GaugeQuestion, RangeQuestion, TimeSeries } from "./history.ts";
import { Groups, selected, type Server } from "./lines.ts";
import { Rates } from "./rates.ts";
import { RowRange, timesOf } from "./row_range.ts";

/** How values of one time become one. */
const AGGREGATES: Readonly<
  Record<
    NonNullable<GaugeQuestion["aggregate"]>,
    (values: readonly number[]) => number
  >
> = {
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  max: (values) => values.reduce((one, other) => Math.max(one, other)),
  min: (values) => values.reduce((one, other) => Math.min(one, other)),
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
};

/**
 * Values of a gauge: `sum by (…) (metric)` and its like.
 *
 * @param servers Where to look.
 * @param question What is asked.
 * @returns A line a group.
 */
export function gaugeLines(servers: readonly Server[], question: GaugeQuestion): TimeSeries[] {
  const times = timesOf(question.grid);
  const groups = new Groups<number[][]>(question, () => times.map(() => []));
  for (const server of servers) {
    const wanted = selected(server, question.metric, question.selection);
    if (wanted.length === 0) continue;
    const rows = new RowRange(server, question.grid, 0);
    const latest = rows.latest(times, question.hasGaps ?? false);
    for (const series of wanted) {
      const column = rows.column(series.id);
      const found = groups.of(series);
      latest.forEach((row, index) => {
        const value = column[row] ?? NaN;
        if (!Number.isNaN(value)) found[index]?.push(value);
      });
    }
  }
  const aggregate = AGGREGATES[question.aggregate ?? "sum"];
  return groups.lines((found) =>
    found.map((values) => values.length === 0 ? null : orNull(aggregate(values)))
  );
}

/**
 * What counters grew by: `sum by (…) (increase(metric[range]))`.
 *
 * @param servers Where to look.
 * @param question What is asked.
 * @returns A line a group.
 */
export function increaseLines(servers: readonly Server[], question: RangeQuestion): TimeSeries[] {
  const length = timesOf(question.grid).length;
  const groups = new Groups(question, () => new Sums(length));
  for (const { series, increases } of counters(servers, question)) {
    groups.of(series).add(increases);
  }
  return groups.lines((sums) => [...sums.values]);
}

/**
 * Buckets of a histogram: `sum by (le, …) (increase(metric_bucket[range]))`, and what is computed
 * of them for each time.
 *
 * @param servers Where to look.
 * @param question What is asked; the metric is the family.
 * @param computations Each makes a value of the buckets of one time.
 * @returns For each computation a line a group.
 */
export function bucketLines(
  servers: readonly Server[],
  question: RangeQuestion,
  computations: readonly ((buckets: readonly Bucket[]) => number | null)[],
): TimeSeries[][] {
  const length = timesOf(question.grid).length;
  const groups = groupedBuckets(servers, question);
  return computations.map((compute) =>
    groups.lines((byBound) =>
      Array.from({ length }, (_, index) => compute(bucketsAt(byBound, index)))
    )
  );
}

/**
 * Observations in each bucket over the stretch before each time, all series together.
 *
 * @param servers Where to look.
 * @param question What is asked; the metric is the family.
 * @returns The bounds, ascending, and for each time the counts; null without data.
 */
export function bucketCounts(
  servers: readonly Server[],
  question: RangeQuestion,
): { bounds: number[]; counts: (number[] | null)[] } {
  const { by: _, ...whole } = question;
  const times = timesOf(question.grid);
  const groups = groupedBuckets(servers, whole);
  let bounds: number[] = [];
  let counts: (number[] | null)[] = times.map(() => null);
  groups.lines((byBound) => {
    bounds = [...byBound.keys()].toSorted((one, other) => one - other);
    counts = times.map((_, index) => differences(bounds, bucketsAt(byBound, index)));
    return [];
  });
  return { bounds, counts };
}

type ByBound = Map<number, Sums>;

/** Values of one line that are added up; null where nothing was added. */
class Sums {
  readonly values: (number | null)[];

  constructor(length: number) {
    this.values = Array.from({ length }, () => null);
  }

  add(values: readonly number[]): void {
    values.forEach((value, index) => {
      if (!Number.isNaN(value)) this.values[index] = (this.values[index] ?? 0) + value;
    });
  }
}

/** The increases of each series of a counter; NaN where there are none. */
function* counters(
  servers: readonly Server[],
  question: RangeQuestion,
): Generator<{ series: ReturnType<typeof selected>[number]; increases: number[] }> {
  const { grid, rangeMs, hasGaps = false } = question;
  const times = timesOf(grid);
  for (const server of servers) {
    const wanted = selected(server, question.metric, question.selection);
    if (wanted.length === 0) continue;
    const rows = new RowRange(server, grid, rangeMs);
    const stretches = rows.stretches(times, rangeMs, hasGaps);
    for (const series of wanted) {
      const { times: taken, intervals } = rows;
      const rates = new Rates({ times: taken, intervals, values: rows.column(series.id) });
      const increases = stretches.map((stretch) => {
        const increase = rates.increase(stretch);
        return stretch.rangeMs === rangeMs ? increase : increase * (rangeMs / stretch.rangeMs);
      });
      yield { series, increases };
    }
  }
}

function groupedBuckets(servers: readonly Server[], question: RangeQuestion): Groups<ByBound> {
  const length = timesOf(question.grid).length;
  const groups = new Groups<ByBound>(question, () => new Map());
  const metric = `${question.metric}_bucket`;
  for (const { series, increases } of counters(servers, { ...question, metric })) {
    const byBound = groups.of(series);
    const sums = byBound.get(series.le) ?? new Sums(length);
    byBound.set(series.le, sums);
    sums.add(increases);
  }
  return groups;
}

function bucketsAt(byBound: ByBound, index: number): Bucket[] {
  return [...byBound].flatMap(([bound, { values }]) => {
    const count = values[index] ?? null;
    return count === null ? [] : [{ bound, count }];
  });
}

function differences(bounds: readonly number[], buckets: readonly Bucket[]): number[] | null {
  if (buckets.length === 0) return null;
  const mended = new Map(mend(buckets).map(({ bound, count }) => [bound, count]));
  let under = 0;
  return bounds.map((bound) => {
    const count = mended.get(bound) ?? under;
    const inside = count - under;
    under = count;
    return inside;
  });
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
