/** What a rule is, and where vLLM's documentation says more. */

import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";

/** Looks at the numbers; gives what is wrong, or undefined when nothing is. */
export type Rule = (observations: Observations) => Finding | undefined;

const DOCS = "https://docs.vllm.ai/en/stable";

/** Pages of vLLM's documentation. */
export const LINKS = {
  tuning: `${DOCS}/configuration/optimization/`,
  preemption: `${DOCS}/configuration/optimization/#preemption`,
  chunkedPrefill: `${DOCS}/configuration/optimization/#chunked-prefill`,
  memory: `${DOCS}/configuration/conserving_memory/`,
  engineArguments: `${DOCS}/configuration/engine_args/`,
  serve: `${DOCS}/cli/serve/`,
  prefixCaching: `${DOCS}/features/automatic_prefix_caching/`,
  sleepMode: `${DOCS}/features/sleep_mode/`,
  dataParallel: `${DOCS}/serving/data_parallel_deployment/`,
  troubleshooting: `${DOCS}/usage/troubleshooting/`,
  metrics: `${DOCS}/usage/metrics/`,
} as const;

/** Counts with their noun: `1 request`, `12 requests`. */
export function count(number: number, noun: string): string {
  const rounded = Math.round(number);
  return `${rounded.toLocaleString("en-US")} ${noun}${rounded === 1 ? "" : "s"}`;
}
