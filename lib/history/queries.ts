/** The queries of the history on the scrapes of its servers. */

import { BREAK, FAILED, type Piece } from "./chunks.ts";
import {
  type Bucket,
  countsIn,
  increases,
  quantileOf,
  Scrapes,
  type ScrapeSource,
  shareUnder,
  timesOf,
} from "./evaluate.ts";
import type {
  Buckets,
  FamilyInfo,
  GaugeQuestion,
  History,
  Question,
  RangeQuestion,
  Selection,
  TimeSeries,
} from "./history.ts";
import type { Series, SeriesTable } from "./series.ts";

/** One server, as far as queries need it. */
export type Server = ScrapeSource & {
  readonly instance: string;
  readonly table: Pick<SeriesTable, "named" | "values">;
  /** The series of the newest scrape with their values. */
  readonly newest: readonly (readonly [Series, number])[];
};

/** A counter that every version of vLLM has, at the latest after the first request. */
const COUNTER = "prompt_tokens_total";

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

/** Queries on the scrapes of some servers. */
export abstract class Queries implements Omit<History, "targets" | "oldestMs" | "newestMs"> {
  /** The servers, those that are gone among them. */
  protected abstract get servers(): readonly Server[];

  /** The values that a label has had, sorted. */
  labelValues(label: "instance" | "model_name" | "engine", selection?: Selection): string[] {
    const isSelected = selector(selection);
    const values = this.servers.flatMap(({ table }) =>
      [...table.values()].flatMap(({ labels }) => isSelected(labels) ? labels[label] ?? [] : [])
    );
    return [...new Set(values)].toSorted();
  }

  /** The label sets of a family at the newest scrape of each server, the highest value first. */
  labelSets(metric: string, selection?: Selection): Readonly<Record<string, string>>[] {
    const isSelected = selector(selection);
    return this.servers.flatMap(({ newest }) => newest)
      .filter(([{ name, labels }]) => name === metric && isSelected(labels))
      .toSorted(([, one], [, other]) => other - one)
      .map(([{ labels }]) => labels);
  }

  /** All families with their kinds and the names of their labels, ordered. */
  families(selection?: Selection): FamilyInfo[] {
    const isSelected = selector(selection);
    const found = new Map<string, { kind: FamilyInfo["kind"]; labels: Set<string> }>();
    for (const { table } of this.servers) {
      for (const { family, kind, labels } of table.values()) {
        if (!isSelected(labels)) continue;
        const known = found.get(family) ?? { kind, labels: new Set() };
        found.set(family, known);
        for (const label of Object.keys(labels)) known.labels.add(label);
      }
    }
    return [...found].toSorted(([one], [other]) => one < other ? -1 : 1)
      .map(([name, { kind, labels }]) => ({ name, kind, labels: [...labels].toSorted() }));
  }

  /** Values of a gauge: `sum by (…) (metric)`, `max by (…) (metric)`, …. */
  gauge(question: GaugeQuestion): TimeSeries[] {
    const { aggregate = "sum", hasGaps = false } = question;
    const times = timesOf(question.grid);
    const groups = new Groups<number[][]>(question, () => times.map(() => []));
    for (const [scrapes, all] of seriesOf(this.servers, question, 0)) {
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

  /** Rates of a counter: `sum by (…) (rate(metric[range]))`, per second. */
  rate(question: RangeQuestion): TimeSeries[] {
    const seconds = question.rangeMs / 1_000;
    return this.increase(question).map(({ labels, values }) => ({
      labels,
      values: values.map((value) => value === null ? null : value / seconds),
    }));
  }

  /** Increases of a counter: `sum by (…) (increase(metric[range]))`. */
  increase(question: RangeQuestion): TimeSeries[] {
    const times = timesOf(question.grid);
    const groups = new Groups<Values>(question, () => times.map(() => null));
    for (const [series, values] of increasesOf(this.servers, question)) {
      addTo(groups.of(series), values);
    }
    return groups.lines((sums) => sums);
  }

  /** Quantiles of a histogram, from `sum by (le, …) (rate(metric_bucket[range]))`. */
  quantiles(qs: readonly number[], question: RangeQuestion): TimeSeries[][] {
    const groups = bucketsOf(this.servers, question);
    return qs.map((q) => bucketLines(groups, question, (buckets) => quantileOf(q, buckets)));
  }

  /** Shares of a histogram's observations at or under a bound. */
  share(bound: number, question: RangeQuestion): TimeSeries[] {
    const groups = bucketsOf(this.servers, question);
    return bucketLines(groups, question, (buckets) => shareUnder(bound, buckets));
  }

  /** Means of a histogram. */
  mean(question: RangeQuestion): TimeSeries[] {
    const counts = this.increase({ ...question, metric: `${question.metric}_count` });
    const sums = this.increase({ ...question, metric: `${question.metric}_sum` });
    const byLabels = new Map(counts.map(({ labels, values }) => [JSON.stringify(labels), values]));
    return sums.map(({ labels, values }) => {
      const divisors = byLabels.get(JSON.stringify(labels));
      return {
        labels,
        values: values.map((sum, index) => {
          const count = divisors?.[index] ?? 0;
          return sum === null || count === 0 ? null : sum / count;
        }),
      };
    });
  }

  /** Observations by bucket since the time before, summed over all series. */
  buckets(question: Question): Buckets {
    const times = timesOf(question.grid);
    const range = { ...question, by: [], rangeMs: question.grid.stepMs };
    const byBound = bucketsOf(this.servers, range).only ?? new Map();
    const bounds = [...byBound.keys()].toSorted((one, other) => one - other);
    return { bounds, counts: times.map((_, index) => countsIn(bounds, bucketsAt(byBound, index))) };
  }

  /**
   * Finds the scrapes at which a server had restarted: its counter fell, or scrapes had failed and
   * the counter does not show the same run. A period without scrapes alone is no restart.
   */
  restarts(instance: string, fromMs: number, toMs: number): number[] {
    const server = this.servers.find((one) => one.instance === instance);
    const ids = server?.table.named(COUNTER).map(({ id }) => id) ?? [];
    const found: number[] = [];
    let before: number | undefined;
    let wasAway = false;
    for (const piece of server?.pieces(COUNTER, fromMs, toMs) ?? []) {
      const totals = totalsIn(piece, ids);
      for (const [index, timeMs] of piece.times.entries()) {
        if (timeMs < fromMs || timeMs > toMs) continue;
        const flags = piece.flags[index] ?? 0;
        if ((flags & FAILED) !== 0) {
          wasAway = true;
          continue;
        }
        const total = totals[index] ?? 0;
        if ((flags & BREAK) !== 0 && before !== undefined) {
          // A counter that goes on shows that only scrapes failed; one at 0 shows nothing.
          if (total < before || (wasAway && before === 0)) found.push(timeMs);
        }
        before = total;
        wasAway = false;
      }
    }
    return found;
  }
}

/** Tells whether a series is in a selection: none of its labels has another value. */
function selector(
  { instance, model, engine }: Selection = {},
): (labels: Readonly<Record<string, string>>) => boolean {
  const wanted = Object.entries({ instance, model_name: model, engine })
    .filter(([, value]) => value !== undefined);
  return (labels) =>
    wanted.every(([label, value]) => labels[label] === undefined || labels[label] === value);
}

/** Computes a value from the buckets of each time; a line per group. */
function bucketLines(
  groups: Groups<ByBound>,
  { grid }: Question,
  compute: (buckets: readonly Bucket[]) => number | null,
): TimeSeries[] {
  const times = timesOf(grid);
  return groups.lines((byBound) => times.map((_, index) => compute(bucketsAt(byBound, index))));
}

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

/** Series grouped by the values of some labels; each group becomes a line. */
class Groups<T> {
  readonly #by: readonly string[];
  readonly #make: () => T;
  readonly #all = new Map<string, { labels: Record<string, string>; content: T }>();

  constructor({ by = [] }: Question, make: () => T) {
    this.#by = by;
    this.#make = make;
  }

  /** The content of the only group. */
  get only(): T | undefined {
    return this.#all.values().next().value?.content;
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
): Generator<readonly [scrapes: Scrapes, series: readonly Series[]]> {
  const isSelected = selector(selection);
  for (const server of servers) {
    const series = server.table.named(metric).filter(({ labels }) => isSelected(labels));
    const [{ family } = {}] = series;
    if (family !== undefined) yield [new Scrapes(server, family, grid, rangeMs), series];
  }
}

/** The increases of each series of a counter; NaN where there are none. */
function* increasesOf(
  servers: readonly Server[],
  question: RangeQuestion,
): Generator<readonly [series: Series, increases: number[]]> {
  const { grid, rangeMs, hasGaps = false } = question;
  const times = timesOf(grid);
  for (const [scrapes, all] of seriesOf(servers, question, rangeMs)) {
    const ranges = scrapes.ranges(times, rangeMs, hasGaps);
    for (const series of all) {
      const found = increases({ ...scrapes, values: scrapes.column(series.id) }, ranges);
      // Where a range was made longer, or cut to its scraped part, the increase is scaled back.
      // The factor is exactly 1 elsewhere: any rounding would move a quantile at a bucket's bound.
      const scaled = found.map((value, index) =>
        value * (rangeMs / (ranges[index]?.rangeMs ?? NaN))
      );
      yield [series, scaled];
    }
  }
}

function addTo(sums: Values, values: readonly number[]): void {
  for (const [index, value] of values.entries()) {
    if (!Number.isNaN(value)) sums[index] = (sums[index] ?? 0) + value;
  }
}

/** The sums of each bucket per time, by bound. */
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
