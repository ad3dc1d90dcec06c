/** Queries the history for one selection and one time range. */

import type {
  Buckets,
  Grid,
  History,
  Question,
  Selection,
  TimeSeries,
} from "../history/history.ts";
import { divide, type Line, withGapsOf } from "./line.ts";
import type { QueryRange } from "./query_range.ts";

/** How the series of a gauge are aggregated. */
export interface GaugeOptions {
  /** A line per set of values of these labels; a single line without it. */
  readonly by?: readonly string[];
  /** How the series become one line. @default {"sum"} */
  readonly aggregate?: "sum" | "max" | "min" | "mean";
}

/** Queries the history, a metric at a time. */
export class Scope {
  readonly #history: History;
  readonly #selection: Selection;
  /** The times, and the range of rates. */
  readonly range: QueryRange;
  #running: Line | undefined;

  /** Sets what all queries have in common. */
  constructor(history: History, selection: Selection, range: QueryRange) {
    this.#history = history;
    this.#selection = selection;
    this.range = range;
  }

  /** The times, in seconds since 1970. */
  get times(): number[] {
    const { startMs, endMs, stepMs } = this.range.grid;
    const count = Math.floor((endMs - startMs) / stepMs) + 1;
    return Array.from({ length: count }, (_, index) => (startMs + index * stepMs) / 1_000);
  }

  /**
   * A line with gaps where no server was up: a rate or percentile looks back, and so would continue
   * for a while after a server went down.
   */
  whileUp(line: Line): Line {
    this.#running ??= this.gauge("num_requests_running");
    return this.#running === undefined ? line : withGapsOf(this.#running, line);
  }

  /** The same at other times. */
  over(grid: Grid): Scope {
    return new Scope(this.#history, this.#selection, { ...this.range, grid });
  }

  /** Lines of a gauge. */
  gauges(metric: string, options: GaugeOptions = {}): TimeSeries[] {
    return this.#history.gauge({ ...this.#query(metric), ...options });
  }

  /** A gauge as one line; undefined when there is no such series. */
  gauge(metric: string, aggregate: "sum" | "max" | "min" | "mean" = "sum"): Line | undefined {
    return this.gauges(metric, { aggregate })[0]?.values;
  }

  /** Rates of a counter, per second, by labels. */
  rates(metric: string, by: readonly string[]): TimeSeries[] {
    return this.#history.rate({ ...this.#rangeQuery(metric), by });
  }

  /** The rate of a counter as one line, per second; undefined when there is no such series. */
  rate(metric: string): Line | undefined {
    return this.#history.rate(this.#rangeQuery(metric))[0]?.values;
  }

  /** Rate of one counter by the rate of another; undefined when either is missing. */
  ratio(above: string, below: string): Line | undefined {
    const [upper, lower] = [this.rate(above), this.rate(below)];
    return upper === undefined || lower === undefined ? undefined : divide(upper, lower);
  }

  /** A quantile of a histogram as one line; undefined when there is no such series. */
  quantile(q: number, metric: string): Line | undefined {
    return this.quantiles([q], metric)[0];
  }

  /** Quantiles of a histogram; undefined as above. */
  quantiles(qs: readonly number[], metric: string): (Line | undefined)[] {
    return this.quantilesBy(qs, metric, []).map(([line]) => line?.values);
  }

  /**
   * Quantiles of a histogram by labels. Inside the first bucket nothing is known but its bound: there
   * the mean stands in, and it is never above that bound.
   */
  quantilesBy(qs: readonly number[], metric: string, by: readonly string[]): TimeSeries[][] {
    const query = { ...this.#rangeQuery(metric), by };
    const found = this.#history.quantiles(qs, query);
    const bound = this.firstBound(metric) ?? 0;
    const isInside = ({ values }: TimeSeries): boolean =>
      values.some((value) => value !== null && value <= bound);
    if (!found.some((lines) => lines.some(isInside))) return found;
    const means = this.#history.mean(query);
    return found.map((lines) =>
      lines.map((line, index) => ({
        ...line,
        values: line.values.map((value, at) => {
          if (value === null || value > bound) return value;
          return Math.min(bound, means[index]?.values[at] ?? bound);
        }),
      }))
    );
  }

  /** The upper bound of a histogram's first bucket; undefined when there is no such series. */
  firstBound(metric: string): number | undefined {
    const { endMs } = this.range.grid;
    const grid = { startMs: endMs, endMs, stepMs: 1_000 };
    const [first] = this.#history.buckets({ metric, grid, selection: this.#selection }).bounds;
    return first === undefined || first === Infinity ? undefined : first;
  }

  /** The mean of a histogram; undefined when there is no such series. */
  mean(metric: string): Line | undefined {
    return this.#history.mean(this.#rangeQuery(metric))[0]?.values;
  }

  /** Means of a histogram, by labels. */
  means(metric: string, by: readonly string[]): TimeSeries[] {
    return this.#history.mean({ ...this.#rangeQuery(metric), by });
  }

  /** Gauges, counters or label sets as they are written, in the selection. */
  labelSets(metric: string): Readonly<Record<string, string>>[] {
    return this.#history.labelSets(metric, this.#selection);
  }

  /** Share of a histogram's observations at or under a bound; undefined as above. */
  share(bound: number, metric: string): Line | undefined {
    return this.#history.share(bound, this.#rangeQuery(metric))[0]?.values;
  }

  /** Observations by bucket. */
  buckets(metric: string): Buckets {
    const { hasGaps: _, ...query } = this.#query(metric);
    return this.#history.buckets(query);
  }

  #query(metric: string): Question {
    const { grid, hasGaps = false } = this.range;
    return { metric, grid, selection: this.#selection, hasGaps };
  }

  #rangeQuery(metric: string): Question & { readonly rangeMs: number } {
    return { ...this.#query(metric), rangeMs: this.range.rangeMs };
  }
}
