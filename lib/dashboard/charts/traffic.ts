/** Charts of requests and tokens. */

import type { Buckets } from "../../history/history.ts";
import { CLIENT_DISCONNECT, clientDisconnects } from "../finish_reasons.ts";
import { type ChartLine, type ChartRule, linesBy, linesOf } from "./chart_rule.ts";

/** The charts of requests and tokens per second, and of finish reasons. */
export const TRAFFIC_CHARTS: readonly ChartRule[] = [
  {
    id: "requests",
    title: "Requests per second",
    unit: "requests/s",
    kind: "line",
    explanation: {
      shows: "Finished requests per second.",
      normal: "It follows what clients send.",
      action: "If it falls while requests wait, the server is the bottleneck: see the findings.",
    },
    zeroIsNothing: true,
    read: (scope) => linesOf({ ended: scope.rate("request_success_total") }),
  },
  {
    id: "tokens",
    title: "Tokens per second",
    unit: "tokens/s",
    kind: "line",
    explanation: {
      shows:
        "Prompt tokens and generated tokens per second. Input is counted when a request gets " +
        "its first token, which makes it jagged.",
      normal: "Output grows with the running requests until the server is saturated.",
      action: "If output stays flat while more requests run, the hardware is at its limit.",
    },
    zeroIsNothing: true,
    read: (scope) =>
      linesOf({
        input: scope.rate("prompt_tokens_total"),
        output: scope.rate("generation_tokens_total"),
      }),
  },
  {
    id: "finish_reasons",
    title: "Finish reasons",
    unit: "requests/s",
    kind: "stacked",
    explanation: {
      shows:
        "Requests per second by finish reason. Client disconnects are derived where vLLM does " +
        "not count them.",
      normal: "Mostly stop (the model ended its output), no error.",
      action:
        "error: read vLLM's log. length: the token limit; raise max_tokens in the requests. " +
        "abort, client disconnect: responses are too slow for the clients. repetition: vLLM ended " +
        "a looping output.",
    },
    zeroIsNothing: true,
    read: (scope) => [
      ...linesBy("finished_reason", scope.rates("request_success_total", ["finished_reason"])),
      ...linesOf({ [CLIENT_DISCONNECT]: clientDisconnects(scope) }),
    ],
  },
];

/** A bucket's name: its upper bound, as Prometheus writes it. */
function boundName(bound: number): string {
  return bound === Infinity ? "+Inf" : String(bound);
}

/** A line per bucket, from the first to the last one with an observation. */
function bucketLines({ bounds, counts }: Buckets): ChartLine[] {
  const lines = bounds.map((bound, index) => ({
    name: boundName(bound),
    values: counts.map((row) => row?.[index] ?? null),
  }));
  const isUsed = ({ values }: ChartLine): boolean => values.some((value) => (value ?? 0) > 0);
  const [first, last] = [lines.findIndex(isUsed), lines.findLastIndex(isUsed)];
  // Without an observation one line stays, which tells "no traffic" from "not reported".
  return first === -1 ? lines.slice(0, 1) : lines.slice(first, last + 1);
}

/** A heat map of lengths in tokens. */
function lengthChart(
  chart: Pick<ChartRule, "id" | "title"> & {
    readonly noun: string;
    readonly metric: string;
    readonly action: string;
  },
): ChartRule {
  const { id, title, noun, metric, action } = chart;
  return {
    id,
    title,
    unit: "count",
    kind: "heatmap",
    explanation: {
      shows:
        `How many requests had ${noun} of which length, in tokens; a row is a bucket, named by ` +
        "its upper bound.",
      normal: "A steady band.",
      action,
    },
    zeroIsNothing: true,
    read: (scope) => bucketLines(scope.buckets(metric)),
  };
}

/** The heat maps of lengths. */
export const LENGTH_CHARTS: readonly ChartRule[] = [
  lengthChart({
    id: "prompt_length",
    title: "Prompt length",
    noun: "prompts",
    metric: "request_prompt_tokens",
    action:
      "If the band moves up, prompts grow, and with them the time to first token (TTFT) and " +
      "the KV cache usage.",
  }),
  lengthChart({
    id: "output_length",
    title: "Output length",
    noun: "outputs",
    metric: "request_generation_tokens",
    action: "If all lies in one row, max_tokens truncates the output: see the finish reasons.",
  }),
];
