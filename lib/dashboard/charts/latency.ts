/** Charts of latencies. */

import { add, divide } from "../line.ts";
import type { Scope } from "../scope.ts";
import type { Chart, Threshold } from "../view.ts";
import { type ChartLine, type ChartRule, linesOf } from "./chart_rule.ts";

function percentiles(scope: Scope, metric: string): ChartLine[] {
  const [p50, p95, p99] = scope.quantiles([0.5, 0.95, 0.99], metric);
  return linesOf({ p50, p95, p99 });
}

function sloLine(name: string, value: number): Threshold[] {
  return [{ name, value, level: "warn" }];
}

/** What differs between latencies. */
interface Latency extends Pick<ChartRule, "thresholds"> {
  readonly id: string;
  readonly title: string;
  readonly metric: string;
  readonly inSomeVersions?: true;
  readonly explanation: Chart["explanation"];
}

const LATENCIES: readonly Latency[] = [
  {
    id: "ttft",
    title: "Time to first token (TTFT)",
    metric: "time_to_first_token_seconds",
    thresholds: ({ ttftSeconds }) => sloLine("SLO_TTFT", ttftSeconds),
    explanation: {
      shows: "How long a request waited for its first token. p50 is the median; 95% of requests " +
        "were faster than p95, 99% faster than p99.",
      normal: "Steady, with p95 below SLO_TTFT.",
      action:
        "Compare it with the queue time. If the queue is long, see the waiting requests; if " +
        "it is short, prompts are long: see --max-num-batched-tokens and the prefix cache.",
    },
  },
  {
    id: "inter_token",
    title: "Inter-token latency (ITL)",
    metric: "inter_token_latency_seconds",
    thresholds: ({ tpotSeconds }) => sloLine("SLO_TPOT", tpotSeconds),
    explanation: {
      shows: "The pause between two outputs of a request, which users notice while text streams. " +
        "With speculative decoding one output holds several tokens.",
      normal: "Steady, with p95 below SLO_TPOT.",
      action: "If it grows with the running requests, lower --max-num-seqs. If only p99 is high, " +
        "long prompts hold up the output: lower --max-num-batched-tokens.",
    },
  },
  {
    id: "per_output_token",
    title: "Time per output token (TPOT)",
    metric: "request_time_per_output_token_seconds",
    thresholds: ({ tpotSeconds }) => sloLine("SLO_TPOT", tpotSeconds),
    inSomeVersions: true,
    explanation: {
      shows: "The mean time of each token of a request after its first: one value per request, " +
        "known when it ends.",
      normal: "Below SLO_TPOT.",
      action: "As for the inter-token latency (ITL). If only this one is high, single requests " +
        "are held up: see preemptions.",
    },
  },
  {
    id: "e2e",
    title: "End-to-end latency",
    metric: "e2e_request_latency_seconds",
    explanation: {
      shows: "How long a request took from its arrival to its last token.",
      normal: "It follows the length of the output.",
      action: "See where the time goes: queue, prefill or decode.",
    },
  },
  {
    id: "queue_time",
    title: "Queue time",
    metric: "request_queue_time_seconds",
    explanation: {
      shows: "How long a request waited before vLLM scheduled it. vLLM's first bucket ends at " +
        "0.3 s: below it the mean is drawn instead of percentiles.",
      normal: "Below 0.3 s.",
      action:
        "The server is saturated. With a full KV cache give it more memory; otherwise raise " +
        "--max-num-seqs, or add servers.",
    },
  },
];

/** The charts of latencies and of the phases of a request. */
export const LATENCY_CHARTS: readonly ChartRule[] = [
  ...LATENCIES.map(({ metric, ...latency }): ChartRule => ({
    ...latency,
    unit: "seconds",
    kind: "line",
    histogram: metric,
    read: (scope) => percentiles(scope, metric),
  })),
  {
    id: "phases",
    title: "Where the time of a request goes",
    unit: "share",
    kind: "stacked",
    explanation: {
      shows: "Shares of the mean time that a request spends in the queue, in prefill (its prompt " +
        "is computed) and in decode (its output is generated).",
      normal: "Decode takes nearly all of it.",
      action: "Much queue: the server is saturated. Much prefill: prompts are long, see " +
        "--max-num-batched-tokens and the prefix cache.",
    },
    read(scope): ChartLine[] {
      const lines = linesOf({
        queue: scope.mean("request_queue_time_seconds"),
        prefill: scope.mean("request_prefill_time_seconds"),
        decode: scope.mean("request_decode_time_seconds"),
      });
      const all = add(lines.map(({ values }) => values));
      return lines.map(({ name, values }) => ({ name, values: divide(values, all) }));
    },
  },
];
