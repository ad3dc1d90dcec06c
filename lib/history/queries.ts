/** Queries on the scrapes of servers, evaluated as Prometheus does. */

import { type Bucket, repair } from "./buckets.ts";
import { BREAK, FAILED, type Piece } from "./chunk.ts";
import type { GaugeQuestion, Question, RangeQuestion, Selection, TimeSeries } from "./history.ts";
import { increases, ScrapeRange, type ScrapeSource, timesOf } from "./scrape_range.ts";
import type { Series } from "./series.ts";

/** One server, as far as queries need it. */
export interface Server extends ScrapeSource {
  /** Its series. */
  readonly table: {
    /** The series with a name. */
    named(name: string): readonly Series[];
  };
}

/** A value per time of the grid; null where there is none. */
type Values = (number | null)[];

/** How the values of one time are aggregated. */
const AGGREGATES: Readonly<
  Record<NonNullable<GaugeQuestion["aggregate"]>, (values: readonly number[]) => number>
> = {
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  max: (values) => values.reduce((one, other) => Math.max(one, other)),
  min: (values) => values.reduce((one, other) => Math.min(one, other)),
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
};

/** Tells whether a series is in a selection: none of its labels has another value. */
export function selector(
  { instance, model, engine }: Selection = {},
): (labels: Readonly<Record<string, string>>) => boolean {
  const wanted = Object.entries({ instance, model_name: model, engine })
    .filter(([, value]) => value !== undefined);
  return (labels) =>
    wanted.every(([label, value]) => labels[label] === undefined || labels[label] === value);
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
    const pairs = this.#by.map((name) => [name, series.labels[name]] as const);
    const key = JSON.stringify(pairs);
    const labels = Object.fromEntries(
      pairs.flatMap(([name, value]) => value === undefined ? [] : [[name, value]]),
    );
    const group = this.#all.get(key) ?? { labels, content: this.#make() };
    this.#all.set(key, group);
    return group.content;
  }

  /** The groups as lines, ordered by their labels. */
  lines(values: (content: T) => Values): TimeSeries[] {
    return [...this.#all].toSorted(([one], [other]) => one < other ? -1 : 1)
      .map(([, { labels, content }]) => ({ labels, values: values(content) }));
  }
}

/** The series of a query, and the scrapes of their server. */
function* seriesOf(
  servers: readonly Server[],
  { metric, grid, selection }: Question,
  rangeMs: number,
): Generator<readonly [scrapes: ScrapeRange, series: readonly Series[]]> {
  const isSelected = selector(selection);
  for (const server of servers) {
    const series = server.table.named(metric).filter(({ labels }) => isSelected(labels));
    const [{ family } = {}] = series;
    if (family !== undefined) yield [new ScrapeRange(server, family, grid, rangeMs), series];
  }
}

/** Values of a gauge: `sum by (…) (metric)`, `max by (…) (metric)`, …. */
export function gaugeLines(servers: readonly Server[], question: GaugeQuestion): TimeSeries[] {
  const { aggregate = "sum", hasGaps = false } = question;
  const times = timesOf(question.grid);
  const groups = new Groups<number[][]>(question, () => times.map(() => []));
  for (const [scrapes, all] of seriesOf(servers, question, 0)) {
    const latest = scrapes.latest(times, hasGaps);
    for (const series of all) {
      const column = scrapes.column(series.id);
      const group = groups.of(series);
      for (const [index, scrape] of latest.entries()) {
        const value = column[scrape] ?? NaN;
        if (!Number.isNaN(value)) group[index]?.push(value);
      }
    }
  }
  return groups.lines((group) =>
    group.map((values) => {
      const value = values.length === 0 ? NaN : AGGREGATES[aggregate](values);
      return Number.isNaN(value) ? null : value;
    })
  );
}

/** Increases of a counter: `sum by (…) (increase(metric[range]))`. */
export function increaseLines(servers: readonly Server[], question: RangeQuestion): TimeSeries[] {
  const times = timesOf(question.grid);
  const groups = new Groups<Values>(question, () => times.map(() => null));
  for (const [series, values] of increasesOf(servers, question)) addTo(groups.of(series), values);
  return groups.lines((sums) => sums);
}

/**
 * Computes values from `sum by (le, …) (increase(metric_bucket[range]))`.
 *
 * @param computations Each turns the buckets of one time into a value.
 * @returns For each computation a line per group.
 */
export function bucketLines(
  servers: readonly Server[],
  question: RangeQuestion,
  computations: readonly ((buckets: readonly Bucket[]) => number | null)[],
): TimeSeries[][] {
  const times = timesOf(question.grid);
  const groups = bucketsOf(servers, question);
  return computations.map((compute) =>
    groups.lines((byBound) => times.map((_, index) => compute(bucketsAt(byBound, index))))
  );
}

/**
 * Observations in each bucket over the range before each time, summed over all series.
 *
 * @returns The bounds, ascending, and the counts of each time; null without data.
 */
export function bucketCounts(
  servers: readonly Server[],
  question: RangeQuestion,
): { bounds: number[]; counts: (number[] | null)[] } {
  const times = timesOf(question.grid);
  let byBound: ByBound = new Map();
  bucketsOf(servers, { ...question, by: [] }).lines((content) => {
    byBound = content;
    return [];
  });
  const bounds = [...byBound.keys()].toSorted((one, other) => one - other);
  return { bounds, counts: times.map((_, index) => countsIn(bounds, bucketsAt(byBound, index))) };
}

function addTo(sums: Values, values: readonly number[]): void {
  for (const [index, value] of values.entries()) {
    if (!Number.isNaN(value)) sums[index] = (sums[index] ?? 0) + value;
  }
}

/** The increases of each series of a counter; NaN where there are none. */
function* increasesOf(
  servers: readonly Server[],
  question: RangeQuestion,
): Generator<readonly [series: Series, increases: number[]]> {
  const { grid, rangeMs, hasGaps = false } = question;
  const gridTimes = timesOf(grid);
  for (const [scrapes, all] of seriesOf(servers, question, rangeMs)) {
    const ranges = scrapes.ranges(gridTimes, rangeMs, hasGaps);
    const { times, intervals } = scrapes;
    for (const series of all) {
      const found = increases({ times, intervals, values: scrapes.column(series.id) }, ranges);
      // Where a range was made longer, or cut to its scraped part, the increase is scaled back.
      // The factor is exactly 1 elsewhere: any rounding would move a quantile at a bucket's bound.
      const scaled = found.map((value, index) =>
        value * (rangeMs / (ranges[index]?.rangeMs ?? NaN))
      );
      yield [series, scaled];
    }
  }
}

type ByBound = Map<number, Values>;

function bucketsOf(servers: readonly Server[], question: RangeQuestion): Groups<ByBound> {
  const times = timesOf(question.grid);
  const groups = new Groups<ByBound>(question, () => new Map());
  const metric = `${question.metric}_bucket`;
  for (const [series, values] of increasesOf(servers, { ...question, metric })) {
    const byBound = groups.of(series);
    const sums = byBound.get(series.le) ?? times.map(() => null);
    byBound.set(series.le, sums);
    addTo(sums, values);
  }
  return groups;
}

function bucketsAt(byBound: ByBound, index: number): Bucket[] {
  return Array.from(byBound, ([bound, sums]) => ({ bound, count: sums[index] ?? NaN }))
    .filter(({ count }) => !Number.isNaN(count));
}

/** Counts of single buckets, from cumulative ones. */
function countsIn(bounds: readonly number[], buckets: readonly Bucket[]): number[] | null {
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

/** A counter that every version of vLLM has, at the latest after the first request. */
const COUNTER = "prompt_tokens_total";

/** The counter, summed over all its series; 0 where it is absent, as before the first request. */
function totalsIn(piece: Piece, ids: readonly number[]): Float64Array {
  const totals = new Float64Array(piece.times.length);
  const column = new Float64Array(piece.times.length);
  for (const id of ids) {
    piece.copy(id, column);
    column.forEach((value, index) => totals[index] = (totals[index] ?? 0) + (value || 0));
  }
  return totals;
}

/**
 * Finds the scrapes at which a server had restarted: its counter fell, or scrapes had failed and
 * the counter does not show the same run. A period without scrapes alone is no restart.
 *
 * @returns When these scrapes began, ascending, in milliseconds since 1970.
 */
export function restartTimes(server: Server, fromMs: number, toMs: number): number[] {
  const ids = server.table.named(COUNTER).map(({ id }) => id);
  const found: number[] = [];
  let before: number | undefined;
  let wasAway = false;
  for (const piece of server.pieces(COUNTER, fromMs, toMs)) {
    const { times, flags } = piece;
    const totals = totalsIn(piece, ids);
    for (const [index, timeMs] of times.entries()) {
      if (timeMs < fromMs || timeMs > toMs) continue;
      const flag = flags[index] ?? 0;
      if ((flag & FAILED) !== 0) {
        wasAway = true;
        continue;
      }
      const total = totals[index] ?? 0;
      if ((flag & BREAK) !== 0 && before !== undefined) {
        // A counter that goes on shows that only scrapes failed; one at 0 shows nothing.
        if (total < before || (wasAway && before === 0)) found.push(timeMs);
      }
      before = total;
      wasAway = false;
    }
  }
  return found;
}
