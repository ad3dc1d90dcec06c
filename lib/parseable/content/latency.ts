/** The dashboard "vLLM latency": latencies and phases of requests. */

import type { Goals } from "../../config/goals.ts";
import type { Dashboard } from "./dashboard.ts";
import { percentile, within } from "./measures.ts";
import * as metrics from "./metrics.ts";
import PERCENTILE_TABLE from "./sql/tiles/percentile-table.sql" with { type: "text" };
import PERCENTILES from "./sql/tiles/percentiles.sql" with { type: "text" };
import PHASE_TABLE from "./sql/tiles/phase-table.sql" with { type: "text" };
import PHASES from "./sql/tiles/phases.sql" with { type: "text" };
import type { Tile } from "./tile.ts";

const MODEL = ["model_name"];
const ENGINE = ["engine_name"];

/** The latencies. */
const LATENCIES = [
  { key: "ttft", title: "Time to first token (TTFT)", metric: metrics.TTFT },
  { key: "inter-token", title: "Inter-token latency (ITL)", metric: metrics.INTER_TOKEN },
  { key: "per-token", title: "Time per output token (TPOT)", metric: metrics.PER_TOKEN },
  { key: "whole-request", title: "End-to-end latency", metric: metrics.WHOLE_REQUEST },
  { key: "queue", title: "Queue time", metric: metrics.QUEUE },
];

const PHASE_METRICS = [metrics.QUEUE, metrics.PREFILL, metrics.DECODE];

/** Makes the dashboard. */
export function latency(goals: Goals): Dashboard {
  return {
    key: "latency",
    title: "vLLM latency",
    sections: [
      { title: "Percentiles by model", tiles: [...LATENCIES.map(percentiles), table(MODEL)] },
      { title: "Phases of a request", tiles: phases() },
      { title: "By engine", tiles: [...LATENCIES.map(byEngine), table(ENGINE)] },
      {
        title: "Within the SLO",
        tiles: [...goalTiles(goals, MODEL), ...goalTiles(goals, ENGINE)],
      },
    ],
  };
}

function percentiles({ key, title, metric }: typeof LATENCIES[number]): Tile {
  return {
    key,
    title: `${title}: p50, p95, p99`,
    question: "How long do requests take, at the median and in the tail?",
    look: "lines",
    unit: "s",
    digits: 3,
    query: { sql: PERCENTILES, metrics: [metric], by: MODEL, keys: ["time_bin", ...MODEL] },
    lines: [...MODEL, "percentile"],
  };
}

function byEngine({ key, title, metric }: typeof LATENCIES[number]): Tile {
  return {
    key: `${key}-by-engine`,
    title: `${title}, p95 by engine`,
    question: "Is one engine slower than the others?",
    look: "lines",
    unit: "s",
    digits: 3,
    query: percentile(metric, ENGINE).overTime,
  };
}

function table(by: readonly string[]): Tile {
  const what = by === MODEL ? "model" : "engine";
  return {
    key: `percentiles-by-${what}`,
    title: `Percentiles over the selected time by ${what}, in seconds`,
    question: `Which ${what} is slow, and in what?`,
    look: "table",
    unit: "",
    digits: 3,
    query: {
      sql: PERCENTILE_TABLE,
      metrics: LATENCIES.map(({ metric }) => metric),
      by,
      keys: [...by, "metric_name"],
    },
    columns: ["p95"],
  };
}

function phases(): Tile[] {
  const byWhat = ["model", "engine"].map((what): Tile => ({
    key: `phases-by-${what}`,
    title: `Mean phases by ${what}, in seconds`,
    question: `Where does the time go, for each ${what}?`,
    look: "table",
    unit: "",
    digits: 3,
    query: {
      sql: PHASE_TABLE,
      metrics: [...PHASE_METRICS, metrics.WHOLE_REQUEST],
      by: what === "model" ? MODEL : ENGINE,
    },
    columns: ["whole_request"],
  }));
  return [{
    key: "phases",
    title: "Mean queue, prefill and decode time of a request",
    question: "Does queueing, prefill or decode take the time?",
    look: "areas",
    unit: "s",
    digits: 3,
    query: { sql: PHASES, metrics: PHASE_METRICS, by: [] },
    columns: ["queue", "prefill", "decode"],
  }, ...byWhat];
}

function goalTiles({ ttftSeconds, tpotSeconds }: Goals, by: readonly string[]): Tile[] {
  const what = by === MODEL ? "model" : "engine";
  return [
    {
      key: "ttft",
      title: `TTFT within ${ttftSeconds} s`,
      metric: metrics.TTFT,
      goal: ttftSeconds,
    },
    {
      key: "tpot",
      title: `TPOT within ${tpotSeconds} s`,
      metric: metrics.PER_TOKEN,
      goal: tpotSeconds,
    },
  ].map(({ key, title, metric, goal }) => ({
    key: `${key}-goal-by-${what}`,
    title: `${title}, by ${what}`,
    question: `When and for which ${what} was the SLO missed?`,
    look: "lines",
    unit: "%",
    digits: 2,
    query: within(metric, goal, by).overTime,
  }));
}
