/**
 * What the live page, `/api/v1/view` and `vllm-metrics top` show, computed once per interval for all
 * viewers of the same selection.
 */

import type { Selection, TargetState } from "../history/history.ts";

/** The level of a value. */
export type Level = "good" | "warn" | "bad" | "none";

/** How a value is written. */
export type Unit =
  | "requests/s"
  | "tokens/s"
  | "requests"
  | "tokens"
  | "seconds"
  | "share"
  | "events/s"
  | "count";

/** A number with its meaning. */
export interface Tile {
  /** Stable name, such as `ttft_p95`. */
  readonly id: string;
  /** Title. */
  readonly title: string;
  /** How the value is written. */
  readonly unit: Unit;
  /** The value now; null when there is none. A share is 0 to 1. */
  readonly value: number | null;
  /** Why there is no value, such as `no traffic`; empty when there is one. */
  readonly note: string;
  /** Its level. */
  readonly level: Level;
  /** The window in few points, oldest first, for a sparkline. */
  readonly trend: readonly (number | null)[];
  /** One sentence: what it is, and at which values its level changes. */
  readonly explanation: string;
}

/** One line of a chart. */
export interface ChartSeries {
  /** Short name for the legend, such as `p95`. */
  readonly name: string;
  /** A value per time of the chart; null is a gap. */
  readonly values: readonly (number | null)[];
}

/** A chart over time. */
export interface Chart {
  /** Stable name, such as `ttft`. */
  readonly id: string;
  /** Title. */
  readonly title: string;
  /** How its values are written. */
  readonly unit: Unit;
  /** How it is drawn. */
  readonly kind: "line" | "stacked" | "heatmap";
  /** Seconds since 1970, evenly spaced. */
  readonly times: readonly number[];
  /** Lines; those of a heat map are buckets named by their upper bound, with counts. */
  readonly series: readonly ChartSeries[];
  /** What it shows, what is normal and what to do when it is not. */
  readonly explanation: {
    readonly shows: string;
    readonly normal: string;
    readonly action: string;
  };
  /** Why it is empty, such as `no traffic`; empty when it is not. */
  readonly note: string;
  /** What stands out, such as an engine that differs from the others; absent when nothing does. */
  readonly remark?: string;
}

/** Something that is wrong now. */
export interface Finding {
  /** Stable name of the rule. */
  readonly id: string;
  /** How bad it is. */
  readonly level: "warn" | "bad";
  /** What is wrong. */
  readonly title: string;
  /** The evidence: the numbers. */
  readonly why: string;
  /** What to do, and which vLLM setting to look at first. */
  readonly action: string;
  /** A page of vLLM's documentation. */
  readonly link: string;
}

/** A server and its state. */
export interface ViewTarget extends TargetState {
  /** `up`, `sleeping`, `down` or `unknown`. */
  readonly state: "up" | "sleeping" | "down" | "unknown";
}

/** A view. */
export interface View {
  /** The service's version. */
  readonly version: string;
  /** When it was computed, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The selection. */
  readonly selection: Selection;
  /** The window in seconds. */
  readonly windowSeconds: number;
  /** Windows that can be selected, in seconds. */
  readonly windows: readonly number[];
  /** The servers. */
  readonly targets: readonly ViewTarget[];
  /** Models that can be selected, whatever is selected now. */
  readonly models: readonly string[];
  /** Engines that can be selected. */
  readonly engines: readonly string[];
  /** Servers that can be selected. */
  readonly instances: readonly string[];
  /** The tiles. */
  readonly tiles: readonly Tile[];
  /** The charts. */
  readonly charts: readonly Chart[];
  /** What is wrong now, critical findings first. */
  readonly findings: readonly Finding[];
}
