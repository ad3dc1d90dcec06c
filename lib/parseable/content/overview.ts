/** The dashboard "vLLM overview": how it goes, at a glance. */

import type { Goals } from "../../config/goals.ts";
import type { Dashboard } from "./dashboard.ts";
import { gauge, type Measure, percentile, rate, ratio, within } from "./measures.ts";
import * as metrics from "./metrics.ts";
import DATA_AGE from "./sql/tiles/data-age.sql" with { type: "text" };
import type { Tile } from "./tile.ts";

/** One thing to know. */
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
      { title: "Over the chosen time", tiles: [...items.map(numberTile), engines(), dataAge()] },
      { title: "Over time, by model", tiles: items.map(linesTile) },
    ],
  };
}

function itemsOf({ ttftSeconds, tpotSeconds }: Goals): Item[] {
  return [
    {
      key: "requests",
      title: "Requests finished per second",
      question: "How much work is done?",
      unit: "req/s",
      digits: 2,
      measure: rate(metrics.FINISHED),
    },
    {
      key: "input-tokens",
      title: "Input tokens per second",
      question: "How much is read? Tokens from the prefix cache count too.",
      unit: "tok/s",
      digits: 0,
      measure: rate(metrics.INPUT_TOKENS),
    },
    {
      key: "output-tokens",
      title: "Output tokens per second",
      question: "How much is written?",
      unit: "tok/s",
      digits: 0,
      measure: rate(metrics.OUTPUT_TOKENS),
    },
    {
      key: "running",
      title: "Requests running",
      question: "How many requests are worked on?",
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
      title: "KV cache in use, fullest engine",
      question: "Is there room for more requests?",
      unit: "%",
      digits: 1,
      measure: gauge(metrics.KV_CACHE, "100.0 * MAX(v)"),
    },
    {
      key: "prefix-hits",
      title: "Prompt tokens found in the prefix cache",
      question: "How much reading does the cache save?",
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
      title: "Time to first token, p95",
      question: "How long do users wait for the first word?",
      unit: "s",
      digits: 3,
      measure: percentile(metrics.TTFT),
    },
    {
      key: "inter-token-p95",
      title: "Time between tokens, p95",
      question: "Does the text flow?",
      unit: "s",
      digits: 3,
      measure: percentile(metrics.INTER_TOKEN),
    },
    {
      key: "whole-request-p95",
      title: "Whole request, p95",
      question: "How long does an answer take to its end?",
      unit: "s",
      digits: 2,
      measure: percentile(metrics.WHOLE_REQUEST),
    },
    {
      key: "success",
      title: "Requests that ended well",
      question: "Do requests fail? Ended well: stop, length or repetition; not: abort and error.",
      unit: "%",
      digits: 2,
      measure: ratio([metrics.FINISHED], "finished_reason NOT IN ('abort', 'error')", "TRUE"),
    },
    {
      key: "ttft-goal",
      title: `First token within ${ttftSeconds} s`,
      question: "Is the goal for the first token (SLO_TTFT) met?",
      unit: "%",
      digits: 2,
      measure: within(metrics.TTFT, ttftSeconds),
    },
    {
      key: "tpot-goal",
      title: `Output tokens within ${tpotSeconds} s each`,
      question: "Is the goal for further tokens (SLO_TPOT) met, by the mean of each request?",
      unit: "%",
      digits: 2,
      measure: within(metrics.PER_TOKEN, tpotSeconds),
    },
    {
      key: "preemptions",
      title: "Preemptions per second",
      question: "Is the KV cache too small, so that requests are thrown out and begun again?",
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
    title: "Engines sending samples",
    question: "Are all engines there?",
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
    question: "Is what I see fresh?",
    look: "number",
    unit: "s",
    digits: 0,
    query: { sql: DATA_AGE, metrics: [metrics.RUNNING] },
  };
}
