/** The metric types: what they are called, and how they name their samples. */

import type { MetricType } from "./header.ts";

/** What each type is called in the text format 0.0.4, which knows five. */
export const TYPE_OUT = {
  counter: "counter",
  gauge: "gauge",
  histogram: "histogram",
  summary: "summary",
  untyped: "untyped",
  unknown: "untyped",
  info: "gauge",
  stateset: "gauge",
  gaugehistogram: "untyped",
} as const satisfies Record<MetricType, string>;

/** The types by the words that the text format 0.0.4 has for them. */
export const HEADER_TYPES: ReadonlyMap<string, MetricType> = new Map(
  Object.values(TYPE_OUT).map((type) => [type, type]),
);

/** What sample names add to the family's name, by type. */
export const SUFFIXES: Record<MetricType, readonly string[]> = {
  counter: [""],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
  untyped: [""],
  unknown: [""],
  info: [""],
  stateset: [""],
  gaugehistogram: ["_bucket", "_gsum", "_gcount"],
};

/** What OpenMetrics puts into the family's own name, by type. */
export const OPENMETRICS_SUFFIX: Partial<Record<MetricType, string>> = {
  counter: "_total",
  info: "_info",
};

/** Types whose samples may be followed by `_created` ones in OpenMetrics. */
export const WITH_CREATED: readonly MetricType[] = ["counter", "histogram", "summary"];

/** Types whose samples are put in order before they are written. */
export const HELD_TYPES: readonly MetricType[] = ["histogram", "summary", "gaugehistogram"];

/** Types that are never taken for one to which such parts belong. */
export const UNGROUPED_TYPES: readonly MetricType[] = [
  "gauge",
  "untyped",
  "unknown",
  "info",
  "stateset",
  "gaugehistogram",
];
