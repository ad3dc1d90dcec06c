/** The dashboard "vLLM overview": the state at a glance. */

import type { Goals } from "../../config/goals.ts";
import type { Dashboard } from "./dashboard.ts";
import { gauge, type Measure, percentile, rate, ratio, within } from "./measures.ts";
import * as metrics from "./metrics.ts";
import DATA_AGE from "./sql/tiles/data-age.sql" with { type: "text" };
import type { Tile } from "./tile.ts";

/** A measure that is shown as a number and over time. */
interface Item extends Omit<Tile, "look" | "query"> {
  readonly measure: Measure;
}

const { PREFIX_HITS, PREFIX_QUERIES } = metrics;

/** Makes the dashboard. */
export function overview(goals: Goals): Dashboard {
  const items = itemsOf(goals);
  return {
    key: "overview",
    title: "vLLM overview",
    sections: [
      { title: "Over the selected time", tiles: [...items.map(numberTile), engines(), dataAge()] },
      { title: "Over time, by model", tiles: items.map(linesTile) },
    ],
  };
}

function itemsOf({ ttftSeconds, tpotSeconds }: Goals): Item[] {
  return [
    {
      key: "requests",
      title: "Requests finished per second",
      question: "How many requests does vLLM finish?",
      unit: "req/s",
      digits: 2,
      measure: rate(metrics.FINISHED),
    },
    {
      key: "input-tokens",
      title: "Input tokens per second",
      question: "How many prompt tokens are processed? Cached ones count too.",
      unit: "tok/s",
      digits: 0,
      measure: rate(metrics.INPUT_TOKENS),
    },
    {
      key: "output-tokens",
      title: "Output tokens per second",
      question: "How many tokens are generated?",
      unit: "tok/s",
      digits: 0,
      measure: rate(metrics.OUTPUT_TOKENS),
    },
    {
      key: "running",
      title: "Requests running",
      question: "How many requests run?",
      unit: "requests",
      digits: 0,
      measure: gauge(metrics.RUNNING, "SUM(v)"),
    },
    {
      key: "waiting",
      title: "Requests waiting",
      question: "Does a queue build up?",
      unit: "requests",
      digits: 0,
      measure: gauge(metrics.WAITING, "SUM(v)"),
    },
    {
      key: "kv-cache",
      title: "KV cache usage, fullest engine",
      question: "Is there room for more requests?",
      unit: "%",
      digits: 1,
      measure: gauge(metrics.KV_CACHE, "100.0 * MAX(v)"),
    },
    {
      key: "prefix-hits",
      title: "Prefix-cache hit rate",
      question: "How much prefill does the cache save?",
      unit: "%",
      digits: 1,
      measure: ratio(
        [PREFIX_HITS, PREFIX_QUERIES],
        `metric_name = '${PREFIX_HITS}'`,
        `metric_name = '${PREFIX_QUERIES}'`,
      ),
    },
    {
      key: "ttft-p95",
      title: "Time to first token (TTFT), p95",
      question: "How long do users wait for the first token?",
      unit: "s",
      digits: 3,
      measure: percentile(metrics.TTFT),
    },
    {
      key: "inter-token-p95",
      title: "Inter-token latency (ITL), p95",
      question: "Does text stream smoothly?",
      unit: "s",
      digits: 3,
      measure: percentile(metrics.INTER_TOKEN),
    },
    {
      key: "whole-request-p95",
      title: "End-to-end latency, p95",
      question: "How long does a request take?",
      unit: "s",
      digits: 2,
      measure: percentile(metrics.WHOLE_REQUEST),
    },
    {
      key: "success",
      title: "Success rate",
      question: "Do requests fail? Failures are the finish reasons abort and error.",
      unit: "%",
      digits: 2,
      measure: ratio([metrics.FINISHED], "finished_reason NOT IN ('abort', 'error')", "TRUE"),
    },
    {
      key: "ttft-goal",
      title: `TTFT within ${ttftSeconds} s`,
      question: "Is SLO_TTFT met?",
      unit: "%",
      digits: 2,
      measure: within(metrics.TTFT, ttftSeconds),
    },
    {
      key: "tpot-goal",
      title: `TPOT within ${tpotSeconds} s`,
      question: "Is SLO_TPOT met, by the mean of each request?",
      unit: "%",
      digits: 2,
      measure: within(metrics.PER_TOKEN, tpotSeconds),
    },
    {
      key: "preemptions",
      title: "Preemptions per second",
      question: "Is the KV cache too small, so that requests are recomputed?",
      unit: "1/s",
      digits: 3,
      measure: rate(metrics.PREEMPTIONS),
    },
  ];
}

function numberTile({ measure, ...item }: Item): Tile {
  return { ...item, look: "number", query: measure.now };
}

function linesTile({ measure, ...item }: Item): Tile {
  return { ...item, key: `${item.key}-over-time`, look: "lines", query: measure.overTime };
}

function engines(): Tile {
  return {
    key: "engines",
    title: "Engines reporting",
    question: "Do all engines report?",
    look: "number",
    unit: "engines",
    digits: 0,
    query: gauge(metrics.RUNNING, "COUNT(v)").now,
  };
}

function dataAge(): Tile {
  return {
    key: "data-age",
    title: "Age of the newest sample",
    question: "Is the data current?",
    look: "number",
    unit: "s",
    digits: 0,
    query: { sql: DATA_AGE, metrics: [metrics.RUNNING] },
  };
}
