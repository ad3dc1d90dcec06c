/** Decides which requests an engine computes in a step. */

import { KvCache } from "./kv_cache.ts";
import { BLOCK_TOKENS, type EngineOptions } from "./scenario.ts";
import type { EngineStats } from "./stats.ts";
import type { EngineRequest } from "./workload.ts";

function blocksFor(tokens: number): number {
  return Math.ceil(tokens / BLOCK_TOKENS);
}

/**
 * The queue, the batch and the KV cache. Like vLLM's scheduler, each step computes one token of
 * every decoding request, then prompts first come first served, long ones in chunks, up to the
 * limits of requests and tokens. A request that finds no free block preempts the request admitted
 * last, which is recomputed from the head of the queue.
 */
export class Scheduler {
  /** The batch, in order of admission. */
  running: EngineRequest[] = [];
  /** The queue. */
  waiting: EngineRequest[] = [];
  /** The blocks. */
  readonly kv: KvCache;
  readonly #options: EngineOptions;
  readonly #stats: EngineStats;

  /** Admissions and preemptions are counted in `stats`. */
  constructor(options: EngineOptions, stats: EngineStats) {
    this.#options = options;
    this.#stats = stats;
    this.kv = new KvCache(options.numGpuBlocks);
  }

  /** Prepares a step: sets how many tokens of each running request it computes. */
  schedule(nowMs: number): void {
    let budget = this.#options.maxNumBatchedTokens;
    let isShort = false;
    // Preemption shortens the list during the loop.
    for (let index = 0; index < this.running.length; index++) {
      const request = this.running[index];
      if (request === undefined) break;
      const wanted = request.promptTokens + request.generated - request.computed;
      request.scheduled = Math.min(wanted, budget);
      if (!this.#grow(request)) isShort = true;
      budget -= request.scheduled;
    }
    if (!isShort) this.#admit(nowMs, budget);
  }

  /** Frees the blocks of a request. */
  release(request: EngineRequest): void {
    this.kv.give(request.blocks);
    if (request.sharedBlocks > 0) this.kv.leave(request.prefix);
    request.blocks = 0;
    request.sharedBlocks = 0;
  }

  /** Shares the prefix of a request whose prompt has been computed. */
  share(request: EngineRequest): void {
    const { prefix, prefixTokens, sharedBlocks } = request;
    const blocks = Math.floor(prefixTokens / BLOCK_TOKENS);
    if (prefix < 0 || sharedBlocks > 0 || blocks === 0 || !this.kv.share(prefix, blocks)) return;
    request.sharedBlocks = blocks;
    request.blocks -= blocks;
  }

  /** Takes the blocks that a request needs in this step; false when a request was preempted. */
  #grow(request: EngineRequest): boolean {
    const { maxModelLen, speculation } = this.#options;
    const ahead = speculation?.acceptance.length ?? 0;
    const reach = Math.min(request.computed + request.scheduled + ahead, maxModelLen);
    const blocks = blocksFor(reach) - request.blocks - request.sharedBlocks;
    if (blocks <= 0) return true;
    let isFree = true;
    while (!this.kv.take(blocks)) {
      isFree = false;
      const last = this.running.pop();
      if (last === undefined) return false;
      this.#preempt(last);
      if (last === request) return false;
    }
    request.blocks += blocks;
    return isFree;
  }

  #preempt(request: EngineRequest): void {
    this.release(request);
    request.computed = 0;
    request.scheduled = 0;
    request.preemptions++;
    this.#stats.preemptions++;
    this.waiting.unshift(request);
  }

  #admit(nowMs: number, tokens: number): void {
    let budget = tokens;
    while (budget > 0 && this.running.length < this.#options.maxNumSeqs) {
      const request = this.waiting[0];
      if (request === undefined) return;
      const known = request.promptTokens + request.generated;
      const blocks = blocksFor(known);
      const cached = this.kv.admit(blocks, request.prefix);
      if (cached === undefined) return;
      this.waiting.shift();
      request.sharedBlocks = cached;
      request.blocks = blocks - cached;
      request.computed = cached * BLOCK_TOKENS;
      if (request.scheduledMs < 0) this.#stats.countAdmission(request, nowMs);
      request.scheduled = Math.min(known - request.computed, budget);
      budget -= request.scheduled;
      this.running.push(request);
    }
  }
}
