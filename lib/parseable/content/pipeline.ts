/** Tiles about the data path: the proxy, the relay and Fluent Bit. */

import { gauge, rate } from "./measures.ts";
import { UPSTREAM_UP } from "./metrics.ts";
import INCREASE_NOW from "./sql/tiles/increase-now.sql" with { type: "text" };
import INCREASE from "./sql/tiles/increase.sql" with { type: "text" };
import MEAN from "./sql/tiles/mean.sql" with { type: "text" };
import type { Tile } from "./tile.ts";

const SERVER = ["server"];
const PARSEABLE_UP = "vllm_metrics_parseable_up";
const SCRAPE_FAILURES = "vllm_metrics_scrape_failures_total";
const DROPPED_LINES = "vllm_metrics_dropped_lines_total";
const POINTS_DROPPED = "vllm_metrics_relay_points_dropped_total";
const UNREPAIRABLE = "vllm_metrics_relay_histograms_unrepairable_total";
const FLUENT_BIT_LOSSES = [
  "fluentbit_output_dropped_records_total",
  "fluentbit_output_retries_failed_total",
];

/** Lists the tiles. */
export function pipelineTiles(): Tile[] {
  return [...numbers(), ...scrapes(), ...relay(), ...fluentBit()];
}

function numbers(): Tile[] {
  const common = { look: "number", digits: 0 } as const;
  return [
    {
      ...common,
      key: "vllm-up",
      title: "vLLM up: 1 yes, 0 no",
      question: "Did the last scrape of each server succeed?",
      unit: "",
      query: gauge(UPSTREAM_UP, "MIN(v)").now,
    },
    {
      ...common,
      key: "parseable-up",
      title: "Parseable up: 1 yes, 0 no",
      question: "Did Parseable store the last request of the relay?",
      unit: "",
      query: gauge(PARSEABLE_UP, "MIN(v)").now,
    },
    {
      ...common,
      key: "scrape-failures",
      title: "Failed scrapes of vLLM",
      question: "Are there gaps in the data?",
      unit: "scrapes",
      query: { sql: INCREASE_NOW, metrics: [SCRAPE_FAILURES] },
    },
    {
      ...common,
      key: "points-dropped",
      title: "Data points that the relay dropped",
      question: "Did vLLM send values that Parseable cannot store?",
      unit: "points",
      query: { sql: INCREASE_NOW, metrics: [POINTS_DROPPED, UNREPAIRABLE] },
    },
  ];
}

function scrapes(): Tile[] {
  return [
    {
      key: "vllm-up-over-time",
      title: "vLLM up, share of each minute",
      question: "When was vLLM down?",
      look: "lines",
      unit: "%",
      digits: 0,
      query: gauge(UPSTREAM_UP, "100.0 * MIN(v)", SERVER).overTime,
    },
    {
      key: "scrape-failures-by-code",
      title: "Failed scrapes, by error code",
      question: "Why do scrapes fail?",
      look: "bars",
      unit: "scrapes",
      digits: 0,
      query: { sql: INCREASE, metrics: [SCRAPE_FAILURES], by: ["code"] },
    },
    {
      key: "scrape-duration",
      title: "Scrape duration",
      question: "Is vLLM slow to answer?",
      look: "lines",
      unit: "s",
      digits: 3,
      query: gauge("vllm_metrics_scrape_duration_seconds", "MAX(v)", SERVER).overTime,
    },
    {
      key: "scrape-samples",
      title: "Samples per scrape",
      question: "Did metrics appear or disappear?",
      look: "lines",
      unit: "samples",
      digits: 0,
      query: gauge("vllm_metrics_scrape_samples", "MAX(v)", SERVER).overTime,
    },
    {
      key: "dropped-lines",
      title: "Dropped lines of vLLM's exposition, by reason",
      question: "Were there unparsable lines?",
      look: "bars",
      unit: "lines",
      digits: 0,
      query: { sql: INCREASE, metrics: [DROPPED_LINES], by: ["reason"] },
    },
  ];
}

function relay(): Tile[] {
  return [
    {
      key: "relay-requests",
      title: "Requests to the relay per second, by HTTP status",
      question: "Does the relay refuse requests? All but 200 are refusals.",
      look: "lines",
      unit: "req/s",
      digits: 2,
      query: rate("vllm_metrics_relay_requests_total", ["code"]).overTime,
    },
    {
      key: "points-dropped-by-reason",
      title: "Dropped data points, by reason",
      question: "What cannot be stored?",
      look: "bars",
      unit: "points",
      digits: 0,
      query: { sql: INCREASE, metrics: [POINTS_DROPPED], by: ["reason"] },
    },
    {
      key: "forward-duration",
      title: "Mean time until Parseable stored a request",
      question: "Does Parseable keep up?",
      look: "lines",
      unit: "s",
      digits: 3,
      query: { sql: MEAN, metrics: ["vllm_metrics_relay_forward_duration_seconds"], by: [] },
    },
  ];
}

function fluentBit(): Tile[] {
  return [
    {
      key: "fluent-bit-waiting",
      title: "Fluent Bit: chunks waiting, by input",
      question: "Is there a backlog?",
      look: "lines",
      unit: "chunks",
      digits: 0,
      query: gauge("fluentbit_input_storage_chunks", "SUM(v)", ["name"]).overTime,
    },
    {
      key: "fluent-bit-retries",
      title: "Fluent Bit: retries per second, by output",
      question: "Is the relay or Parseable down?",
      look: "lines",
      unit: "1/s",
      digits: 2,
      query: rate("fluentbit_output_retries_total", ["name"]).overTime,
    },
    {
      key: "fluent-bit-losses",
      title: "Fluent Bit: lost records and chunks, by output",
      question: "Was data lost?",
      look: "bars",
      unit: "",
      digits: 0,
      query: { sql: INCREASE, metrics: FLUENT_BIT_LOSSES, by: ["name"] },
    },
  ];
}
