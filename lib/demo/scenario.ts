/** The scenarios of `vllm-metrics demo`: an engine, its clients, and their load over time. */

import { CHAT, type Workload } from "./workload.ts";

/** Tokens per KV cache block. */
export const BLOCK_TOKENS = 16;

/** Size and speed of an engine; names are those of vLLM's settings where there is one. */
export type EngineOptions = {
  /** Limit of prompt and output together, in tokens. */
  readonly maxModelLen: number;
  readonly maxNumSeqs: number;
  /** Most tokens computed per step. */
  readonly maxNumBatchedTokens: number;
  /** KV cache size in blocks. */
  readonly numGpuBlocks: number;
  /** Fixed time per step, in milliseconds. */
  readonly stepMs: number;
  /** Time each decoding request adds to a step, in milliseconds. */
  readonly sequenceMs: number;
  /** Time each 1000 tokens in the batch's KV cache add to a step, in milliseconds. */
  readonly contextMs: number;
  /** Prefill speed; prefill adds to the step's time. */
  readonly prefillTokensPerSecond: number;
  /** Factor on all times; 1 is normal. */
  readonly slowness: number;
  readonly speculation: Speculation | undefined;
  /** Whether aborted requests are counted: the Rust front end does, the Python one does not. */
  readonly countsAborts: boolean;
};

/** Speculative decoding. */
export type Speculation = {
  /** By position: the chance, 0 to 1, that a draft token is accepted if those before it were. */
  readonly acceptance: readonly number[];
};

/** Roughly an 8B model on one GPU with 48 GB. */
export const ONE_GPU: EngineOptions = {
  maxModelLen: 16_384,
  maxNumSeqs: 128,
  maxNumBatchedTokens: 2_048,
  numGpuBlocks: 6_000,
  stepMs: 15,
  sequenceMs: 0.12,
  contextMs: 0.04,
  prefillTokensPerSecond: 9_000,
  slowness: 1,
  speculation: undefined,
  countsAborts: false,
};

/** State of a server: `down` refuses connections, `asleep` has released its GPU memory. */
export type ServerState = "awake" | "asleep" | "down";

/** A period of constant load. */
export type Phase = {
  /** May be infinite. */
  readonly durationMs: number;
  /** Arrival rate as a multiple of the workload's; used only while awake. */
  readonly load: number;
  readonly state?: ServerState;
};

/** What a simulated server runs. */
export type Scenario = {
  readonly description: string;
  /** Load over time; repeats. */
  readonly phases: readonly [Phase, ...Phase[]];
  readonly workload: Workload;
  readonly engine: EngineOptions;
};

/** The names of the scenarios, the default first. */
export const SCENARIO_NAMES = ["steady", "busy", "burst", "outage", "sleep"] as const;
/** One of them. */
export type ScenarioName = typeof SCENARIO_NAMES[number];

const USUAL = { workload: CHAT, engine: ONE_GPU } as const;

/** The scenarios by name. */
export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  steady: {
    ...USUAL,
    description: "even traffic well within one GPU",
    phases: [{ durationMs: Infinity, load: 1 }],
  },
  busy: {
    ...USUAL,
    description: "more than one GPU can serve: a queue, a full KV cache, preemptions",
    phases: [{ durationMs: 240_000, load: 2.2 }, { durationMs: 120_000, load: 0.7 }],
    engine: { ...ONE_GPU, numGpuBlocks: 2_400 },
  },
  burst: {
    ...USUAL,
    description: "light traffic with a 10 s burst every minute",
    phases: [{ durationMs: 50_000, load: 0.4 }, { durationMs: 10_000, load: 6 }],
  },
  outage: {
    ...USUAL,
    description: "every two minutes the server is down for 30 s and restarts with empty counters",
    phases: [{ durationMs: 90_000, load: 1 }, { durationMs: 30_000, load: 0, state: "down" }],
  },
  sleep: {
    ...USUAL,
    description: "every two minutes the server sleeps for 45 s",
    phases: [{ durationMs: 75_000, load: 1 }, { durationMs: 45_000, load: 0, state: "asleep" }],
  },
};
