/** Queries on the history: series over a grid of times, evaluated as Prometheus does. */

import type { FamilyKind } from "./names.ts";

/**
 * Which series are read; without a part, all. A series without the label, such as
 * `cache_config_info` without `model_name`, is always read.
 */
export type Selection = {
  readonly instance?: string;
  /** The value of `model_name`. */
  readonly model?: string;
  /** The value of `engine`. */
  readonly engine?: string;
};

/** Evenly spaced times, including both ends when the step divides their distance. */
export interface Grid {
  /** The first time, in milliseconds since 1970. */
  readonly startMs: number;
  /** No time is later than this one, in milliseconds since 1970. */
  readonly endMs: number;
  /** Distance of two times, in milliseconds; above 0. */
  readonly stepMs: number;
}

/** One line of a chart. */
export type TimeSeries = {
  readonly labels: Readonly<Record<string, string>>;
  /** A value per time of the grid; null where there is none, never NaN. */
  readonly values: readonly (number | null)[];
};

/** What all queries have in common. Names are those of vLLM 0.32, without `vllm:` or `vllm_`. */
export interface Question {
  /**
   * The family's name, such as `num_requests_running` or `prompt_tokens_total`. Sum and count of a
   * histogram are counters: `request_prompt_tokens_sum`.
   */
  readonly metric: string;
  /** The times. */
  readonly grid: Grid;
  /** The series; all without it. */
  readonly selection?: Selection;
  /** One line per set of values of these labels; one line in total without it. */
  readonly by?: readonly string[];
  /**
   * Treat unscraped periods as gaps (Prometheus does not): a gauge holds for four times the
   * distance of the last three scrapes (15 s at least, five minutes at most), and an increase is
   * extrapolated from the scraped part of its range.
   *
   * @default {false}
   */
  readonly hasGaps?: boolean;
}

/** A query of a gauge. */
export interface GaugeQuestion extends Question {
  /** How series are aggregated into a line; `sum` without it. */
  readonly aggregate?: "sum" | "max" | "min" | "mean";
}

/** A query over a range before each time of the grid. */
export interface RangeQuestion extends Question {
  /**
   * Length of the range in milliseconds, as in `rate(x[60s])`. Where it may hold only one
   * downsampled scrape, it is evaluated over two and a half intervals of these and scaled.
   */
  readonly rangeMs: number;
}

/** Observations by bucket, for a heat map. */
export interface Buckets {
  /** Upper bounds, ascending; the last is Infinity. */
  readonly bounds: readonly number[];
  /** Per time of the grid the observations in each bucket (not cumulative); null without data. */
  readonly counts: readonly (readonly number[] | null)[];
}

/** The state of one server. */
export interface TargetState {
  /** Its name. */
  readonly instance: string;
  /** Whether the last scrape succeeded; undefined before the first. */
  readonly up: boolean | undefined;
  /** What was wrong with the last scrape; empty when nothing was. */
  readonly error: string;
  /** When the last successful scrape began, in milliseconds since 1970. */
  readonly lastSuccessMs: number | undefined;
  /** Since when it has been up or down, in milliseconds since 1970. */
  readonly sinceMs: number | undefined;
  /** The engine's name, such as `vLLM` or `SGLang`; absent before its first metrics. */
  readonly engine?: string;
  /** Samples of the last scrape that were left out, as there are too many; absent when none were. */
  readonly droppedSamples?: number;
}

/** A family that the history has. */
export type FamilyInfo = {
  /** Its name, as queries have it; sum and count of a histogram are counters of their own. */
  readonly name: string;
  readonly kind: FamilyKind;
  /** The names of its labels without `le`, sorted. */
  readonly labels: readonly string[];
};

/** The history. Without data, results are empty, not errors. */
export type History = {
  readonly targets: readonly TargetState[];
  /** When the oldest scrape was made, in milliseconds since 1970. */
  readonly oldestMs: number | undefined;
  readonly newestMs: number | undefined;
  labelValues(label: "instance" | "model_name" | "engine", selection?: Selection): string[];
  families(selection?: Selection): FamilyInfo[];
  /**
   * The label sets of a family, such as `cache_config_info`, at the newest scrape of each server;
   * the one with the highest value first.
   */
  labelSets(metric: string, selection?: Selection): Readonly<Record<string, string>>[];
  /**
   * Values of a gauge at the last scrape at or before each time; null when that scrape failed, had
   * no such series, or is more than five minutes old.
   */
  gauge(question: GaugeQuestion): TimeSeries[];
  rate(question: RangeQuestion): TimeSeries[];
  increase(question: RangeQuestion): TimeSeries[];
  /**
   * `histogram_quantile(q, sum by (le, …) (rate(metric_bucket[range])))`, 0 ≤ q ≤ 1, for each of
   * the quantiles; several cost little more than one.
   */
  quantiles(qs: readonly number[], question: RangeQuestion): TimeSeries[][];
  /** Mean of a histogram: rate of its sum divided by that of its count. */
  mean(question: RangeQuestion): TimeSeries[];
  /** Share (0 to 1) of a histogram's observations at or under a bound, interpolated in its bucket. */
  share(bound: number, question: RangeQuestion): TimeSeries[];
  /** Observations by bucket since the previous time, summed over all series. */
  buckets(question: Question): Buckets;
  /**
   * When a server had restarted: its counters had fallen, or it was back after failed scrapes and
   * they do not show the same run. Ascending, in milliseconds since 1970.
   */
  restarts(instance: string, fromMs: number, toMs: number): number[];
};
