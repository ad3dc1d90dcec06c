/** Queries on the scrapes of servers, evaluated as Prometheus does. */

import { type Bucket, mend } from "./buckets.ts";
import type { GaugeQuestion, Question, RangeQuestion, Selection, TimeSeries } from "./history.ts";
import { Rates } from "./rates.ts";
import { ScrapeRange, type ScrapeSource, timesOf } from "./scrape_range.ts";
import type { Series } from "./series.ts";

/** One server, as far as queries need it. */
export interface Server extends ScrapeSource {
  /** Its series. */
  readonly table: {
    /** The series with a name. */
    named(name: string): readonly Series[];
  };
}

/** The label of each part of a selection. */
const LABELS = { instance: "instance", model: "model_name", engine: "engine" } as const;

/**
 * Tells whether a series is in a selection.
 *
 * @param labels Its labels; one that it does not have is not looked at.
 * @param selection The selection.
 * @returns Whether none of its labels differs.
 */
export function isSelected(
  labels: Readonly<Record<string, string>>,
  selection: Selection = {},
): boolean {
  return ([...Object.keys(LABELS)] as (keyof typeof LABELS)[]).every((part) => {
    const [wanted, value] = [selection[part], labels[LABELS[part]]];
    return wanted === undefined || value === undefined || wanted === value;
  });
}

/** The series of a name in a selection. */
function selected(
  server: Server,
  name: string,
  selection: Selection | undefined,
): readonly Series[] {
  return server.table.named(name).filter(({ labels }) => isSelected(labels, selection));
}

/** Series grouped by the values of some labels; each group becomes a line. */
class Groups<T> {
  readonly #by: readonly string[];
  readonly #make: () => T;
  readonly #all = new Map<string, { labels: Record<string, string>; content: T }>();

  constructor({ by = [] }: Question, make: () => T) {
    this.#by = by;
    this.#make = make;
  }

  /** The content of the group of a series. */
  of(series: Series): T {
    const labels = Object.fromEntries(
      this.#by.flatMap((name) => {
        const value = series.labels[name];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    const key = JSON.stringify(this.#by.map((name) => labels[name] ?? null));
    const group = this.#all.get(key) ?? { labels, content: this.#make() };
    this.#all.set(key, group);
    return group.content;
  }

  /** The groups as lines, ordered by their labels. */
  lines(values: (content: T) => (number | null)[]): TimeSeries[] {
    return [...this.#all].toSorted(([one], [other]) => one < other ? -1 : 1)
      .map(([, { labels, content }]) => ({ labels, values: values(content) }));
  }
}

/** How the values of one time are aggregated. */
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
 * Values of a gauge: `sum by (…) (metric)`, `max by (…) (metric)`, ….
 *
 * @param servers The servers.
 * @param question The query.
 * @returns A line per group.
 */
export function gaugeLines(servers: readonly Server[], question: GaugeQuestion): TimeSeries[] {
  const times = timesOf(question.grid);
  const groups = new Groups<number[][]>(question, () => times.map(() => []));
  for (const server of servers) {
    const wanted = selected(server, question.metric, question.selection);
    if (wanted.length === 0) continue;
    const [{ family = "" } = {}] = wanted;
    const range = new ScrapeRange(server, family, question.grid, 0);
    const latest = range.latest(times, question.hasGaps ?? false);
    for (const series of wanted) {
      const column = range.column(series.id);
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
 * Increases of a counter: `sum by (…) (increase(metric[range]))`.
 *
 * @param servers The servers.
 * @param question The query.
 * @returns A line per group.
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
 * Computes values from `sum by (le, …) (increase(metric_bucket[range]))`.
 *
 * @param servers The servers.
 * @param question The query; its metric is the family.
 * @param computations Each turns the buckets of one time into a value.
 * @returns For each computation a line per group.
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
 * Observations in each bucket over the range before each time, summed over all series.
 *
 * @param servers The servers.
 * @param question The query; its metric is the family.
 * @returns The bounds, ascending, and the counts of each time; null without data.
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

/** Sums per time; null where nothing was added. */
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
    const [{ family = "" } = {}] = wanted;
    const scrapes = new ScrapeRange(server, family, grid, rangeMs);
    const ranges = scrapes.ranges(times, rangeMs, hasGaps);
    for (const series of wanted) {
      const { times: sampled, intervals } = scrapes;
      const rates = new Rates({ times: sampled, intervals, values: scrapes.column(series.id) });
      const increases = ranges.map((range) => {
        const increase = rates.increase(range);
        return range.rangeMs === rangeMs ? increase : increase * (rangeMs / range.rangeMs);
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
