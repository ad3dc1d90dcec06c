/** The dashboard "vLLM latency": how long answers take, and where the time goes. */

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

/** The latencies, in the order in which a request meets them. */
const LATENCIES = [
  { key: "ttft", title: "Time to first token", metric: metrics.TTFT },
  { key: "inter-token", title: "Time between tokens", metric: metrics.INTER_TOKEN },
  { key: "per-token", title: "Time per output token of a request", metric: metrics.PER_TOKEN },
  { key: "whole-request", title: "Whole request", metric: metrics.WHOLE_REQUEST },
  { key: "queue", title: "Time in the queue", metric: metrics.QUEUE },
];

const PHASE_METRICS = [metrics.QUEUE, metrics.PREFILL, metrics.DECODE];

/** Makes the dashboard. */
export function latency(goals: Goals): Dashboard {
  return {
    key: "latency",
    title: "vLLM latency",
    sections: [
      { title: "Percentiles by model", tiles: [...LATENCIES.map(percentiles), table(MODEL)] },
      { title: "Where the time of a request goes", tiles: phases() },
      { title: "By engine", tiles: [...LATENCIES.map(byEngine), table(ENGINE)] },
      {
        title: "Within the goals",
        tiles: [...goalTiles(goals, MODEL), ...goalTiles(goals, ENGINE)],
      },
    ],
  };
}

function percentiles({ key, title, metric }: typeof LATENCIES[number]): Tile {
  return {
    key,
    title: `${title}: p50, p95, p99`,
    question: "How long for half of them, for 19 of 20, for 99 of 100?",
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
    title: `Percentiles over the chosen time by ${what}, in seconds`,
    question: `Which ${what} is slow, and at what?`,
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
    title: `Mean times by ${what}, in seconds`,
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
    title: "Mean time of a request in queue, prefill and decode",
    question: "Do requests wait, read or write?",
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
      title: `First token within ${ttftSeconds} s`,
      metric: metrics.TTFT,
      goal: ttftSeconds,
    },
    {
      key: "tpot",
      title: `Output tokens within ${tpotSeconds} s each`,
      metric: metrics.PER_TOKEN,
      goal: tpotSeconds,
    },
  ].map(({ key, title, metric, goal }) => ({
    key: `${key}-goal-by-${what}`,
    title: `${title}, by ${what}`,
    question: `When and for which ${what} was the goal missed?`,
    look: "lines",
    unit: "%",
    digits: 2,
    query: within(metric, goal, by).overTime,
  }));
}
