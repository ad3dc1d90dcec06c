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
  | "bytes"
  | "bytes/s"
  | "FLOP/s"
  | "cores"
  | "money/h"
  | "money"
  | "count";

/** A number with its meaning. */
export interface Tile {
  /** Stable name, such as `ttft_p95`. */
  readonly id: string;
  /** Title. */
  readonly title: string;
  /** How the value is written. */
  readonly unit: Unit;
  /** The value over the last {@linkcode View.rangeSeconds}; null when there is none. */
  readonly value: number | null;
  /**
   * The upper bound of the histogram's first bucket when the percentile is inside it, where no
   * percentile is known: the value is then the mean, and is written `< 0.3 s`. Null otherwise.
   */
  readonly below: number | null;
  /** Why there is no value, such as `no traffic`; empty when there is one. */
  readonly note: string;
  /** Its level. */
  readonly level: Level;
  /** The SLO or the limit of the first warning, as a line in the sparkline; null without one. */
  readonly limit: number | null;
  /** The window in few points, oldest first, for a sparkline. */
  readonly trend: readonly (number | null)[];
  /** One sentence: what it is, and at which values its level changes. */
  readonly explanation: string;
}

/** One of the four golden signals. */
export interface Signal {
  /** Stable name. */
  readonly id: "traffic" | "errors" | "latency" | "saturation";
  /** Title. */
  readonly title: string;
  /** The worst level of its tiles. */
  readonly level: Level;
  /** Its tiles by id, the most important first. */
  readonly tiles: readonly string[];
}

/** One line of a chart. */
export interface ChartSeries {
  /** Short name for the legend, such as `p95`. */
  readonly name: string;
  /** A value per time of the chart; null is a gap. */
  readonly values: readonly (number | null)[];
}

/** A level line in a chart. */
export interface Threshold {
  /** Where it is drawn. */
  readonly value: number;
  /** Its name, such as `SLO_TTFT`. */
  readonly name: string;
  /** The level from there on. */
  readonly level: "warn" | "bad";
}

/** A group of charts that folds. */
export interface ChartGroup {
  /** Stable name, such as `latency`. */
  readonly id: string;
  /** Title. */
  readonly title: string;
}

/** A chart over time. */
export interface Chart {
  /** Stable name, such as `ttft`. */
  readonly id: string;
  /** The id of its group. */
  readonly group: string;
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
  /** Lines across it. */
  readonly thresholds: readonly Threshold[];
  /** As in {@linkcode Tile.below}: smaller percentiles are plotted as the mean. Null otherwise. */
  readonly below: number | null;
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

/** What a finding is about; empty lists mean all that is selected. */
export interface FindingScope {
  /** Servers. */
  readonly instances: readonly string[];
  /** Engines, such as `vllm-a, engine 1`. */
  readonly engines: readonly string[];
  /** Models. */
  readonly models: readonly string[];
}

/** A symptom of a finding's cause. */
export interface Evidence {
  /** The id of the rule that found it. */
  readonly id: string;
  /** Its title. */
  readonly title: string;
  /** Its numbers. */
  readonly why: string;
}

/** One incident that is going on now: its root cause, with its symptoms as evidence. */
export interface Finding {
  /** Stable name of the rule. */
  readonly id: string;
  /** How bad it is: the worst of the cause and its symptoms. */
  readonly level: "warn" | "bad";
  /** What is wrong. */
  readonly title: string;
  /** The numbers of the cause. */
  readonly why: string;
  /** What it is about. */
  readonly scope: FindingScope;
  /** When it began, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Whether it gets better or worse, by the harm it does. */
  readonly trend: "new" | "worse" | "steady" | "better";
  /** Its symptoms, the worst first. */
  readonly evidence: readonly Evidence[];
  /** What to do, and which vLLM setting to look at first. */
  readonly action: string;
  /** The flag to change, ready to copy, such as `--gpu-memory-utilization 0.95`; empty without one. */
  readonly flag: string;
  /** A page of vLLM's documentation. */
  readonly link: string;
}

/** A finding of the last 24 hours. */
export interface Incident {
  /** The id of the rule. */
  readonly id: string;
  /** The worst level it had. */
  readonly level: "warn" | "bad";
  /** What was wrong. */
  readonly title: string;
  /** The servers. */
  readonly instances: readonly string[];
  /** When it began, in milliseconds since 1970. */
  readonly fromMs: number;
  /** When it ended; null while it goes on. */
  readonly toMs: number | null;
}

/** A vertical line in all charts. */
export interface Marker {
  /** When, in milliseconds since 1970. */
  readonly timeMs: number;
  /** What happened. */
  readonly kind: "restart" | "finding";
  /** The level of a finding; `none` of a restart. */
  readonly level: Level;
  /** In words. */
  readonly text: string;
}

/** A server and its state. */
export interface ViewTarget extends TargetState {
  /** Its state. A server that `starts` refuses connections or answers 503 and was not up before. */
  readonly state: "up" | "sleeping" | "starting" | "down" | "unknown";
  /** The state in words, such as `starting: loading the model, port refused`; empty when it is up. */
  readonly detail: string;
}

/** A row of the fleet table: one server. Null where there is no value. */
export interface FleetRow {
  /** The server. */
  readonly instance: string;
  /** Its state. */
  readonly state: ViewTarget["state"];
  /** The engine's name, such as `vLLM` or `SGLang`; empty when it is not known. */
  readonly engine: string;
  /** Its models, separated by commas. */
  readonly model: string;
  /** The engine's version; empty when it is not known. */
  readonly version: string;
  /** Running requests. */
  readonly running: number | null;
  /** Waiting requests. */
  readonly waiting: number | null;
  /** KV cache usage of its fullest engine, 0 to 1. */
  readonly kvCache: number | null;
  /** Tokens in the KV caches of its engines. */
  readonly kvTokens: number | null;
  /** Tokens that fit into the KV caches of its engines. */
  readonly kvCapacity: number | null;
  /** TTFT p95 in seconds. */
  readonly ttft: number | null;
  /** ITL p95 in seconds. */
  readonly itl: number | null;
  /** Output tokens per second. */
  readonly tokens: number | null;
  /** Share of requests that failed, 0 to 1. */
  readonly errors: number | null;
  /** Seconds since its start. */
  readonly uptime: number | null;
  /** Columns in which it differs from its peers with the same model. */
  readonly outliers: readonly ("running" | "kvCache" | "ttft" | "itl" | "tokens" | "errors")[];
}

/** The state of all selected servers in one line. */
export interface Status {
  /** The state. */
  readonly state: "healthy" | "degraded" | "down" | "idle" | "asleep" | "collecting";
  /** Its level. */
  readonly level: Level;
  /** In words, such as `Degraded: requests wait because the KV cache is full`. */
  readonly text: string;
  /** Since when, in milliseconds since 1970; null when it is not known. */
  readonly sinceMs: number | null;
}

/** What the servers cost, from `GPU_COST_PER_HOUR`, over the range of the tiles. */
export interface Cost {
  /** All selected servers, per hour. */
  readonly perHour: number;
  /** The part of `perHour` spent on prefill; 0 without traffic. */
  readonly inputPerHour: number;
  /** The part spent on decode. */
  readonly outputPerHour: number;
  /** The rest, of servers without traffic. */
  readonly idlePerHour: number;
  /** Per million input tokens; null without traffic. */
  readonly perMillionInput: number | null;
  /** Per million output tokens; null without traffic. */
  readonly perMillionOutput: number | null;
  /** What the prefix cache saves per hour: cached tokens at the price of prefill; null without. */
  readonly savingsPerHour: number | null;
}

/** The error budget of one SLO. */
export interface Budget {
  /** Which. */
  readonly id: "ttft" | "tpot";
  /** Title, such as `TTFT within 1 s`. */
  readonly title: string;
  /** `SLO_TARGET`, 0 to 1. */
  readonly target: number;
  /** Share of requests within the SLO over the window; null without traffic. */
  readonly goodput: number | null;
  /** Share of the window's budget that is left, negative when it is overspent. */
  readonly left: number | null;
  /** How many times faster than allowed it is spent, over 5 minutes. */
  readonly burn5m: number | null;
  /** The same over an hour. */
  readonly burn1h: number | null;
  /** Its level by the multi-window rule. */
  readonly level: Level;
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
  /** The begin of the charts, in milliseconds since 1970. */
  readonly fromMs: number;
  /** The end of the charts: tiles and findings are those of this time. */
  readonly toMs: number;
  /** Whether `toMs` is now, so that the view moves on. */
  readonly isLive: boolean;
  /** Tiles, findings and the fleet table look at this many seconds before `toMs`. */
  readonly rangeSeconds: number;
  /** Windows that can be selected, in seconds. */
  readonly windows: readonly number[];
  /** When the oldest scrape was made, in milliseconds since 1970; null without one. */
  readonly recordedSinceMs: number | null;
  /** The servers. */
  readonly targets: readonly ViewTarget[];
  /** Models that can be selected, whatever is selected now. */
  readonly models: readonly string[];
  /** Engines that can be selected. */
  readonly engines: readonly string[];
  /** Servers that can be selected. */
  readonly instances: readonly string[];
  /** The state of all selected servers. */
  readonly status: Status;
  /** What is wrong now, critical findings first. */
  readonly findings: readonly Finding[];
  /** The findings of the last 24 hours, the newest first. */
  readonly incidents: readonly Incident[];
  /** The four golden signals. */
  readonly signals: readonly Signal[];
  /** The tiles. */
  readonly tiles: readonly Tile[];
  /** The servers as a table. */
  readonly fleet: readonly FleetRow[];
  /** The groups of charts, in the order of the page. */
  readonly groups: readonly ChartGroup[];
  /** The charts, in the order of their groups. */
  readonly charts: readonly Chart[];
  /** Restarts and beginnings of findings in the window. */
  readonly markers: readonly Marker[];
  /** What it costs; null without `GPU_COST_PER_HOUR`. */
  readonly cost: Cost | null;
  /** The error budgets. */
  readonly budgets: readonly Budget[];
}
