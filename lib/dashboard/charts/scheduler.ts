/** Charts of what the scheduler has to do. */

import type { Scope } from "../scope.ts";
import { type ChartLine, type ChartRule, linesBy, linesOf } from "./chart_rule.ts";

/** Waiting requests by reason, or in all where vLLM gives no reasons. */
function waiting(scope: Scope): ChartLine[] {
  const byReason = scope.gauges("num_requests_waiting_by_reason", { by: ["reason"] });
  return byReason.length > 0
    ? linesBy("reason", byReason)
    : linesOf({ waiting: scope.gauge("num_requests_waiting") });
}

/** The charts of running and waiting requests and of engine steps. */
export const SCHEDULER_RULES: readonly ChartRule[] = [
  {
    id: "running",
    title: "Running requests",
    unit: "requests",
    kind: "line",
    explanation: {
      shows: "Requests that are being worked on.",
      normal: "Under max_num_seqs times the number of engines.",
      action: "If it stays at that limit while requests wait and the KV cache has room, raise " +
        "max_num_seqs.",
    },
    inAllVersions: true,
    zeroIsNothing: false,
    onlyWhenPresent: false,
    read: (scope) => linesOf({ running: scope.gauge("num_requests_running") }),
  },
  {
    id: "waiting",
    title: "Waiting requests",
    unit: "requests",
    kind: "stacked",
    explanation: {
      shows: "Requests that wait: capacity means that there is no room for them, deferred means " +
        "that they wait for something else, such as a LoRA adapter or a KV transfer.",
      normal: "0, with short peaks.",
      action: "Look at the KV cache. If it is full, memory is short; if not, the limits of the " +
        "scheduler are (max_num_seqs, max_num_batched_tokens).",
    },
    inAllVersions: true,
    zeroIsNothing: false,
    onlyWhenPresent: false,
    read: waiting,
  },
  {
    id: "step_tokens",
    title: "Tokens per engine step",
    unit: "tokens",
    kind: "line",
    explanation: {
      shows: "How many tokens the engine works on in one step, prompts and answers together.",
      normal: "It grows with the load, up to max_num_batched_tokens.",
      action: "If p99 stays at max_num_batched_tokens and first tokens are slow, raise it; " +
        "lower it if the time between tokens suffers.",
    },
    inAllVersions: true,
    zeroIsNothing: false,
    onlyWhenPresent: false,
    read: (scope) =>
      linesOf({
        mean: scope.mean("iteration_tokens_total"),
        p99: scope.quantile(0.99, "iteration_tokens_total"),
      }),
  },
];
