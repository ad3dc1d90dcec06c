/** How big and how fast a simulated engine is. */

/** Speculative decoding: tokens guessed ahead at each step. */
export interface Speculation {
  /** The chance, 0 to 1, that a guess is right when those before it were, by position. */
  readonly acceptance: readonly number[];
}

/** The settings of one engine; names are those of vLLM's options where there is one. */
export interface EngineOptions {
  /** Prompt and answer together are not longer, in tokens. */
  readonly maxModelLen: number;
  /** Requests in a step at most. */
  readonly maxNumSeqs: number;
  /** Tokens computed in a step at most. */
  readonly maxNumBatchedTokens: number;
  /** Blocks of 16 tokens in the KV cache. */
  readonly numGpuBlocks: number;
  /** What a step takes whatever is in it, in milliseconds. */
  readonly stepMs: number;
  /** What each request that decodes adds, in milliseconds. */
  readonly sequenceMs: number;
  /** What each 1000 tokens in the KV cache of the batch add, in milliseconds. */
  readonly contextMs: number;
  /** Prompt tokens computed in a second, beside the rest of a step. */
  readonly prefillTokensPerSecond: number;
  /** All times are so many times as long; 1 is normal. */
  readonly slowness: number;
  /** Speculative decoding; undefined without. */
  readonly speculation: Speculation | undefined;
  /** Whether a request whose client went away is counted: the Rust front end does, Python's not. */
  readonly countsAborts: boolean;
}

/** About what an 8B model does on one GPU with 48 GB. */
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

/** Tokens in a block of the KV cache. */
export const BLOCK_TOKENS = 16;
