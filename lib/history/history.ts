/** What can be asked of the history: series over a grid of times, as Prometheus computes them. */

/**
 * Which series are read; what is left out takes all. A series that does not have the label, such
 * as `cache_config_info` without `model_name`, is read whatever is chosen.
 */
export interface Selection {
  /** The server, by its name. */
  readonly instance?: string;
  /** The value of `model_name`. */
  readonly model?: string;
  /** The value of `engine`. */
  readonly engine?: string;
}

/** Evenly spaced times, both ends among them when the step divides their distance. */
export interface Grid {
  /** The first time, in milliseconds since 1970. */
  readonly startMs: number;
  /** No time lies behind this one, in milliseconds since 1970. */
  readonly endMs: number;
  /** Distance of two times, in milliseconds; above 0. */
  readonly stepMs: number;
}

/** One line of a chart. */
export interface TimeSeries {
  /** What tells it from its neighbours: the labels that were asked for with `by`. */
  readonly labels: Readonly<Record<string, string>>;
  /** A value a time of the grid; null where there is none, never NaN. */
  readonly values: readonly (number | null)[];
}

/** What all questions have in common. Names are vLLM's of today, without `vllm:` or `vllm_`. */
export interface Question {
  /**
   * The family's name, such as `num_requests_running` or `prompt_tokens_total`. Sum and count of a
   * histogram are counters with names of their own: `request_prompt_tokens_sum`.
   */
  readonly metric: string;
  /** At which times. */
  readonly grid: Grid;
  /** Which series; all without it. */
  readonly selection?: Selection;
  /** One line for each set of values of these labels; one line in all without it. */
  readonly by?: readonly string[];
  /**
   * Whether times when nobody scraped are told from others, as Prometheus does not: a gauge holds
   * for four times the last two distances of scrapes (15 s at least, five minutes at most), and an
   * increase is what it would be had all of its stretch gone as the part of it that was scraped.
   *
   * @default {false}
   */
  readonly hasGaps?: boolean;
}

/** A question about a gauge. */
export interface GaugeQuestion extends Question {
  /** How series become one line; `sum` without it. */
  readonly aggregate?: "sum" | "max" | "min" | "mean";
}

/** A question about what happened in a stretch of time before each time of the grid. */
export interface RangeQuestion extends Question {
  /**
   * Length of the stretch in milliseconds, as in `rate(x[60s])`. Where older scrapes have been
   * thinned so far that it may hold only one, a longer stretch is looked at: two and a half times
   * the distance of those scrapes. An increase is then that of a stretch as long as asked for.
   */
  readonly rangeMs: number;
}

/** How often values fell into each bucket, for a heat map. */
export interface Buckets {
  /** Upper bounds, ascending; the last is Infinity. */
  readonly bounds: readonly number[];
  /** One a time of the grid: observations in each bucket (not cumulative); null without data. */
  readonly counts: readonly (readonly number[] | null)[];
}

/** What is known of one server that is scraped. */
export interface TargetState {
  /** Its name. */
  readonly instance: string;
  /** Whether the last scrape went well; undefined before the first. */
  readonly up: boolean | undefined;
  /** What was wrong with the last scrape; empty when nothing was. */
  readonly error: string;
  /** When it was last scraped well, in milliseconds since 1970. */
  readonly lastSuccessMs: number | undefined;
  /** Since when it has been as it is (up or down), in milliseconds since 1970. */
  readonly sinceMs: number | undefined;
  /** Samples of the last scrape that are not kept, since there are too many; absent when all are. */
  readonly droppedSamples?: number;
}

/** A history that can be asked. All answers are empty, not errors, where nothing is known. */
export interface History {
  /** The servers, in the order of the configuration. */
  readonly targets: readonly TargetState[];
  /** When the oldest scrape that is kept was made, in milliseconds since 1970. */
  readonly oldestMs: number | undefined;
  /** When the newest was made. */
  readonly newestMs: number | undefined;
  /** The values that a label has had in the selection as long as is kept, sorted. */
  labelValues(label: "instance" | "model_name" | "engine", selection?: Selection): string[];
  /**
   * The label sets of a family at the newest scrape of each server, such as `cache_config_info`;
   * the one with the highest value first, which of `lora_requests_info` is the newest.
   */
  labelSets(metric: string, selection?: Selection): Readonly<Record<string, string>>[];
  /**
   * Values of a gauge, each the one of the last scrape at or before its time; none when that scrape
   * failed, had no such series, or is more than five minutes old.
   */
  gauge(question: GaugeQuestion): TimeSeries[];
  /** `sum by (…) (rate(metric[range]))`, per second. */
  rate(question: RangeQuestion): TimeSeries[];
  /** `sum by (…) (increase(metric[range]))`. */
  increase(question: RangeQuestion): TimeSeries[];
  /**
   * `histogram_quantile(q, sum by (le, …) (rate(metric_bucket[range])))`; 0 ≤ q ≤ 1. Several at once
   * cost little more than one; the lines of each are in the order of the quantiles.
   */
  quantiles(qs: readonly number[], question: RangeQuestion): TimeSeries[][];
  /** Mean of a histogram: rate of its sum by rate of its count. */
  mean(question: RangeQuestion): TimeSeries[];
  /** Share (0 to 1) of a histogram's observations at or under a bound, interpolated in its bucket. */
  share(bound: number, question: RangeQuestion): TimeSeries[];
  /** Observations by bucket since the time before, for a heat map; all series together. */
  buckets(question: Question): Buckets;
  /**
   * When a server was back after scrapes that failed, or had begun to count anew, within two times;
   * all in milliseconds since 1970, ascending. Failed scrapes behind which it counts on are none.
   */
  restarts(instance: string, fromMs: number, toMs: number): number[];
}
