/** Charts that compare engines, or servers. */

import type { TimeSeries } from "../../history/history.ts";
import { formatValue } from "../format.ts";
import { meanOf } from "../line.ts";
import { compareNumbered, findOutlier, peerNames, runningDifference } from "../peers.ts";
import type { Scope } from "../scope.ts";
import type { Unit } from "../view.ts";
import type { ChartLine, ChartRule } from "./chart_rule.ts";

/** Lines in one chart: more cannot be told apart. */
const MAX_LINES = 16;

/** What is compared. */
interface Measure {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /** Smaller differences do not matter. */
  readonly differenceFrom: (others: number) => number;
  readonly shows: string;
  readonly read: (scope: Scope, by: readonly string[]) => TimeSeries[];
}

const MEASURES: readonly Measure[] = [
  {
    id: "kv_cache",
    title: "KV cache",
    unit: "share",
    differenceFrom: () => 0.2,
    shows: "The KV cache usage of each",
    read: (scope, by) => scope.gauges("kv_cache_usage_perc", { by, aggregate: "max" }),
  },
  {
    id: "running",
    title: "running requests",
    unit: "requests",
    differenceFrom: runningDifference,
    shows: "The running requests of each",
    read: (scope, by) => scope.gauges("num_requests_running", { by }),
  },
  {
    id: "tokens",
    title: "output tokens",
    unit: "tokens/s",
    differenceFrom: () => 50,
    shows: "The tokens that each generates per second",
    read: (scope, by) => scope.rates("generation_tokens_total", by),
  },
];

/** Engines and servers, with the labels that identify them. */
const KINDS = [
  { id: "engines", title: "Engines", by: ["instance", "engine"] },
  { id: "servers", title: "Servers", by: ["instance"] },
] as const;

/** The lines farthest from the mean of all, at most {@linkcode MAX_LINES}. */
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

/** Names the outlier of all lines, and says when not all are drawn. */
function remarkOn(lines: readonly ChartLine[], { unit, differenceFrom }: Measure): string {
  const peers = lines.flatMap(({ name, values }) => {
    const value = meanOf(values);
    return value === null ? [] : [{ name, value }];
  });
  const outlier = findOutlier(peers, differenceFrom);
  const sentences = [
    ...outlier === undefined ? [] : [
      `${outlier.name} differs from ${
        peers.length === 2 ? peers.find(({ name }) => name !== outlier.name)?.name : "the others"
      }: ${formatValue(outlier.value, unit)} against ${
        formatValue(outlier.others, unit)
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
      normal: "All lines are close together.",
      action:
        "If one differs, check how requests are balanced: the load balancer, sticky sessions, " +
        "and differences in hardware or settings.",
    },
    onlyWhenPresent: true,
    read(scope): ChartLine[] {
      const series = measure.read(scope, kind.by);
      const names = peerNames(series.map(({ labels }) => labels));
      // With one engine per server the servers are compared already.
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
export const COMPARISON_CHARTS: readonly ChartRule[] = KINDS.flatMap((kind) =>
  MEASURES.map((measure) => comparison(kind, measure))
);
