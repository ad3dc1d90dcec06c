/** The tiles at the top of the page. */

import type { Goals } from "../config/goals.ts";
import { formatSeconds } from "./format.ts";
import {
  GOAL_LIMITS,
  goalLimits,
  KV_CACHE_LIMITS,
  levelAbove,
  levelBelow,
  PREEMPTION_LIMITS,
  PREFIX_LIMITS,
  SUCCESS_LIMITS,
  WAITING_LIMITS,
} from "./levels.ts";
import type { Line } from "./line.ts";
import type { Scope } from "./scope.ts";
import { successShare } from "./success.ts";
import type { Level, Unit } from "./view.ts";

/** How a tile comes about. */
export interface TileRule {
  /** Stable name. */
  readonly id: string;
  /** Title in plain words. */
  readonly title: string;
  /** How the value is written. */
  readonly unit: Unit;
  /** Whether all versions of vLLM have its metric, at the latest after the first request. */
  readonly inAllVersions: boolean;
  /** Whether 0 means that there was nothing, while no request is there. */
  readonly zeroIsNothing: boolean;
  /** Asks for the values; undefined when there is no such series. */
  readonly read: (scope: Scope, goals: Goals) => Line | undefined;
  /** Judges a value. */
  readonly level: (value: number, goals: Goals) => Level;
  /** One sentence or two: what it is, and at which values its level changes. */
  readonly explain: (goals: Goals) => string;
}

/** The level of a number that is neither good nor bad. */
const none = (): Level => "none";

/** All tiles, in the order of the page. */
export const TILE_RULES: readonly TileRule[] = [
  {
    id: "requests",
    title: "Requests",
    unit: "requests/s",
    inAllVersions: true,
    zeroIsNothing: true,
    read: (scope) => scope.rate("request_success_total"),
    level: none,
    explain: () => "Requests that ended, per second, however they ended.",
  },
  {
    id: "prompt_tokens",
    title: "Input tokens",
    unit: "tokens/s",
    inAllVersions: true,
    zeroIsNothing: true,
    read: (scope) => scope.rate("prompt_tokens_total"),
    level: none,
    explain: () =>
      "Prompt tokens taken in per second, those from the cache included. " +
      "They are counted when a request gets its first token.",
  },
  {
    id: "generation_tokens",
    title: "Output tokens",
    unit: "tokens/s",
    inAllVersions: true,
    zeroIsNothing: true,
    read: (scope) => scope.rate("generation_tokens_total"),
    level: none,
    explain: () => "Tokens generated per second.",
  },
  {
    id: "running",
    title: "Running",
    unit: "requests",
    inAllVersions: true,
    zeroIsNothing: false,
    read: (scope) => scope.gauge("num_requests_running"),
    level: none,
    explain: () => "Requests that are being worked on now.",
  },
  {
    id: "waiting",
    title: "Waiting",
    unit: "requests",
    inAllVersions: true,
    zeroIsNothing: false,
    read: (scope) => scope.gauge("num_requests_waiting"),
    level: (value) => levelAbove(value, WAITING_LIMITS),
    explain: () =>
      "Requests that wait to be worked on. A warning from 1 on, since vLLM is full then; " +
      "bad from 50 on.",
  },
  {
    id: "kv_cache",
    title: "KV cache",
    unit: "share",
    inAllVersions: true,
    zeroIsNothing: false,
    read: (scope) => scope.gauge("kv_cache_usage_perc", "max"),
    level: (value) => levelAbove(value, KV_CACHE_LIMITS),
    explain: () =>
      "Part of the KV cache that running requests use, of the fullest engine. " +
      "A warning from 90 % on, bad from 98 % on.",
  },
  {
    id: "prefix_hits",
    title: "Prefix cache hits",
    unit: "share",
    inAllVersions: true,
    zeroIsNothing: false,
    read: (scope) => scope.ratio("prefix_cache_hits_total", "prefix_cache_queries_total"),
    level: (value) => levelBelow(value, PREFIX_LIMITS),
    explain: () =>
      "Part of the prompt tokens that came from the prefix cache. A warning under 30 %, " +
      "which is no fault where prompts have nothing in common.",
  },
  {
    id: "ttft_p95",
    title: "Time to first token, p95",
    unit: "seconds",
    inAllVersions: true,
    zeroIsNothing: false,
    read: (scope) => scope.quantile(0.95, "time_to_first_token_seconds"),
    level: (value, { ttftSeconds }) => levelAbove(value, goalLimits(ttftSeconds)),
    explain: ({ ttftSeconds }) =>
      `Of 20 requests, 19 got their first token sooner. A warning from ${
        formatSeconds(ttftSeconds)
      } on (SLO_TTFT), bad from ${formatSeconds(goalLimits(ttftSeconds).bad)} on.`,
  },
  {
    id: "inter_token_p95",
    title: "Time between tokens, p95",
    unit: "seconds",
    inAllVersions: true,
    zeroIsNothing: false,
    read: (scope) => scope.quantile(0.95, "inter_token_latency_seconds"),
    level: (value, { tpotSeconds }) => levelAbove(value, goalLimits(tpotSeconds)),
    explain: ({ tpotSeconds }) =>
      `Of 20 pauses between two outputs of an answer, 19 were shorter. A warning from ${
        formatSeconds(tpotSeconds)
      } on (SLO_TPOT), bad from ${formatSeconds(goalLimits(tpotSeconds).bad)} on.`,
  },
  {
    id: "e2e_p95",
    title: "Whole request, p95",
    unit: "seconds",
    inAllVersions: true,
    zeroIsNothing: false,
    read: (scope) => scope.quantile(0.95, "e2e_request_latency_seconds"),
    level: none,
    explain: () =>
      "Of 20 requests, 19 were answered to the end in less time. " +
      "It has no level, since it depends on the length of the answers.",
  },
  {
    id: "success",
    title: "Success",
    unit: "share",
    inAllVersions: true,
    zeroIsNothing: false,
    read: successShare,
    level: (value) => levelBelow(value, SUCCESS_LIMITS),
    explain: () =>
      "Part of the ended requests that neither failed nor were given up by the client. " +
      "A warning under 99 %, bad under 95 %.",
  },
  {
    id: "preemptions",
    title: "Preemptions",
    unit: "events/s",
    inAllVersions: true,
    zeroIsNothing: false,
    read: (scope) => scope.rate("num_preemptions_total"),
    level: (value) => levelAbove(value, PREEMPTION_LIMITS),
    explain: () =>
      "How often per second a running request lost its place in the KV cache and has to be " +
      "computed again. A warning from 0.001 on, bad from 1 on.",
  },
  {
    id: "ttft_goal",
    title: "First token within goal",
    unit: "share",
    inAllVersions: true,
    zeroIsNothing: false,
    read: (scope, { ttftSeconds }) => scope.share(ttftSeconds, "time_to_first_token_seconds"),
    level: (value) => levelBelow(value, GOAL_LIMITS),
    explain: ({ ttftSeconds }) =>
      `Part of the requests that got their first token within ${
        formatSeconds(ttftSeconds)
      } (SLO_TTFT). A warning under 99 %, bad under 90 %.`,
  },
  {
    id: "tpot_goal",
    title: "Further tokens within goal",
    unit: "share",
    inAllVersions: false,
    zeroIsNothing: false,
    read: (scope, { tpotSeconds }) =>
      scope.share(tpotSeconds, "request_time_per_output_token_seconds"),
    level: (value) => levelBelow(value, GOAL_LIMITS),
    explain: ({ tpotSeconds }) =>
      `Part of the requests whose further tokens took ${
        formatSeconds(tpotSeconds)
      } each or less on average (SLO_TPOT). A warning under 99 %, bad under 90 %.`,
  },
];
