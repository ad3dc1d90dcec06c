/** Charts of speculative decoding, for servers that use it. */

import { divide } from "../line.ts";
import type { Scope } from "../scope.ts";
import { type ChartLine, type ChartRule, linesOf } from "./chart_rule.ts";

const ACCEPTED = "spec_decode_num_accepted_tokens_total";

/** Tokens that one step of the target model yields: its own and the accepted ones. */
function meanLength(scope: Scope): ChartLine[] {
  const [accepted, drafts] = [scope.rate(ACCEPTED), scope.rate("spec_decode_num_drafts_total")];
  if (accepted === undefined || drafts === undefined) return [];
  const values = divide(accepted, drafts).map((value) => value === null ? null : 1 + value);
  return [{ name: "mean", values }];
}

const SHARED = {
  kind: "line",
  inAllVersions: false,
  zeroIsNothing: false,
  onlyWhenPresent: true,
} as const;

/** The charts of speculative decoding. */
export const SPECULATION_RULES: readonly ChartRule[] = [
  {
    ...SHARED,
    id: "draft_acceptance",
    title: "Accepted draft tokens",
    unit: "share",
    explanation: {
      shows: "Part of the tokens guessed by the draft that the model took.",
      normal: "Over 50 %, depending on the draft and the text.",
      action: "If it is low, guessing costs more than it brings: lower num_speculative_tokens, " +
        "or use another draft.",
    },
    read: (scope) =>
      linesOf({ accepted: scope.ratio(ACCEPTED, "spec_decode_num_draft_tokens_total") }),
  },
  {
    ...SHARED,
    id: "draft_length",
    title: "Tokens per speculative step",
    unit: "tokens",
    explanation: {
      shows: "How many tokens one step of the model yields: one of its own and the accepted ones.",
      normal: "Well over 1.",
      action: "Near 1 speculative decoding is of no use: switch it off, or use another draft.",
    },
    read: meanLength,
  },
];
