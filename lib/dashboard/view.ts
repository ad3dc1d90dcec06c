/**
 * What the live page, `/api/v1/view` and `vllm-metrics top` show: one value, computed once an
 * interval for all who look at the same selection.
 */

import type { Selection, TargetState } from "../history/history.ts";

/** How good or bad a value is. */
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

/** One number with its meaning. */
export interface Tile {
  /** Stable name, such as `ttft_p95`. */
  readonly id: string;
  /** Title in plain words. */
  readonly title: string;
  /** How the value is written. */
  readonly unit: Unit;
  /** The value now; null when there is none. A share is 0 to 1. */
  readonly value: number | null;
  /** Why there is no value, such as `no traffic`; empty when there is one. */
  readonly note: string;
  /** How good or bad the value is. */
  readonly level: Level;
  /** The window in few points, oldest first, for a small line. */
  readonly trend: readonly (number | null)[];
  /** One sentence: what it is, and at which values its level changes. */
  readonly explanation: string;
}

/** One line of a chart. */
export interface ChartSeries {
  /** Short name for the legend, such as `p95`. */
  readonly name: string;
  /** A value a time of the chart; null is a gap. */
  readonly values: readonly (number | null)[];
}

/** A picture over time. */
export interface Chart {
  /** Stable name, such as `ttft`. */
  readonly id: string;
  /** Title in plain words. */
  readonly title: string;
  /** How its values are written. */
  readonly unit: Unit;
  /** How it is drawn. */
  readonly kind: "line" | "stacked" | "heatmap";
  /** Seconds since 1970, evenly spaced. */
  readonly times: readonly number[];
  /** Lines; of a heat map one a bucket, named by its upper bound, its values counts. */
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
  /** What is wrong, in plain words. */
  readonly title: string;
  /** Why it is thought so: the numbers. */
  readonly why: string;
  /** What to do, and which vLLM setting to look at first. */
  readonly action: string;
  /** A page of vLLM's documentation. */
  readonly link: string;
}

/** One server, for people. */
export interface ViewTarget extends TargetState {
  /** `up`, `sleeping`, `down` or `unknown`. */
  readonly state: "up" | "sleeping" | "down" | "unknown";
}

/** All that is shown. */
export interface View {
  /** The service's version. */
  readonly version: string;
  /** When it was computed, in milliseconds since 1970. */
  readonly timeMs: number;
  /** What was asked for. */
  readonly selection: Selection;
  /** The window in seconds. */
  readonly windowSeconds: number;
  /** Windows that can be chosen, in seconds. */
  readonly windows: readonly number[];
  /** The servers. */
  readonly targets: readonly ViewTarget[];
  /** Models that can be chosen, whatever is chosen now. */
  readonly models: readonly string[];
  /** Engines that can be chosen. */
  readonly engines: readonly string[];
  /** Servers that can be chosen. */
  readonly instances: readonly string[];
  /** The numbers at the top. */
  readonly tiles: readonly Tile[];
  /** The pictures. */
  readonly charts: readonly Chart[];
  /** What is wrong now, the worst first. */
  readonly findings: readonly Finding[];
}
