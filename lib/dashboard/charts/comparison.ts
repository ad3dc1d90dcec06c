/** Charts that hold engines, or servers, against one another. */

import type { TimeSeries } from "../../history/history.ts";
import { formatValue } from "../format.ts";
import { meanOf } from "../line.ts";
import { compareNumbered, neighbourNames } from "../neighbour_names.ts";
import { oddOneOut } from "../odd_one_out.ts";
import type { Scope } from "../scope.ts";
import type { Unit } from "../view.ts";
import type { ChartLine, ChartRule } from "./chart_rule.ts";

/** Lines in one chart: with more, none can be told from the others. */
const MAX_LINES = 16;

/** What is held against one another. */
interface Measure {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /** Differences under this one do not matter. */
  readonly minDifference: number;
  readonly shows: string;
  readonly read: (scope: Scope, by: readonly string[]) => TimeSeries[];
}

const MEASURES: readonly Measure[] = [
  {
    id: "kv_cache",
    title: "KV cache",
    unit: "share",
    minDifference: 0.2,
    shows: "How full the KV cache of each is",
    read: (scope, by) => scope.gauges("kv_cache_usage_perc", { by, aggregate: "max" }),
  },
  {
    id: "running",
    title: "running requests",
    unit: "requests",
    minDifference: 4,
    shows: "How many requests each works on",
    read: (scope, by) => scope.gauges("num_requests_running", { by }),
  },
  {
    id: "tokens",
    title: "output tokens",
    unit: "tokens/s",
    minDifference: 50,
    shows: "How many tokens each generates per second",
    read: (scope, by) => scope.rates("generation_tokens_total", by),
  },
];

/** Who is compared: the word for them, and the labels that tell them apart. */
const KINDS = [
  { id: "engines", title: "Engines", by: ["instance", "engine"] },
  { id: "servers", title: "Servers", by: ["instance"] },
] as const;

/** At most so many lines, those that are farthest from the mean of all. */
function farthest(lines: readonly ChartLine[]): ChartLine[] {
  const means = lines.map(({ values }) => meanOf(values) ?? 0);
  const middle = meanOf(means) ?? 0;
  return lines
    .map((line, index) => ({ line, index, distance: Math.abs((means[index] ?? 0) - middle) }))
    .sort((left, right) => right.distance - left.distance)
    .slice(0, MAX_LINES)
    .sort((left, right) => left.index - right.index)
    .map(({ line }) => line);
}

/** Names the odd one out of all lines, and says when not all are drawn. */
function remarkOn(lines: readonly ChartLine[], { unit, minDifference }: Measure): string {
  const neighbours = lines.flatMap(({ name, values }) => {
    const value = meanOf(values);
    return value === null ? [] : [{ name, value }];
  });
  const odd = oddOneOut(neighbours, minDifference);
  const sentences = [
    ...odd === undefined ? [] : [
      `${odd.name} is unlike the others: ${formatValue(odd.value, unit)} against ${
        formatValue(odd.others, unit)
      } on average over this window.`,
    ],
    ...lines.length <= MAX_LINES
      ? []
      : [`${MAX_LINES} of ${lines.length} are drawn, those farthest from the mean.`],
  ];
  return sentences.join(" ");
}

function comparison(kind: typeof KINDS[number], measure: Measure): ChartRule {
  return {
    id: `${kind.id}_${measure.id}`,
    title: `${kind.title}: ${measure.title}`,
    unit: measure.unit,
    kind: "line",
    explanation: {
      shows: `${measure.shows}.`,
      normal: "All lines lie close together.",
      action: "If one stands apart, look at how requests are spread: at the load balancer, at " +
        "sessions that stick to one, and at what differs in its hardware or settings.",
    },
    inAllVersions: true,
    zeroIsNothing: false,
    onlyWhenPresent: true,
    read(scope): ChartLine[] {
      const series = measure.read(scope, kind.by);
      const names = neighbourNames(series.map(({ labels }) => labels));
      // One alone has nobody to be compared with; engines that are one a server are compared as such.
      const servers = new Set(series.map(({ labels }) => labels.instance));
      const isPerServer = kind.id === "engines" && servers.size === series.length;
      if (series.length < 2 || isPerServer) return [];
      return series
        .map(({ values }, index) => ({ name: names[index] ?? "", values }))
        .toSorted((one, other) => compareNumbered(one.name, other.name));
    },
    remark: (lines) => remarkOn(lines, measure),
    select: farthest,
  };
}

/** The charts of engines and of servers. */
export const COMPARISON_RULES: readonly ChartRule[] = KINDS.flatMap((kind) =>
  MEASURES.map((measure) => comparison(kind, measure))
);
