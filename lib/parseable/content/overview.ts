/** The dashboard "vLLM overview": the state at a glance. */

import type { Goals } from "../../config/config.ts";
import { type Dashboard, look, type Tile } from "./dashboard.ts";
import { gauge, type Measure, percentile, rate, ratio, share, within } from "./measures.ts";
import { metrics } from "./metrics.ts";
import DATA_AGE from "./sql/tiles/data-age.sql" with { type: "text" };

/** A measure that is shown as a number and over time. */
interface Item extends Pick<Tile, "key" | "title" | "question"> {
  /** Unit and decimals. */
  readonly unit: readonly [string, number];
  readonly measure: Measure;
}

const itemsOf = ({ ttftSeconds, tpotSeconds }: Goals): readonly Item[] => [
  {
    key: "requests",
    title: "Requests finished per second",
    question: "How many requests does vLLM finish?",
    unit: ["req/s", 2],
    measure: rate(metrics.FINISHED),
  },
  {
    key: "input-tokens",
    title: "Input tokens per second",
    question: "How many prompt tokens are processed? Cached ones count too.",
    unit: ["tok/s", 0],
    measure: rate(metrics.INPUT_TOKENS),
  },
  {
    key: "output-tokens",
    title: "Output tokens per second",
    question: "How many tokens are generated?",
    unit: ["tok/s", 0],
    measure: rate(metrics.OUTPUT_TOKENS),
  },
  {
    key: "running",
    title: "Requests running",
    question: "How many requests run?",
    unit: ["requests", 0],
    measure: gauge(metrics.RUNNING, "SUM(v)"),
  },
  {
    key: "waiting",
    title: "Requests waiting",
    question: "Does a queue build up?",
    unit: ["requests", 0],
    measure: gauge(metrics.WAITING, "SUM(v)"),
  },
  {
    key: "kv-cache",
    title: "KV cache usage, fullest engine",
    question: "Is there room for more requests?",
    unit: ["%", 1],
    measure: gauge(metrics.KV_CACHE, "100.0 * MAX(v)"),
  },
  {
    key: "prefix-hits",
    title: "Prefix-cache hit rate",
    question: "How much prefill does the cache save?",
    unit: ["%", 1],
    measure: share(metrics.PREFIX_HITS, metrics.PREFIX_QUERIES),
  },
  {
    key: "ttft-p95",
    title: "Time to first token (TTFT), p95",
    question: "How long do users wait for the first token?",
    unit: ["s", 3],
    measure: percentile(metrics.TTFT),
  },
  {
    key: "inter-token-p95",
    title: "Inter-token latency (ITL), p95",
    question: "Does text stream smoothly?",
    unit: ["s", 3],
    measure: percentile(metrics.ITL),
  },
  {
    key: "whole-request-p95",
    title: "End-to-end latency, p95",
    question: "How long does a request take?",
    unit: ["s", 2],
    measure: percentile(metrics.END_TO_END),
  },
  {
    key: "success",
    title: "Success rate",
    question: "Do requests fail? Failures are the finish reasons abort and error.",
    unit: ["%", 2],
    measure: ratio([metrics.FINISHED], "finished_reason NOT IN ('abort', 'error')", "TRUE"),
  },
  {
    key: "ttft-goal",
    title: `TTFT within ${ttftSeconds} s`,
    question: "Is SLO_TTFT met?",
    unit: ["%", 2],
    measure: within(metrics.TTFT, ttftSeconds),
  },
  {
    key: "tpot-goal",
    title: `TPOT within ${tpotSeconds} s`,
    question: "Is SLO_TPOT met, by the mean of each request?",
    unit: ["%", 2],
    measure: within(metrics.TPOT, tpotSeconds),
  },
  {
    key: "preemptions",
    title: "Preemptions per second",
    question: "Is the KV cache too small, so that requests are recomputed?",
    unit: ["1/s", 3],
    measure: rate(metrics.PREEMPTIONS),
  },
];

const FEED: readonly Tile[] = [
  {
    key: "engines",
    title: "Engines reporting",
    question: "Do all engines report?",
    ...look("number", "engines", 0),
    query: gauge(metrics.RUNNING, "COUNT(v)").now,
  },
  {
    key: "data-age",
    title: "Age of the newest sample",
    question: "Is the data current?",
    ...look("number", "s", 0),
    query: { sql: DATA_AGE, metrics: [metrics.RUNNING] },
  },
];

/** Creates the dashboard. */
export function overview(goals: Goals): Dashboard {
  const items = itemsOf(goals);
  const numbers = items.map(({ measure, unit, ...item }): Tile => ({
    ...item,
    ...look("number", ...unit),
    query: measure.now,
  }));
  const lines = items.map(({ measure, unit, ...item }): Tile => ({
    ...item,
    key: `${item.key}-over-time`,
    ...look("lines", ...unit),
    query: measure.overTime,
  }));
  return {
    key: "overview",
    title: "vLLM overview",
    sections: [
      { title: "Over the selected time", tiles: [...numbers, ...FEED] },
      { title: "Over time, by model", tiles: lines },
    ],
  };
}
