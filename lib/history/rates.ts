/** `rate` and `increase` of one counter, as Prometheus computes them. */

/** The samples of one series. */
export interface Samples {
  /** When each was taken, ascending, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** Interval of downsampling around each, in milliseconds; 0 where all samples were kept. */
  readonly intervals: Float64Array;
  /** A value each; NaN where the series was absent. */
  readonly values: Float64Array;
}

/** A range of time, including both ends. */
export interface Range {
  /** Its end, in milliseconds since 1970. */
  readonly endMs: number;
  /** Its length in milliseconds. */
  readonly rangeMs: number;
}

/** A sample counts as close to the end of the range up to this part of the mean distance. */
export const CLOSE = 1.1;

/**
 * The increases of a counter, extrapolated to the ends of the ranges (`extrapolatedRate` of
 * Prometheus 2.42): up to an end that is close to a sample, else half a mean distance beyond the
 * sample, and never back to before the counter was zero. Next to downsampled scrapes their interval
 * replaces the mean distance, if it is longer.
 *
 * @param samples The samples of the counter.
 * @param ranges Ranges of which both ends ascend.
 * @returns An increase per range; NaN with fewer than two samples.
 */
export function increases(samples: Samples, ranges: readonly Range[]): number[] {
  const { times, values, intervals } = presentOf(samples);
  const lost = lostIn(values);
  let [from, to] = [0, 0];
  return ranges.map(({ endMs, rangeMs }) => {
    const startMs = endMs - rangeMs;
    while (to < times.length && (times[to] ?? 0) <= endMs) to++;
    while (from < times.length && (times[from] ?? 0) < startMs) from++;
    const [first, last] = [from, to - 1];
    if (last <= first) return NaN;
    const firstValue = values[first] ?? 0;
    const increase = (values[last] ?? 0) - firstValue + (lost?.[last] ?? 0) - (lost?.[first] ?? 0);
    const sampledMs = (times[last] ?? 0) - (times[first] ?? 0);
    const meanMs = sampledMs / (last - first);
    let toStartMs = (times[first] ?? 0) - startMs;
    if (increase > 0 && firstValue >= 0) {
      toStartMs = Math.min(toStartMs, sampledMs * (firstValue / increase));
    }
    const beyond = (ms: number, sample: number): number => {
      const distanceMs = Math.max(meanMs, intervals[sample] ?? 0);
      return ms < distanceMs * CLOSE ? ms : distanceMs / 2;
    };
    const toEndMs = endMs - (times[last] ?? 0);
    const wholeMs = sampledMs + beyond(toStartMs, first) + beyond(toEndMs, last);
    return increase * (wholeMs / sampledMs);
  });
}

/** The samples that are present. Most series have no others, and are not copied. */
function presentOf(samples: Samples): Samples {
  if (!samples.values.includes(NaN)) return samples;
  const isPresent = (_: number, index: number): boolean => !Number.isNaN(samples.values[index]);
  return {
    times: samples.times.filter(isPresent),
    intervals: samples.intervals.filter(isPresent),
    values: samples.values.filter(isPresent),
  };
}

/** Sum of all falls up to each sample; undefined when there are none. */
function lostIn(values: Float64Array): Float64Array | undefined {
  let all: Float64Array | undefined;
  let lost = 0;
  let last = -Infinity;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    if (value < last) {
      lost += last;
      all ??= new Float64Array(values.length);
    }
    if (all !== undefined) all[index] = lost;
    last = value;
  }
  return all;
}
