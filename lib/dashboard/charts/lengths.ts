/** Heat maps of how long prompts and answers are. */

import type { Buckets } from "../../history/history.ts";
import type { ChartLine, ChartRule } from "./chart_rule.ts";

/** A bucket's name: its upper bound, as Prometheus writes it. */
function boundName(bound: number): string {
  return bound === Infinity ? "+Inf" : String(bound);
}

/** One line a bucket; those outside of what was ever observed are left out. */
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

const SHARED = {
  unit: "count",
  kind: "heatmap",
  inAllVersions: true,
  zeroIsNothing: true,
  onlyWhenPresent: false,
} as const;

/** The heat maps of lengths. */
export const LENGTH_RULES: readonly ChartRule[] = [
  {
    ...SHARED,
    id: "prompt_length",
    title: "Length of prompts",
    explanation: {
      shows: "How many requests had prompts of which length, in tokens; a row is a bucket, " +
        "named by its upper bound.",
      normal: "A steady band.",
      action: "If the band moves up, prompts grow, and with them the time to first token and " +
        "the use of the KV cache.",
    },
    read: (scope) => bucketLines(scope.buckets("request_prompt_tokens")),
  },
  {
    ...SHARED,
    id: "output_length",
    title: "Length of answers",
    explanation: {
      shows: "How many requests had answers of which length, in tokens; a row is a bucket, " +
        "named by its upper bound.",
      normal: "A steady band.",
      action: "If all lies in one row, a max_tokens cuts the answers off: see how requests end.",
    },
    read: (scope) => bucketLines(scope.buckets("request_generation_tokens")),
  },
];
