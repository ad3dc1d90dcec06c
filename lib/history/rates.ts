/** `rate` and `increase` of one counter, as Prometheus computes them. */

/** The samples of one series. */
export interface Samples {
  /** When each was taken, ascending, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** Distance of samples that were left out around each, in milliseconds; 0 where none were. */
  readonly intervals: Float64Array;
  /** A value each; NaN where the series was absent. */
  readonly values: Float64Array;
}

/** A stretch of time, both ends in it. */
export interface Stretch {
  /** Its end, in milliseconds since 1970. */
  readonly endMs: number;
  /** Its length in milliseconds. */
  readonly rangeMs: number;
}

/** A sample counts as close to the end of the stretch up to this part of their mean distance. */
const CLOSE = 1.1;

/** Finds the rates of a counter over stretches whose ends ascend. */
export class Rates {
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  readonly #intervals: Float64Array;
  /** What falls took away, up to each sample. */
  readonly #lost: Float64Array;
  #from = 0;
  #to = 0;

  /**
   * Takes the samples of a counter.
   *
   * @param samples The samples.
   */
  constructor({ times, intervals, values }: Samples) {
    const present = values.reduce((sum, value) => sum + Number(!Number.isNaN(value)), 0);
    this.#times = new Float64Array(present);
    this.#values = new Float64Array(present);
    this.#intervals = new Float64Array(present);
    this.#lost = new Float64Array(present);
    let count = 0;
    let lost = 0;
    let last = 0;
    for (let row = 0; row < values.length; row++) {
      const value = values[row] ?? NaN;
      if (Number.isNaN(value)) continue;
      if (count > 0 && value < last) lost += last;
      this.#times[count] = times[row] ?? 0;
      this.#values[count] = value;
      this.#lost[count] = lost;
      this.#intervals[count] = intervals[row] ?? 0;
      last = value;
      count++;
    }
  }

  /**
   * The increase over a stretch, extrapolated to its ends (`extrapolatedRate` of Prometheus 2.42):
   * up to an end that is close to a sample, else half a mean distance beyond the sample, and
   * never back to before the counter was zero. Beside samples that were left out, the distance of
   * those that were not is taken for the mean one, if it is longer.
   *
   * @param stretch The stretch; its beginning and its end must not be before those of the last.
   * @returns The increase; NaN with fewer than two samples.
   */
  increase({ endMs, rangeMs }: Stretch): number {
    const startMs = endMs - rangeMs;
    const times = this.#times;
    while (this.#to < times.length && (times[this.#to] ?? 0) <= endMs) this.#to++;
    while (this.#from < times.length && (times[this.#from] ?? 0) < startMs) this.#from++;
    const [first, last] = [this.#from, this.#to - 1];
    if (last <= first) return NaN;
    const firstValue = this.#values[first] ?? 0;
    const lost = (this.#lost[last] ?? 0) - (this.#lost[first] ?? 0);
    const increase = (this.#values[last] ?? 0) - firstValue + lost;
    const sampledMs = (times[last] ?? 0) - (times[first] ?? 0);
    const meanMs = sampledMs / (last - first);
    let toStartMs = (times[first] ?? 0) - startMs;
    if (increase > 0 && firstValue >= 0) {
      toStartMs = Math.min(toStartMs, sampledMs * (firstValue / increase));
    }
    const beyond = (ms: number, sample: number): number => {
      const distanceMs = Math.max(meanMs, this.#intervals[sample] ?? 0);
      return ms < distanceMs * CLOSE ? ms : distanceMs / 2;
    };
    const toEndMs = endMs - (times[last] ?? 0);
    const wholeMs = sampledMs + beyond(toStartMs, first) + beyond(toEndMs, last);
    return increase * (wholeMs / sampledMs);
  }
}
