/** The servers as a table. */

import type { TimeSeries } from "../history/history.ts";
import { round } from "./line.ts";
import { findOutlier, runningDifference } from "./peers.ts";
import type { Scope } from "./scope.ts";
import type { FleetRow, ViewTarget } from "./view.ts";

/** The columns that are compared, with the least difference from the mean of the peers. */
const COMPARED: readonly (readonly [
  FleetRow["outliers"][number],
  differenceFrom: (others: number) => number,
])[] = [
  ["running", runningDifference],
  ["kvCache", () => 0.25],
  ["ttft", () => 0.1],
  ["itl", () => 0.01],
  ["tokens", (others) => Math.max(50, others / 2)],
  ["errors", () => 0.01],
];

const BY = ["instance"];

/** The last values of series by their server. */
function byServer(series: readonly TimeSeries[] = []): (instance: string) => number | null {
  const values = new Map(
    series.map(({ labels, values }) => [labels.instance ?? "", values.at(-1) ?? null]),
  );
  return (instance) => values.get(instance) ?? null;
}

/** Tokens that fit into the KV caches of a server's engines; null where vLLM does not say. */
function kvCapacity(infos: readonly Readonly<Record<string, string>>[]): number | null {
  const tokens = infos.map(({ kv_cache_size_tokens, num_gpu_blocks, block_size }) => {
    const size = Number(kv_cache_size_tokens);
    return size > 0 ? size : Number(num_gpu_blocks) * Number(block_size);
  }).filter((size) => size > 0);
  return tokens.length === 0 ? null : tokens.reduce((sum, size) => sum + size, 0);
}

function errorShares(scope: Scope): TimeSeries[] {
  const ends = scope.rates("request_success_total", ["instance", "finished_reason"]);
  return [...Map.groupBy(ends, ({ labels }) => labels.instance ?? "")].map(([instance, own]) => {
    const sum = (series: readonly TimeSeries[]): number =>
      series.reduce((total, { values }) => total + (values[0] ?? 0), 0);
    const all = sum(own);
    const failed = sum(own.filter(({ labels }) => labels.finished_reason === "error"));
    return { labels: { instance }, values: [all === 0 ? null : failed / all] };
  });
}

/** What {@linkcode fleetRows} reads. */
export interface FleetInput {
  /** The end of the window over its range. */
  readonly now: Scope;
  /** The end of the window, in milliseconds since 1970. */
  readonly nowMs: number;
  /** The selected servers. */
  readonly targets: readonly ViewTarget[];
  /** Models of a server. */
  readonly modelsOf: (instance: string) => readonly string[];
  /** Label sets of a server's `cache_config_info`. */
  readonly cachesOf: (instance: string) => readonly Readonly<Record<string, string>>[];
}

/** A row for each server. */
export function fleetRows({ now, nowMs, targets, ...of }: FleetInput): FleetRow[] {
  const quantile = (metric: string): ReturnType<typeof byServer> =>
    byServer(now.quantilesBy([0.95], metric, BY)[0]);
  const columns = {
    running: byServer(now.gauges("num_requests_running", { by: BY })),
    waiting: byServer(now.gauges("num_requests_waiting", { by: BY })),
    kvCache: byServer(now.gauges("kv_cache_usage_perc", { by: BY, aggregate: "max" })),
    mean: byServer(now.gauges("kv_cache_usage_perc", { by: BY, aggregate: "mean" })),
    ttft: quantile("time_to_first_token_seconds"),
    itl: quantile("inter_token_latency_seconds"),
    tokens: byServer(now.rates("generation_tokens_total", BY)),
    errors: byServer(errorShares(now)),
    start: byServer(now.gauges("process_start_time_seconds", { by: BY, aggregate: "min" })),
  };
  const rows = targets.map(({ instance, state, sinceMs, engine = "" }): FleetRow => {
    const isUp = state === "up" || state === "sleeping";
    const value = (column: keyof typeof columns): number | null => {
      const exact = isUp ? columns[column](instance) : null;
      return exact === null ? null : round(exact);
    };
    const capacity = kvCapacity(of.cachesOf(instance));
    const mean = value("mean");
    // Rounded it would be days off.
    const start = columns.start(instance);
    const startMs = start === null ? sinceMs : 1_000 * start;
    return {
      instance,
      state,
      engine,
      model: of.modelsOf(instance).join(", "),
      version: "",
      running: value("running"),
      waiting: value("waiting"),
      kvCache: value("kvCache"),
      kvTokens: capacity === null || mean === null ? null : Math.round(mean * capacity),
      kvCapacity: capacity,
      ttft: value("ttft"),
      itl: value("itl"),
      tokens: value("tokens"),
      errors: value("errors"),
      uptime: isUp && startMs !== undefined ? Math.max(0, (nowMs - startMs) / 1_000) : null,
      outliers: [],
    };
  });
  return rows.map((row) => ({ ...row, outliers: outliersOf(row, rows) }));
}

/** The columns in which a server differs from those with the same model. */
function outliersOf(row: FleetRow, rows: readonly FleetRow[]): FleetRow["outliers"] {
  const peers = rows.filter(({ model, state }) => model === row.model && state === "up");
  return COMPARED.flatMap(([column, differenceFrom]) => {
    const values = peers.flatMap(({ instance, [column]: value }) =>
      value === null ? [] : [{ name: instance, value }]
    );
    // Of two it is not known which one differs.
    if (values.length < 3) return [];
    return findOutlier(values, differenceFrom)?.name === row.instance ? [column] : [];
  });
}
