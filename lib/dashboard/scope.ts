/** The history seen through one selection and one grid of times. */

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

/** How a gauge's series become lines. */
export interface GaugeOptions {
  /** One line for each set of values of these labels; one line in all without it. */
  readonly by?: readonly string[];
  /** How series become one line; `sum` without it. */
  readonly aggregate?: "sum" | "max" | "min" | "mean";
}

/** Asks the history about a metric, a selection and a grid at a time. */
export class Scope {
  readonly #history: History;
  readonly #selection: Selection;
  /** At which times, and over which ranges. */
  readonly range: QueryRange;
  #running: Line | undefined;

  /** Fixes what all questions have in common. */
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
   * A line with gaps where no server was up. A rate or a percentile looks back, and so would go
   * on for a while after a server went down.
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
    return this.#history.gauge({ ...this.#ask(metric), ...options });
  }

  /** A gauge as one line; undefined when there is no such series. */
  gauge(metric: string, aggregate: "sum" | "max" | "min" | "mean" = "sum"): Line | undefined {
    return this.gauges(metric, { aggregate })[0]?.values;
  }

  /** Rates of a counter, per second, one a set of values of the labels. */
  rates(metric: string, by: readonly string[]): TimeSeries[] {
    return this.#history.rate({ ...this.#askRange(metric), by });
  }

  /** The rate of a counter as one line, per second; undefined when there is no such series. */
  rate(metric: string): Line | undefined {
    return this.#history.rate(this.#askRange(metric))[0]?.values;
  }

  /** Rate of one counter by the rate of another; undefined when either is missing. */
  ratio(above: string, below: string): Line | undefined {
    const [upper, lower] = [this.rate(above), this.rate(below)];
    return upper === undefined || lower === undefined ? undefined : divide(upper, lower);
  }

  /** A quantile of a histogram; undefined when there is no such series. */
  quantile(q: number, metric: string): Line | undefined {
    return this.quantiles([q], metric)[0];
  }

  /** Quantiles of a histogram; undefined as above. */
  quantiles(qs: readonly number[], metric: string): (Line | undefined)[] {
    return this.#history.quantiles(qs, this.#askRange(metric)).map(([line]) => line?.values);
  }

  /** The mean of a histogram; undefined when there is no such series. */
  mean(metric: string): Line | undefined {
    return this.#history.mean(this.#askRange(metric))[0]?.values;
  }

  /** Means of a histogram, one a set of values of the labels. */
  means(metric: string, by: readonly string[]): TimeSeries[] {
    return this.#history.mean({ ...this.#askRange(metric), by });
  }

  /** Share of a histogram's observations at or under a bound; undefined as above. */
  share(bound: number, metric: string): Line | undefined {
    return this.#history.share(bound, this.#askRange(metric))[0]?.values;
  }

  /** Observations by bucket. */
  buckets(metric: string): Buckets {
    const { hasGaps: _, ...question } = this.#ask(metric);
    return this.#history.buckets(question);
  }

  #ask(metric: string): Question {
    const { grid, hasGaps = false } = this.range;
    return { metric, grid, selection: this.#selection, hasGaps };
  }

  #askRange(metric: string): Question & { readonly rangeMs: number } {
    return { ...this.#ask(metric), rangeMs: this.range.rangeMs };
  }
}
