/** What the dashboards should show, computed from the scrapes by loops, as Prometheus does it. */

import type { Observed, Series } from "./series.ts";

/** Columns by which an answer is split, for one series. */
export type Split = (labels: Readonly<Record<string, string>>, name: string) => Row;

/** A row of an answer. */
export type Row = Record<string, unknown>;

/** What one step from a sample to the next added. */
interface Step {
  readonly series: Series;
  /** The minute of the later sample, as Parseable writes it. */
  readonly minute: string;
  readonly seconds: number;
  readonly from: Observed;
  readonly to: Observed;
  /** Whether it began again at zero in between. */
  readonly reset: boolean;
}

const MINUTE_MS = 60_000;

/** Not split. */
export const whole: Split = (): Row => ({});

/** The name of an engine, with the server's name where rows have one. */
export function engineName(labels: Readonly<Record<string, string>>): string {
  const { instance, model_name: model, engine } = labels;
  return [instance, model, engine === undefined ? undefined : `engine ${engine}`]
    .filter((part) => part !== undefined).join(" ");
}

/** Answers questions about series. */
export class Calculation {
  readonly #all: readonly Series[];

  constructor(all: readonly Series[]) {
    this.#all = all;
  }

  /** The series of some metrics. */
  series(names: readonly string[]): Series[] {
    return this.#all.filter(({ name }) => names.includes(name));
  }

  /** All steps of some metrics. */
  steps(names: readonly string[]): Step[] {
    return this.series(names).flatMap((series) =>
      series.samples.slice(1).map((to, index): Step => {
        const from = series.samples[index] ?? to;
        const otherBounds = `${[...from.le.keys()]}` !== `${[...to.le.keys()]}`;
        return {
          series,
          minute: minuteOf(to.timeMs),
          seconds: (to.timeMs - from.timeMs) / 1_000,
          from,
          to,
          reset: to.value < from.value || otherBounds,
        };
      })
    );
  }

  /** By how much counters grew, by split; splits that saw no step are not there. */
  increase(names: readonly string[], split: Split): Row[] {
    return grouped(this.steps(names), stepSplit(split), (steps) => sum(steps.map(added)));
  }

  /** Growth a second of each series, summed by split. */
  rate(names: readonly string[], split: Split): Row[] {
    const bySeries = (step: Step) => ({
      ...stepSplit(split)(step),
      series: JSON.stringify([step.series.name, step.series.labels]),
    });
    const rates = grouped(
      this.steps(names),
      bySeries,
      (steps) => sum(steps.map(added)) / sum(steps.map(({ seconds }) => seconds)),
    );
    return grouped(
      rates,
      ({ series: _, value: __, ...split }) => split,
      (rows) => sum(rows.map(({ value }) => Number(value))),
    );
  }

  /** Growth a second over the time from the first sample of all to the last. */
  rateOverall(names: readonly string[]): Row[] {
    const steps = this.steps(names);
    const first = Math.min(...steps.map(({ from }) => from.timeMs));
    const last = Math.max(...steps.map(({ to }) => to.timeMs));
    const seconds = (last - first) / 1_000;
    return this.increase(names, whole).map(({ value }) => ({ value: Number(value) / seconds }));
  }

  /** What part of an increase satisfies a condition, in percent, or what falls to each step of it. */
  ratio(
    part: (series: Series) => boolean,
    whole: (series: Series) => boolean,
    names: readonly string[],
    split: Split,
    result: (part: number, whole: number) => number = (part, whole) => 100 * part / whole,
  ): Row[] {
    return grouped(this.steps(names), stepSplit(split), (steps) => {
      const total = sum(steps.filter(({ series }) => whole(series)).map(added));
      const some = sum(steps.filter(({ series }) => part(series)).map(added));
      return total > 0 ? result(some, total) : undefined;
    });
  }

  /** The newest sample of each series, without those silent for over a minute. */
  newest(names: readonly string[]): { series: Series; sample: Observed }[] {
    const newest = this.series(names).flatMap((series) => {
      const sample = series.samples.at(-1);
      return sample === undefined ? [] : [{ series, sample }];
    });
    const last = Math.max(...newest.map(({ sample }) => sample.timeMs));
    return newest.filter(({ sample }) => sample.timeMs >= last - MINUTE_MS);
  }

  /** The mean of each minute of each series, put together by split. */
  gauge(name: string, split: Split, together: (values: number[]) => number): Row[] {
    const minutes = this.series([name]).flatMap((series) => {
      const byMinute = Map.groupBy(series.samples, ({ timeMs }) => minuteOf(timeMs));
      return [...byMinute].map(([minute, samples]) => ({
        split: { time_bin: minute, ...split(series.labels, series.name) },
        mean: sum(samples.map(({ value }) => value)) / samples.length,
      }));
    });
    return grouped(minutes, ({ split }) => split, (all) => together(all.map(({ mean }) => mean)));
  }

  /** The means of what histograms observed. */
  mean(names: readonly string[], split: Split): Row[] {
    return grouped(this.steps(names), stepSplit(split), (steps) => {
      const count = sum(steps.map(added));
      const total = sum(steps.map((step) => step.to.sum - (step.reset ? 0 : step.from.sum)));
      return count > 0 ? total / count : undefined;
    });
  }

  /** A quantile of what histograms observed. */
  quantile(q: number, names: readonly string[], split: Split): Row[] {
    return grouped(
      this.steps(names),
      stepSplit(split),
      (steps) => quantileOf(q, cumulative(steps)),
    );
  }

  /** What part of the observations is within a goal, in percent. */
  within(goal: number, names: readonly string[], split: Split): Row[] {
    return grouped(
      this.steps(names),
      stepSplit(split),
      (steps) => shareOf(goal, cumulative(steps)),
    );
  }
}

/** Puts rows into groups by their columns, and one value beside each. */
export function grouped<T>(
  all: readonly T[],
  split: (one: T) => Row,
  value: (some: T[]) => number | undefined,
): Row[] {
  const groups = Map.groupBy(all, (one) => JSON.stringify(split(one)));
  return [...groups].flatMap(([key, some]) => {
    const result = value(some);
    return result === undefined ? [] : [{ ...JSON.parse(key), value: result }];
  });
}

/** Adds up. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function stepSplit(split: Split): (step: Step) => Row {
  return ({ series, minute }) => {
    const columns = split(series.labels, series.name);
    return "time_bin" in columns ? { ...columns, time_bin: minute } : columns;
  };
}

function added({ from, to, reset }: Step): number {
  return to.value - (reset ? 0 : from.value);
}

/**
 * What steps added at or below each bound, lowest first. Layouts are merged bucket by bucket. A bucket
 * that fell though the count did not has begun again as well: no count is ever negative.
 */
function cumulative(steps: readonly Step[]): [number, number][] {
  const buckets = new Map<number, number>();
  for (const { from, to, reset } of steps) {
    const before = reset ? new Map<number, number>() : perBucket(from);
    for (const [bound, count] of perBucket(to)) {
      const earlier = before.get(bound) ?? 0;
      const grown = count >= earlier ? count - earlier : count;
      buckets.set(bound, (buckets.get(bound) ?? 0) + grown);
    }
  }
  let total = 0;
  return [...buckets].toSorted(([a], [b]) => a - b).map((
    [bound, count],
  ) => [bound, total += count]);
}

function perBucket({ le }: Observed): Map<number, number> {
  let below = 0;
  return new Map([...le].map(([bound, count]) => {
    const inside = count - below;
    below = count;
    return [bound, inside];
  }));
}

/** `histogram_quantile` (prometheus/promql/quantile.go, `BucketQuantile`), of positive bounds. */
function quantileOf(q: number, buckets: readonly [number, number][]): number | undefined {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const rank = q * total;
  const index = buckets.findIndex(([, count]) => count >= rank);
  const [end = NaN, count = NaN] = buckets[index] ?? [];
  const [start, below] = buckets[index - 1] ?? [0, 0];
  return end === Infinity ? start : start + (end - start) * (rank - below) / (count - below);
}

/** `histogram_fraction` from zero to the goal. */
function shareOf(goal: number, buckets: readonly [number, number][]): number | undefined {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const index = buckets.findIndex(([bound]) => bound > goal);
  const [end = NaN, count = NaN] = buckets[index] ?? [];
  const [start, below] = buckets[index - 1] ?? [0, 0];
  const inside = end === Infinity ? 0 : (count - below) * (goal - start) / (end - start);
  return 100 * (below + inside) / total;
}

function minuteOf(timeMs: number): string {
  const start = new Date(timeMs - timeMs % MINUTE_MS);
  return start.toISOString().slice(0, "2026-11-24T08:00:00".length);
}
