/** The dashboard "vLLM engines and pipeline": engines compared, and the data path. */

import type { Dashboard } from "./dashboard.ts";
import { gauge, rate, ratio } from "./measures.ts";
import * as metrics from "./metrics.ts";
import { pipelineTiles } from "./pipeline.ts";
import ACCEPTED_LENGTH from "./sql/tiles/accepted-length.sql" with { type: "text" };
import ACCEPTED_POSITIONS from "./sql/tiles/accepted-positions.sql" with { type: "text" };
import CACHE_CONFIG from "./sql/tiles/cache-config.sql" with { type: "text" };
import ENGINES_COMPARED from "./sql/tiles/engines-compared.sql" with { type: "text" };
import ENGINES_NOW from "./sql/tiles/engines-now.sql" with { type: "text" };
import INCREASE from "./sql/tiles/increase.sql" with { type: "text" };
import SLEEP_STATE from "./sql/tiles/sleep-state.sql" with { type: "text" };
import type { Tile } from "./tile.ts";

const ENGINE = ["engine_name"];
const DRAFTED = "vllm_spec_decode_num_draft_tokens_total";
const ACCEPTED = "vllm_spec_decode_num_accepted_tokens_total";
const DRAFTS = "vllm_spec_decode_num_drafts_total";
const ACCEPTED_AT = "vllm_spec_decode_num_accepted_tokens_per_pos_total";

/** Makes the dashboard. */
export function engines(): Dashboard {
  return {
    key: "engines",
    title: "vLLM engines and pipeline",
    sections: [
      { title: "Engines", tiles: [...tables(), ...lines()] },
      { title: "Finish reasons", tiles: endings() },
      { title: "Speculative decoding", tiles: speculation() },
      { title: "Pipeline", tiles: pipelineTiles() },
    ],
  };
}

function tables(): Tile[] {
  const common = { look: "table", unit: "", digits: 2 } as const;
  return [
    {
      ...common,
      key: "engines-now",
      title: "Engines now",
      question: "What is each engine doing?",
      query: {
        sql: ENGINES_NOW,
        metrics: [metrics.RUNNING, metrics.WAITING, metrics.KV_CACHE],
        by: ENGINE,
      },
      columns: ["running"],
    },
    {
      ...common,
      key: "engines-compared",
      title: "Engines over the selected time",
      question: "Is load balanced evenly?",
      query: {
        sql: ENGINES_COMPARED,
        metrics: [
          metrics.FINISHED,
          metrics.INPUT_TOKENS,
          metrics.OUTPUT_TOKENS,
          metrics.PREEMPTIONS,
          metrics.PREFIX_HITS,
          metrics.PREFIX_QUERIES,
        ],
        by: ENGINE,
      },
      columns: ["requests_per_second"],
    },
    {
      ...common,
      key: "cache-config",
      title: "KV cache of each engine",
      question: "How large is the cache, and how is it configured?",
      query: { sql: CACHE_CONFIG, metrics: ["vllm_cache_config_info"], by: ENGINE },
      columns: ["num_gpu_blocks"],
    },
    {
      ...common,
      key: "sleep-state",
      title: "Sleep state of each engine",
      question: "Is an engine asleep, and how deeply?",
      query: { sql: SLEEP_STATE, metrics: ["vllm_engine_sleep_state"], by: ENGINE },
      columns: ["sleep_state"],
    },
  ];
}

function lines(): Tile[] {
  return [
    {
      key: "running-by-engine",
      title: "Requests running, by engine",
      question: "Which engine is busy?",
      look: "lines",
      unit: "requests",
      digits: 1,
      query: gauge(metrics.RUNNING, "SUM(v)", ENGINE).overTime,
    },
    {
      key: "waiting-by-engine",
      title: "Requests waiting, by engine",
      question: "Where does a queue build up?",
      look: "lines",
      unit: "requests",
      digits: 1,
      query: gauge(metrics.WAITING, "SUM(v)", ENGINE).overTime,
    },
    {
      key: "kv-cache-by-engine",
      title: "KV cache usage, by engine",
      question: "Which engine is full?",
      look: "lines",
      unit: "%",
      digits: 1,
      query: gauge(metrics.KV_CACHE, "100.0 * MAX(v)", ENGINE).overTime,
    },
    {
      key: "output-tokens-by-engine",
      title: "Output tokens per second, by engine",
      question: "Which engine generates?",
      look: "lines",
      unit: "tok/s",
      digits: 0,
      query: rate(metrics.OUTPUT_TOKENS, ENGINE).overTime,
    },
  ];
}

function endings(): Tile[] {
  return [
    {
      key: "finish-reasons",
      title: "Requests over the selected time, by finish reason",
      question: "Which finish reasons occur?",
      look: "bars",
      unit: "requests",
      digits: 0,
      query: { sql: INCREASE, metrics: [metrics.FINISHED], by: ["finished_reason"] },
    },
    {
      key: "finish-reasons-over-time",
      title: "Requests per second, by finish reason",
      question: "When did requests fail?",
      look: "lines",
      unit: "req/s",
      digits: 2,
      query: rate(metrics.FINISHED, ["finished_reason"]).overTime,
    },
  ];
}

function speculation(): Tile[] {
  return [
    {
      key: "accepted-share",
      title: "Draft acceptance rate",
      question: "Is the draft good?",
      look: "lines",
      unit: "%",
      digits: 1,
      query: ratio(
        [ACCEPTED, DRAFTED],
        `metric_name = '${ACCEPTED}'`,
        `metric_name = '${DRAFTED}'`,
      ).overTime,
    },
    {
      key: "accepted-length",
      title: "Tokens per speculative step",
      question: "How much does speculation gain?",
      look: "lines",
      unit: "tokens",
      digits: 2,
      query: { sql: ACCEPTED_LENGTH, metrics: [ACCEPTED, DRAFTS], by: ["model_name"] },
    },
    {
      key: "accepted-positions",
      title: "Draft acceptance rate by position",
      question: "How many tokens are worth drafting?",
      look: "bars",
      unit: "%",
      digits: 1,
      query: { sql: ACCEPTED_POSITIONS, metrics: [ACCEPTED_AT, DRAFTS], by: ["position"] },
    },
  ];
}
