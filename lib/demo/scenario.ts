/** The scenarios that `vllm-metrics demo` offers. */

import { type EngineOptions, ONE_GPU } from "./engine_options.ts";
import type { Phase } from "./schedule.ts";
import { CHAT, type Workload } from "./workload.ts";

/** Names of scenarios, the usual one first. */
export const SCENARIO_NAMES = ["steady", "busy", "burst", "outage", "sleep"] as const;
/** One of them. */
export type ScenarioName = typeof SCENARIO_NAMES[number];

/** What makes a scenario. */
export interface Scenario {
  /** What happens, in a few words. */
  readonly description: string;
  /** Load and state over time; repeated. */
  readonly phases: readonly [Phase, ...Phase[]];
  /** What clients ask for. */
  readonly workload: Workload;
  /** How big and how fast each engine is. */
  readonly engine: EngineOptions;
}

const USUAL = { workload: CHAT, engine: ONE_GPU } as const;

/** The scenarios by name. */
export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  steady: {
    ...USUAL,
    description: "even traffic that one GPU bears well",
    phases: [{ durationMs: Infinity, load: 1 }],
  },
  busy: {
    ...USUAL,
    description: "more than it bears: a queue, a full KV cache, preemptions",
    phases: [{ durationMs: 240_000, load: 2.2 }, { durationMs: 120_000, load: 0.7 }],
    engine: { ...ONE_GPU, numGpuBlocks: 2_400 },
  },
  burst: {
    ...USUAL,
    description: "quiet, and every minute ten seconds of a rush",
    phases: [{ durationMs: 50_000, load: 0.4 }, { durationMs: 10_000, load: 6 }],
  },
  outage: {
    ...USUAL,
    description:
      "every two minutes the server is gone for 30 s and comes back with nothing counted",
    phases: [
      { durationMs: 90_000, load: 1 },
      { durationMs: 30_000, load: 0, state: "down" },
    ],
  },
  sleep: {
    ...USUAL,
    description: "every two minutes the server is put to sleep for 45 s",
    phases: [
      { durationMs: 75_000, load: 1 },
      { durationMs: 45_000, load: 0, state: "asleep" },
    ],
  },
};
