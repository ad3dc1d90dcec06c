/** The metric types: what they are called, and how they name their samples. */

/** The formats that are read: Prometheus text (0.0.4 and 1.0.0) and OpenMetrics 1.0. */
export type Format = "text" | "openmetrics";

/** The types of both formats by the words of their TYPE lines, as the text format 0.0.4 has them. */
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
} as const;

/** A type of either format. */
export type MetricType = keyof typeof TYPE_OUT;

/** Whether a word is one of the types. */
export function isMetricType(word: string): word is MetricType {
  return Object.hasOwn(TYPE_OUT, word);
}

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

/** What OpenMetrics adds to the family's own name, by type. */
export const OPENMETRICS_SUFFIX: Partial<Record<MetricType, string>> = {
  counter: "_total",
  info: "_info",
};

/** Types whose samples may be followed by `_created` ones in OpenMetrics. */
export const WITH_CREATED: readonly MetricType[] = ["counter", "histogram", "summary"];

/** Types whose samples are put in order before they are written. */
export const HELD_TYPES: readonly MetricType[] = ["histogram", "summary", "gaugehistogram"];

/** Types whose families Fluent Bit never extends by samples of such names. */
export const UNGROUPED_TYPES: readonly MetricType[] = [
  "gauge",
  "untyped",
  "unknown",
  "info",
  "stateset",
  "gaugehistogram",
];

/** What Fluent Bit takes for a part of the histogram or summary before it. */
const GROUP_SUFFIXES: readonly string[] = ["", "_bucket", "_sum", "_count"];
const LONGEST_SUFFIX = "_bucket".length;

/**
 * Tells whether Fluent Bit takes a name for a part of the histogram or summary
 * before it, whatever its HELP and TYPE say.
 */
export function followsGroup(name: string, previous: string | undefined): boolean {
  if (previous === undefined) return false;
  const more = name.length - previous.length;
  if (more < 0 || more > LONGEST_SUFFIX || !name.startsWith(previous)) return false;
  return GROUP_SUFFIXES.includes(name.slice(previous.length));
}
