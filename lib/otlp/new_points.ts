/** Points as they are when no field was sent (proto3 default values). */

import type { ExponentialPoint, HistogramPoint, NumberPoint, SummaryPoint } from "./model.ts";

/**
 * Makes a number point without fields.
 *
 * @returns A new point.
 */
export function newNumberPoint(): NumberPoint {
  return {
    attributes: [],
    startTimeUnixNano: "0",
    timeUnixNano: "0",
    flags: 0,
    value: undefined,
    exemplars: [],
  };
}

/**
 * Makes a histogram point without fields.
 *
 * @returns A new point.
 */
export function newHistogramPoint(): HistogramPoint {
  return {
    attributes: [],
    startTimeUnixNano: "0",
    timeUnixNano: "0",
    flags: 0,
    count: 0,
    sum: undefined,
    bucketCounts: [],
    explicitBounds: [],
    min: undefined,
    max: undefined,
    exemplars: [],
  };
}

/**
 * Makes an exponential histogram point without fields.
 *
 * @returns A new point.
 */
export function newExponentialPoint(): ExponentialPoint {
  return {
    attributes: [],
    startTimeUnixNano: "0",
    timeUnixNano: "0",
    flags: 0,
    count: 0,
    sum: undefined,
    scale: 0,
    zeroCount: 0,
    positive: undefined,
    negative: undefined,
    min: undefined,
    max: undefined,
    zeroThreshold: 0,
    exemplars: [],
  };
}

/**
 * Makes a summary point without fields.
 *
 * @returns A new point.
 */
export function newSummaryPoint(): SummaryPoint {
  return {
    attributes: [],
    startTimeUnixNano: "0",
    timeUnixNano: "0",
    flags: 0,
    count: 0,
    sum: 0,
    quantileValues: [],
  };
}
