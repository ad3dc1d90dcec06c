/** Which requests an engine computes in a step. */

import { BLOCK_TOKENS, type EngineOptions } from "./engine_options.ts";
import type { EngineRequest } from "./engine_request.ts";
import { KvCache } from "./kv_cache.ts";
import { RequestQueue } from "./request_queue.ts";

/** Told of what happens to requests while a step is put together. */
export interface SchedulerEvents {
  /** A request begins its first step. */
  readonly onFirstAdmission: (request: EngineRequest, nowMs: number) => void;
  /** A request lost its place for want of blocks. */
  readonly onPreempted: () => void;
}

function blocksFor(tokens: number): number {
  return Math.ceil(tokens / BLOCK_TOKENS);
}

/**
 * The queue, the batch and the KV cache. Like vLLM's scheduler it computes, at each step, one token
 * of every request that decodes, then prompts in the order they came, in pieces when they are long,
 * up to the limits of requests and tokens. A request that finds no block for its next token takes
 * them from the one that was admitted last, which begins again from the head of the queue.
 */
export class Scheduler {
  /** The requests of the batch, in the order in which they were admitted. */
  running: EngineRequest[] = [];
  /** The requests that wait. */
  readonly waiting: RequestQueue = new RequestQueue();
  /** The blocks. */
  readonly kv: KvCache;
  readonly #options: EngineOptions;
  readonly #events: SchedulerEvents;

  /**
   * Begins with nothing to do.
   *
   * @param options The limits.
   * @param events Who is told of what.
   */
  constructor(options: EngineOptions, events: SchedulerEvents) {
    this.#options = options;
    this.#events = events;
    this.kv = new KvCache(options.numGpuBlocks);
  }

  /** Puts a step together: every request of the batch knows how many of its tokens are computed. */
  schedule(nowMs: number): void {
    let budget = this.#options.maxNumBatchedTokens;
    let isShort = false;
    // The list may lose its end while it is walked through.
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

  /** Gives back the blocks of a request. */
  release(request: EngineRequest): void {
    this.kv.give(request.blocks);
    if (request.sharedBlocks > 0) this.kv.leave(request.prefix);
    request.blocks = 0;
    request.sharedBlocks = 0;
  }

  /** Lets others use the common text of a request that has been computed. */
  share(request: EngineRequest): void {
    const { prefix, prefixTokens, sharedBlocks } = request;
    const blocks = Math.floor(prefixTokens / BLOCK_TOKENS);
    if (prefix < 0 || sharedBlocks > 0 || blocks === 0 || !this.kv.share(prefix, blocks)) return;
    request.sharedBlocks = blocks;
    request.blocks -= blocks;
  }

  /** Takes the blocks that a request needs in this step; false when somebody lost its place. */
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
    this.#events.onPreempted();
    this.waiting.pushFront(request);
  }

  #admit(nowMs: number, tokens: number): void {
    let budget = tokens;
    while (budget > 0 && this.running.length < this.#options.maxNumSeqs) {
      const request = this.waiting.first;
      if (request === undefined) return;
      const known = request.promptTokens + request.generated;
      const blocks = blocksFor(known);
      const cached = this.kv.admit(blocks, request.prefix);
      if (cached === undefined) return;
      this.waiting.shift();
      request.sharedBlocks = cached;
      request.blocks = blocks - cached;
      request.computed = cached * BLOCK_TOKENS;
      if (request.scheduledMs < 0) this.#events.onFirstAdmission(request, nowMs);
      request.scheduled = Math.min(known - request.computed, budget);
      budget -= request.scheduled;
      this.running.push(request);
    }
  }
}
