/** A request inside an engine. */

import type { Demand } from "./workload.ts";

/** A demand and how far it has come. Times are in milliseconds. */
export interface EngineRequest extends Demand {
  /** When it came. */
  readonly arrivedMs: number;
  /** Tokens that have been put out. */
  generated: number;
  /** Tokens of prompt and answer that are in the KV cache. */
  computed: number;
  /** Tokens that the step under way computes. */
  scheduled: number;
  /** Prompt tokens that its first admission found in the cache. */
  cachedTokens: number;
  /** Blocks of its own in the KV cache. */
  blocks: number;
  /** Blocks of its common text that it shares with others. */
  sharedBlocks: number;
  /** When its first step began; -1 before. */
  scheduledMs: number;
  /** When its first token was out; -1 before. */
  firstTokenMs: number;
  /** When its latest token was out. */
  lastTokenMs: number;
  /** How often it lost its place. */
  preemptions: number;
}

/** A request that has just come. */
export function newRequest(demand: Demand, arrivedMs: number): EngineRequest {
  return {
    ...demand,
    arrivedMs,
    generated: 0,
    computed: 0,
    scheduled: 0,
    cachedTokens: 0,
    blocks: 0,
    sharedBlocks: 0,
    scheduledMs: -1,
    firstTokenMs: -1,
    lastTokenMs: -1,
    preemptions: 0,
  };
}
