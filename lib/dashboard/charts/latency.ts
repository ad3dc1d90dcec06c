/** Charts of how long things take. */

import type { Scope } from "../scope.ts";
import type { Chart } from "../view.ts";
import { type ChartLine, type ChartRule, linesOf } from "./chart_rule.ts";

/** The percentiles of a histogram. */
function percentiles(scope: Scope, metric: string): ChartLine[] {
  const [p50, p95, p99] = scope.quantiles([0.5, 0.95, 0.99], metric);
  return linesOf({ p50, p95, p99 });
}

/** What differs from one latency to the next. */
interface Latency {
  readonly id: string;
  readonly title: string;
  readonly metric: string;
  readonly inAllVersions?: boolean;
  readonly explanation: Chart["explanation"];
}

const LATENCIES: readonly Latency[] = [
  {
    id: "ttft",
    title: "Time to first token",
    metric: "time_to_first_token_seconds",
    explanation: {
      shows: "How long a request waited for its first token: p50 is the middle one, " +
        "and 95 or 99 of 100 were faster than p95 or p99.",
      normal: "Steady, and p95 under the goal SLO_TTFT.",
      action: "Compare it with the queue time. If the queue is long, look at the waiting " +
        "requests; if it is short, the prompts are long: look at max_num_batched_tokens and at " +
        "the prefix cache.",
    },
  },
  {
    id: "inter_token",
    title: "Time between tokens",
    metric: "inter_token_latency_seconds",
    explanation: {
      shows: "The pause between two outputs of an answer, which is what a reader feels while " +
        "text appears. With speculative decoding one output holds several tokens.",
      normal: "Steady, and p95 under the goal SLO_TPOT.",
      action: "If it grows with the running requests, lower max_num_seqs. If p99 alone is high, " +
        "long prompts get in between: lower max_num_batched_tokens.",
    },
  },
  {
    id: "per_output_token",
    title: "Time per output token",
    metric: "request_time_per_output_token_seconds",
    inAllVersions: false,
    explanation: {
      shows: "The mean time of each token of an answer after its first, one number a request, " +
        "known when the request ends.",
      normal: "Under the goal SLO_TPOT.",
      action: "As for the time between tokens. If that one is fine and this one is not, single " +
        "requests are held up: look at preemptions.",
    },
  },
  {
    id: "e2e",
    title: "Whole request",
    metric: "e2e_request_latency_seconds",
    explanation: {
      shows: "How long a request took from its arrival to its last token.",
      normal: "It follows the length of the answers.",
      action: "Look at the mean phases to see whether waiting, prefill or decode takes the time.",
    },
  },
  {
    id: "queue_time",
    title: "Time in the queue",
    metric: "request_queue_time_seconds",
    explanation: {
      shows: "How long a request waited before vLLM began to work on it. vLLM's first bucket " +
        "ends at 0.3 s, so lower values are estimates.",
      normal: "Under 0.3 s.",
      action: "The server is full. With a full KV cache give it more memory, otherwise raise " +
        "max_num_seqs, or add servers.",
    },
  },
];

function latencyRule({ metric, inAllVersions = true, ...latency }: Latency): ChartRule {
  return {
    ...latency,
    unit: "seconds",
    kind: "line",
    inAllVersions,
    zeroIsNothing: false,
    onlyWhenPresent: false,
    read: (scope) => percentiles(scope, metric),
  };
}

/** The charts of latencies and of the phases of a request. */
export const LATENCY_RULES: readonly ChartRule[] = [
  ...LATENCIES.map(latencyRule),
  {
    id: "phases",
    title: "Where the time goes",
    unit: "seconds",
    kind: "stacked",
    explanation: {
      shows: "The mean time that a request spends waiting (queue), having its prompt read " +
        "(prefill) and having its answer written (decode).",
      normal: "Decode takes nearly all of it.",
      action: "A thick queue means a full server. A thick prefill means long prompts: look at " +
        "max_num_batched_tokens and at the prefix cache.",
    },
    inAllVersions: true,
    zeroIsNothing: false,
    onlyWhenPresent: false,
    read: (scope) =>
      linesOf({
        queue: scope.mean("request_queue_time_seconds"),
        prefill: scope.mean("request_prefill_time_seconds"),
        decode: scope.mean("request_decode_time_seconds"),
      }),
  },
];
