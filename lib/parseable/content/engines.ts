/** The dashboard "vLLM engines and pipeline": engines compared, and the data path. */

import { type Dashboard, look, type Tile } from "./dashboard.ts";
import { gauge, rate, share } from "./measures.ts";
import { metrics } from "./metrics.ts";
import type { Query } from "./query.ts";
import ACCEPTED_LENGTH from "./sql/tiles/accepted-length.sql" with { type: "text" };
import ACCEPTED_POSITIONS from "./sql/tiles/accepted-positions.sql" with { type: "text" };
import CACHE_CONFIG from "./sql/tiles/cache-config.sql" with { type: "text" };
import ENGINES_COMPARED from "./sql/tiles/engines-compared.sql" with { type: "text" };
import ENGINES_NOW from "./sql/tiles/engines-now.sql" with { type: "text" };
import INCREASE_NOW from "./sql/tiles/increase-now.sql" with { type: "text" };
import INCREASE from "./sql/tiles/increase.sql" with { type: "text" };
import MEAN from "./sql/tiles/mean.sql" with { type: "text" };
import SLEEP_STATE from "./sql/tiles/sleep-state.sql" with { type: "text" };

const { RUNNING, WAITING, KV_CACHE, OUTPUT_TOKENS, FINISHED, UPSTREAM_UP } = metrics;
const ENGINE = ["engine_name"];
const SERVER = ["server"];
const DRAFTED = "vllm_spec_decode_num_draft_tokens_total";
const ACCEPTED = "vllm_spec_decode_num_accepted_tokens_total";
const DRAFTS = "vllm_spec_decode_num_drafts_total";
const ACCEPTED_AT = "vllm_spec_decode_num_accepted_tokens_per_pos_total";
const DROPPED_LINES = "vllm_metrics_dropped_lines_total";
const POINTS_DROPPED = "vllm_metrics_relay_points_dropped_total";
const UNREPAIRABLE = "vllm_metrics_relay_histograms_unrepairable_total";
const FORWARD_DURATION = "vllm_metrics_relay_forward_duration_seconds";

/** How much counters grew over the whole range, by one label. */
function increase(metrics: readonly string[], label: string): Query {
  return { sql: INCREASE, metrics, by: [label] };
}

const TABLES: readonly Tile[] = [
  {
    key: "engines-now",
    title: "Engines now",
    question: "What is each engine doing?",
    ...look("table", "", 2),
    query: { sql: ENGINES_NOW, metrics: [RUNNING, WAITING, KV_CACHE], by: ENGINE },
    columns: ["running"],
  },
  {
    key: "engines-compared",
    title: "Engines over the selected time",
    question: "Is load balanced evenly?",
    ...look("table", "", 2),
    query: {
      sql: ENGINES_COMPARED,
      metrics: [
        FINISHED,
        metrics.INPUT_TOKENS,
        OUTPUT_TOKENS,
        metrics.PREEMPTIONS,
        metrics.PREFIX_HITS,
        metrics.PREFIX_QUERIES,
      ],
      by: ENGINE,
    },
    columns: ["requests_per_second"],
  },
  {
    key: "cache-config",
    title: "KV cache of each engine",
    question: "How large is the cache, and how is it configured?",
    ...look("table", "", 2),
    query: { sql: CACHE_CONFIG, metrics: ["vllm_cache_config_info"], by: ENGINE },
    columns: ["num_gpu_blocks"],
  },
  {
    key: "sleep-state",
    title: "Sleep state of each engine",
    question: "Is an engine asleep, and how deeply?",
    ...look("table", "", 2),
    query: { sql: SLEEP_STATE, metrics: ["vllm_engine_sleep_state"], by: ENGINE },
    columns: ["sleep_state"],
  },
];

const LINES: readonly Tile[] = [
  {
    key: "running-by-engine",
    title: "Requests running, by engine",
    question: "Which engine is busy?",
    ...look("lines", "requests", 1),
    query: gauge(RUNNING, "SUM(v)", ENGINE).overTime,
  },
  {
    key: "waiting-by-engine",
    title: "Requests waiting, by engine",
    question: "Where does a queue build up?",
    ...look("lines", "requests", 1),
    query: gauge(WAITING, "SUM(v)", ENGINE).overTime,
  },
  {
    key: "kv-cache-by-engine",
    title: "KV cache usage, by engine",
    question: "Which engine is full?",
    ...look("lines", "%", 1),
    query: gauge(KV_CACHE, "100.0 * MAX(v)", ENGINE).overTime,
  },
  {
    key: "output-tokens-by-engine",
    title: "Output tokens per second, by engine",
    question: "Which engine generates?",
    ...look("lines", "tok/s", 0),
    query: rate(OUTPUT_TOKENS, ENGINE).overTime,
  },
];

const FINISH_REASONS: readonly Tile[] = [
  {
    key: "finish-reasons",
    title: "Requests over the selected time, by finish reason",
    question: "Which finish reasons occur?",
    ...look("bars", "requests", 0),
    query: increase([FINISHED], "finished_reason"),
  },
  {
    key: "finish-reasons-over-time",
    title: "Requests per second, by finish reason",
    question: "When did requests fail?",
    ...look("lines", "req/s", 2),
    query: rate(FINISHED, ["finished_reason"]).overTime,
  },
];

const SPECULATION: readonly Tile[] = [
  {
    key: "accepted-share",
    title: "Draft acceptance rate",
    question: "Is the draft good?",
    ...look("lines", "%", 1),
    query: share(ACCEPTED, DRAFTED).overTime,
  },
  {
    key: "accepted-length",
    title: "Tokens per speculative step",
    question: "How much does speculation gain?",
    ...look("lines", "tokens", 2),
    query: { sql: ACCEPTED_LENGTH, metrics: [ACCEPTED, DRAFTS], by: ["model_name"] },
  },
  {
    key: "accepted-positions",
    title: "Draft acceptance rate by position",
    question: "How many tokens are worth drafting?",
    ...look("bars", "%", 1),
    query: { sql: ACCEPTED_POSITIONS, metrics: [ACCEPTED_AT, DRAFTS], by: ["position"] },
  },
];

/** The data path: the proxy, the relay and Fluent Bit. */
const PIPELINE: readonly Tile[] = [
  {
    key: "vllm-up",
    title: "vLLM up: 1 yes, 0 no",
    question: "Did the last scrape of each server succeed?",
    ...look("number", "", 0),
    query: gauge(UPSTREAM_UP, "MIN(v)").now,
  },
  {
    key: "parseable-up",
    title: "Parseable up: 1 yes, 0 no",
    question: "Did Parseable store the last request of the relay?",
    ...look("number", "", 0),
    query: gauge("vllm_metrics_parseable_up", "MIN(v)").now,
  },
  {
    key: "scrape-failures",
    title: "Failed scrapes of vLLM",
    question: "Are there gaps in the data?",
    ...look("number", "scrapes", 0),
    query: { sql: INCREASE_NOW, metrics: [metrics.SCRAPE_FAILURES] },
  },
  {
    key: "points-dropped",
    title: "Data points that the relay dropped",
    question: "Did vLLM send values that Parseable cannot store?",
    ...look("number", "points", 0),
    query: { sql: INCREASE_NOW, metrics: [POINTS_DROPPED, UNREPAIRABLE] },
  },
  {
    key: "vllm-up-over-time",
    title: "vLLM up, share of each minute",
    question: "When was vLLM down?",
    ...look("lines", "%", 0),
    query: gauge(UPSTREAM_UP, "100.0 * MIN(v)", SERVER).overTime,
  },
  {
    key: "scrape-failures-by-code",
    title: "Failed scrapes, by error code",
    question: "Why do scrapes fail?",
    ...look("bars", "scrapes", 0),
    query: increase([metrics.SCRAPE_FAILURES], "code"),
  },
  {
    key: "scrape-duration",
    title: "Scrape duration",
    question: "Is vLLM slow to answer?",
    ...look("lines", "s", 3),
    query: gauge("vllm_metrics_scrape_duration_seconds", "MAX(v)", SERVER).overTime,
  },
  {
    key: "scrape-samples",
    title: "Samples per scrape",
    question: "Did metrics appear or disappear?",
    ...look("lines", "samples", 0),
    query: gauge("vllm_metrics_scrape_samples", "MAX(v)", SERVER).overTime,
  },
  {
    key: "dropped-lines",
    title: "Dropped lines of vLLM's exposition, by reason",
    question: "Were there unparsable lines?",
    ...look("bars", "lines", 0),
    query: increase([DROPPED_LINES], "reason"),
  },
  {
    key: "relay-requests",
    title: "Requests to the relay per second, by HTTP status",
    question: "Does the relay refuse requests? All but 200 are refusals.",
    ...look("lines", "req/s", 2),
    query: rate("vllm_metrics_relay_requests_total", ["code"]).overTime,
  },
  {
    key: "points-dropped-by-reason",
    title: "Dropped data points, by reason",
    question: "What cannot be stored?",
    ...look("bars", "points", 0),
    query: increase([POINTS_DROPPED], "reason"),
  },
  {
    key: "forward-duration",
    title: "Mean time until Parseable stored a request",
    question: "Does Parseable keep up?",
    ...look("lines", "s", 3),
    query: { sql: MEAN, metrics: [FORWARD_DURATION], by: [] },
  },
  {
    key: "fluent-bit-waiting",
    title: "Fluent Bit: chunks waiting, by input",
    question: "Is there a backlog?",
    ...look("lines", "chunks", 0),
    query: gauge("fluentbit_input_storage_chunks", "SUM(v)", ["name"]).overTime,
  },
  {
    key: "fluent-bit-retries",
    title: "Fluent Bit: retries per second, by output",
    question: "Is the relay or Parseable down?",
    ...look("lines", "1/s", 2),
    query: rate("fluentbit_output_retries_total", ["name"]).overTime,
  },
  {
    key: "fluent-bit-losses",
    title: "Fluent Bit: lost records and chunks, by output",
    question: "Was data lost?",
    ...look("bars", "", 0),
    query: increase([metrics.FLUENT_BIT_DROPPED, metrics.FLUENT_BIT_FAILED], "name"),
  },
];

/** The dashboard. */
export const ENGINES: Dashboard = {
  key: "engines",
  title: "vLLM engines and pipeline",
  sections: [
    { title: "Engines", tiles: [...TABLES, ...LINES] },
    { title: "Finish reasons", tiles: FINISH_REASONS },
    { title: "Speculative decoding", tiles: SPECULATION },
    { title: "Pipeline", tiles: PIPELINE },
  ],
};
