/** The dashboard "vLLM latency": latencies and phases of requests. */

import type { Goals } from "../../config/config.ts";
import { type Dashboard, look, type Tile } from "./dashboard.ts";
import { percentile, within } from "./measures.ts";
import { metrics } from "./metrics.ts";
import PERCENTILE_TABLE from "./sql/tiles/percentile-table.sql" with { type: "text" };
import PERCENTILES from "./sql/tiles/percentiles.sql" with { type: "text" };
import PHASE_TABLE from "./sql/tiles/phase-table.sql" with { type: "text" };
import PHASES from "./sql/tiles/phases.sql" with { type: "text" };

const MODEL = ["model_name"];
const SPLITS = { model: MODEL, engine: ["engine_name"] } as const;
type Split = keyof typeof SPLITS;

const LATENCIES = [
  { key: "ttft", title: "Time to first token (TTFT)", metric: metrics.TTFT },
  { key: "inter-token", title: "Inter-token latency (ITL)", metric: metrics.ITL },
  { key: "per-token", title: "Time per output token (TPOT)", metric: metrics.TPOT },
  { key: "whole-request", title: "End-to-end latency", metric: metrics.END_TO_END },
  { key: "queue", title: "Queue time", metric: metrics.QUEUE },
];
const PHASE_METRICS = [metrics.QUEUE, metrics.PREFILL, metrics.DECODE];

const PERCENTILES_BY_MODEL = LATENCIES.map(({ key, title, metric }): Tile => ({
  key,
  title: `${title}: p50, p95, p99`,
  question: "How long do requests take, at the median and in the tail?",
  ...look("lines", "s", 3),
  query: { sql: PERCENTILES, metrics: [metric], by: MODEL, keys: ["time_bin", ...MODEL] },
  lines: [...MODEL, "percentile"],
}));

const P95_BY_ENGINE = LATENCIES.map(({ key, title, metric }): Tile => ({
  key: `${key}-by-engine`,
  title: `${title}, p95 by engine`,
  question: "Is one engine slower than the others?",
  ...look("lines", "s", 3),
  query: percentile(metric, SPLITS.engine).overTime,
}));

function percentileTable(split: Split): Tile {
  const by = SPLITS[split];
  const keys = [...by, "metric_name"];
  return {
    key: `percentiles-by-${split}`,
    title: `Percentiles over the selected time by ${split}, in seconds`,
    question: `Which ${split} is slow, and in what?`,
    ...look("table", "", 3),
    query: { sql: PERCENTILE_TABLE, metrics: LATENCIES.map(({ metric }) => metric), by, keys },
    columns: ["p95"],
  };
}

const PHASE_TILE: Tile = {
  key: "phases",
  title: "Mean queue, prefill and decode time of a request",
  question: "Does queueing, prefill or decode take the time?",
  ...look("areas", "s", 3),
  query: { sql: PHASES, metrics: PHASE_METRICS, by: [] },
  columns: ["queue", "prefill", "decode"],
};

function phaseTable(split: Split): Tile {
  const metricNames = [...PHASE_METRICS, metrics.END_TO_END];
  return {
    key: `phases-by-${split}`,
    title: `Mean phases by ${split}, in seconds`,
    question: `Where does the time go, for each ${split}?`,
    ...look("table", "", 3),
    query: { sql: PHASE_TABLE, metrics: metricNames, by: SPLITS[split] },
    columns: ["whole_request"],
  };
}

function goalTiles({ ttftSeconds, tpotSeconds }: Goals, split: Split): Tile[] {
  const goals = [
    { key: "ttft", name: "TTFT", metric: metrics.TTFT, goal: ttftSeconds },
    { key: "tpot", name: "TPOT", metric: metrics.TPOT, goal: tpotSeconds },
  ];
  return goals.map(({ key, name, metric, goal }) => ({
    key: `${key}-goal-by-${split}`,
    title: `${name} within ${goal} s, by ${split}`,
    question: `When and for which ${split} was the SLO missed?`,
    ...look("lines", "%", 2),
    query: within(metric, goal, SPLITS[split]).overTime,
  }));
}

/** Creates the dashboard. */
export function latency(goals: Goals): Dashboard {
  return {
    key: "latency",
    title: "vLLM latency",
    sections: [
      { title: "Percentiles by model", tiles: [...PERCENTILES_BY_MODEL, percentileTable("model")] },
      {
        title: "Phases of a request",
        tiles: [PHASE_TILE, phaseTable("model"), phaseTable("engine")],
      },
      { title: "By engine", tiles: [...P95_BY_ENGINE, percentileTable("engine")] },
      {
        title: "Within the SLO",
        tiles: [...goalTiles(goals, "model"), ...goalTiles(goals, "engine")],
      },
    ],
  };
}
