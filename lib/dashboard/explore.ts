/** The explorer: any family of the history as a chart. */

import type { FamilyInfo, TimeSeries } from "../history/history.ts";
import { terminalText } from "../terminal_text.ts";
import { NOTES } from "./availability.ts";
import { highest } from "./charts/chart_rule.ts";
import { isEmpty, roundLine } from "./line.ts";
import { compareNumbered } from "./peers.ts";
import type { Scope } from "./scope.ts";
import type { Chart, Unit } from "./view.ts";

/** What can be shown of a family, by its kind; the first is the default. */
export const SHOWN: Readonly<Record<FamilyInfo["kind"], readonly string[]>> = {
  gauge: ["value"],
  counter: ["rate"],
  histogram: ["p95", "p50", "p99", "mean", "rate"],
};

/** A chart of one family. */
export type Exploration = {
  readonly family: FamilyInfo;
  /** One of {@linkcode SHOWN}. */
  readonly show: string;
  /** A line per value of this label; one line in total without it. */
  readonly by?: string;
};

/** The unit of a value, by the end of the family's name. */
const UNITS: readonly (readonly [name: RegExp, unit: Unit, perSecond: Unit])[] = [
  [/_bytes(_total)?$/, "bytes", "bytes/s"],
  [/_tokens(_total)?$/, "tokens", "tokens/s"],
  [/_seconds$/, "seconds", "events/s"],
  [/_(perc|ratio)$/, "share", "events/s"],
];

/** Unix times: a sum of them means nothing. */
const TIME = /_start_time_seconds$|_info$/;

/** How the values of a gauge become one line. */
function aggregateOf(name: string, unit: Unit): "sum" | "mean" | "max" {
  if (TIME.test(name)) return "max";
  return unit === "share" ? "mean" : "sum";
}

/** What is computed, in words, and its lines. */
function read(
  { family: { name, kind }, show, by }: Exploration,
  scope: Scope,
): { readonly unit: Unit; readonly what: string; readonly lines: readonly TimeSeries[] } {
  const [, unit = "count", perSecond = "events/s"] = UNITS.find(([end]) => end.test(name)) ?? [];
  const labels = by === undefined ? [] : [by];
  if (show === "value") {
    const aggregate = aggregateOf(name, unit);
    const lines = scope.gauges(name, { by: labels, aggregate });
    return { unit: TIME.test(name) ? "count" : unit, what: `The ${aggregate}`, lines };
  }
  if (show === "rate") {
    const isHistogram = kind === "histogram";
    return {
      unit: isHistogram ? "events/s" : perSecond,
      what: isHistogram ? "Observations per second" : "The increase per second",
      lines: scope.rates(isHistogram ? `${name}_count` : name, labels),
    };
  }
  if (show === "mean") return { unit, what: "The mean", lines: scope.means(name, labels) };
  const [lines = []] = scope.quantilesBy([Number(show.slice(1)) / 100], name, labels);
  return { unit, what: `The percentile ${show}`, lines };
}

/** Computes the chart of a family. */
export function explore(wanted: Exploration, scope: Scope): Chart {
  const { family: { name, kind }, show, by } = wanted;
  const { unit, what, lines } = read(wanted, scope);
  const named = lines.filter(({ values }) => !isEmpty(values))
    .map(({ labels, values }) => ({ name: by === undefined ? show : labels[by] ?? "", values }))
    .toSorted((one, other) => compareNumbered(one.name, other.name));
  const drawn = highest(named);
  const isPercentile = /^p\d/.test(show);
  return {
    id: "explore",
    group: "explorer",
    title: `${name}: ${show}${by === undefined ? "" : ` by ${by}`}`,
    unit,
    kind: "line",
    times: scope.times,
    series: drawn.map(({ name, values }) => ({
      name: terminalText(name),
      values: roundLine(values),
    })),
    thresholds: [],
    below: isPercentile ? scope.firstBound(name) ?? null : null,
    explanation: {
      shows: `${what} of the ${kind} ${name}${by === undefined ? "" : `, by ${by}`}.`,
      normal: "",
      action: "",
    },
    note: drawn.length === 0 ? NOTES.noData : "",
    ...drawn.length < named.length && {
      remark: `${drawn.length} of ${named.length} are drawn, those with the highest means.`,
    },
  };
}
