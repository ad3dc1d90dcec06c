/** A queueing model of one vLLM engine: a queue, a batch, a KV cache, and steps that take time. */

import { tokenBuckets } from "./buckets.ts";
import { BLOCK_TOKENS, type EngineOptions } from "./engine_options.ts";
import type { EngineRequest } from "./engine_request.ts";
import { EngineStats } from "./engine_stats.ts";
import { KvCache } from "./kv_cache.ts";
import type { Random } from "./random.ts";
import { RequestQueue } from "./request_queue.ts";

/** Takes a request that ended, and when, in milliseconds. */
export type OnFinished = (request: EngineRequest, nowMs: number) => void;

/** What an engine is made of. */
export interface EngineParts {
  /** How big and how fast it is. */
  readonly options: EngineOptions;
  /** Decides which guesses of speculative decoding are right. */
  readonly random: Random;
  /** The buckets of lengths; undefined for those of vLLM's Python front end. */
  readonly tokenBounds: readonly number[] | undefined;
  /** Told of each request that ended. */
  readonly onFinished: OnFinished;
}

function blocksFor(tokens: number): number {
  return Math.ceil(tokens / BLOCK_TOKENS);
}

/**
 * The engine. Like vLLM's scheduler it computes, at each step, one token of every request that
 * decodes, then prompts in the order they came, in pieces when they are long, up to the limits of
 * requests and tokens. A request that finds no block for its next token takes them from the one
 * that was admitted last, which begins again from the head of the queue.
 */
export class Engine {
  /** What it has counted. */
  readonly stats: EngineStats;
  /** How big and how fast it is. */
  readonly options: EngineOptions;
  /** When the step under way ends, in milliseconds; infinite when there is none. */
  stepEndMs: number = Infinity;
  readonly #parts: EngineParts;
  readonly #kv: KvCache;
  readonly #waiting = new RequestQueue();
  #running: EngineRequest[] = [];
  #stepStartMs = 0;

  /**
   * Makes an engine with nothing to do.
   *
   * @param parts Its options, and what it needs from outside.
   * @throws {RangeError} When the KV cache cannot hold the longest request.
   */
  constructor(parts: EngineParts) {
    const { options } = parts;
    if (options.numGpuBlocks * BLOCK_TOKENS < options.maxModelLen) {
      throw new RangeError(
        `Cannot simulate an engine as 'numGpuBlocks' must hold 'maxModelLen' tokens: ` +
          `current value is ${options.numGpuBlocks}`,
      );
    }
    this.#parts = parts;
    this.options = options;
    this.#kv = new KvCache(options.numGpuBlocks);
    this.stats = new EngineStats(
      parts.tokenBounds ?? tokenBuckets(options.maxModelLen),
      options.speculation?.acceptance.length ?? 0,
    );
  }

  /** Requests in the batch. */
  get running(): number {
    return this.#running.length;
  }

  /** Requests in the queue. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Share of the KV cache in use, 0 to 1. */
  get kvUsage(): number {
    return this.#kv.usage;
  }

  /** Takes a request; an engine with nothing to do begins with it at once. */
  add(request: EngineRequest): void {
    this.#waiting.push(request);
    if (this.stepEndMs === Infinity) this.#begin(request.arrivedMs);
  }

  /** Breaks off all requests and forgets what the KV cache holds, as vLLM does that goes to sleep. */
  sleep(nowMs: number): void {
    const requests = [...this.#running, ...this.#waiting.clear()];
    this.#running = [];
    this.stepEndMs = Infinity;
    for (const request of requests) {
      this.#release(request);
      this.#finish({ ...request, reason: "abort" }, nowMs);
    }
    this.#kv.forget();
  }

  /** Ends the step under way and begins the next. */
  endStep(): void {
    const nowMs = this.stepEndMs;
    const { stats } = this;
    const before = stats.promptTokens - stats.cachedTokens + stats.generationTokens;
    const outputs = stats.generationTokens;
    let even = 0;
    for (const request of this.#running) {
      if (request.scheduled === 0) continue;
      request.computed += request.scheduled;
      if (request.computed < request.promptTokens + request.generated) continue;
      if (request.firstTokenMs < 0) this.#firstToken(request, nowMs);
      else if (request.lastTokenMs === this.#stepStartMs) even++;
      else stats.interToken.observe((nowMs - request.lastTokenMs) / 1_000);
      request.lastTokenMs = nowMs;
      this.#emit(request);
    }
    // Most requests had their latest token when the step began: one look for their bucket.
    if (even > 0) stats.interToken.observe((nowMs - this.#stepStartMs) / 1_000, even);
    if (stats.generationTokens > outputs) {
      const after = stats.promptTokens - stats.cachedTokens + stats.generationTokens;
      stats.iteration.observe(after - before);
    }
    this.#removeFinished(nowMs);
    this.#begin(nowMs);
  }

  #firstToken(request: EngineRequest, nowMs: number): void {
    request.firstTokenMs = nowMs;
    this.stats.countFirstToken(request, nowMs);
  }

  #emit(request: EngineRequest): void {
    const left = request.outputTokens - request.generated;
    const guessed = request.generated > 0 ? this.#accepted() : 0;
    const tokens = Math.min(left, 1 + guessed);
    request.generated += tokens;
    // Right guesses are in the KV cache already.
    request.computed += tokens - 1;
    this.stats.generationTokens += tokens;
  }

  #accepted(): number {
    const { speculation } = this.options;
    if (speculation === undefined) return 0;
    const { stats } = this;
    stats.drafts++;
    stats.draftTokens += speculation.acceptance.length;
    let accepted = 0;
    for (const chance of speculation.acceptance) {
      if (this.#parts.random.next() >= chance) break;
      stats.acceptedByPosition[accepted] = (stats.acceptedByPosition[accepted] ?? 0) + 1;
      accepted++;
    }
    return accepted;
  }

  #removeFinished(nowMs: number): void {
    let kept = 0;
    for (const request of this.#running) {
      this.#shareText(request);
      if (request.generated < request.outputTokens) {
        this.#running[kept++] = request;
        continue;
      }
      this.#release(request);
      this.#finish(request, nowMs);
    }
    this.#running.length = kept;
  }

  /** A request that ended before its first token has no times that could be counted. */
  #finish(request: EngineRequest, nowMs: number): void {
    const isCounted = request.reason !== "abort" || this.options.countsAborts;
    if (isCounted && request.firstTokenMs >= 0) this.stats.countFinished(request, nowMs);
    this.#parts.onFinished(request, nowMs);
  }

  /** A common text that has been computed is there for others. */
  #shareText(request: EngineRequest): void {
    const { prefix, prefixTokens, lastTokenMs } = request;
    if (prefix < 0 || request.sharedBlocks > 0 || lastTokenMs !== request.firstTokenMs) return;
    if (lastTokenMs !== this.stepEndMs) return;
    const blocks = Math.floor(prefixTokens / BLOCK_TOKENS);
    if (blocks === 0 || !this.#kv.share(prefix, blocks)) return;
    request.sharedBlocks = blocks;
    request.blocks -= blocks;
  }

  #release(request: EngineRequest): void {
    this.#kv.give(request.blocks);
    if (request.sharedBlocks > 0) this.#kv.leave(request.prefix);
    request.blocks = 0;
    request.sharedBlocks = 0;
  }

  /** Schedules a step, as long as there is anything to do. */
  #begin(nowMs: number): void {
    const { options } = this;
    let budget = options.maxNumBatchedTokens;
    const preemptions = this.stats.preemptions;
    // The list may lose its end while it is walked through.
    for (let index = 0; index < this.#running.length; index++) {
      const request = this.#running[index];
      if (request === undefined) break;
      budget -= this.#schedule(request, budget);
    }
    if (this.stats.preemptions === preemptions) this.#admit(nowMs, budget);
    this.#stepStartMs = nowMs;
    this.stepEndMs = this.#running.length === 0 ? Infinity : nowMs + this.#stepMs();
  }

  /** Gives a request its tokens of the next step; gives how many. */
  #schedule(request: EngineRequest, budget: number): number {
    const wanted = request.promptTokens + request.generated - request.computed;
    const tokens = Math.min(wanted, budget);
    const ahead = this.options.speculation?.acceptance.length ?? 0;
    const reach = Math.min(request.computed + tokens + ahead, this.options.maxModelLen);
    const blocks = blocksFor(reach) - request.blocks - request.sharedBlocks;
    while (blocks > 0 && !this.#kv.take(blocks)) {
      const last = this.#running.pop();
      if (last === undefined) return 0;
      this.#preempt(last);
      if (last === request) return 0;
    }
    if (blocks > 0) request.blocks += blocks;
    request.scheduled = tokens;
    return tokens;
  }

  #preempt(request: EngineRequest): void {
    this.#release(request);
    request.computed = 0;
    request.scheduled = 0;
    request.preemptions++;
    this.stats.preemptions++;
    this.#waiting.pushFront(request);
  }

  #admit(nowMs: number, tokens: number): void {
    let budget = tokens;
    while (budget > 0 && this.#running.length < this.options.maxNumSeqs) {
      const request = this.#waiting.first;
      if (request === undefined) return;
      const known = request.promptTokens + request.generated;
      const blocks = blocksFor(known);
      const cached = this.#kv.admit(blocks, request.prefix);
      if (cached === undefined) return;
      this.#waiting.shift();
      request.sharedBlocks = cached;
      request.blocks = blocks - cached;
      request.computed = cached * BLOCK_TOKENS;
      if (request.scheduledMs < 0) this.#firstAdmission(request, nowMs);
      request.scheduled = Math.min(known - request.computed, budget);
      budget -= request.scheduled;
      this.#running.push(request);
    }
  }

  #firstAdmission(request: EngineRequest, nowMs: number): void {
    request.scheduledMs = nowMs;
    request.cachedTokens = request.computed;
    this.stats.prefixQueries += request.promptTokens;
    this.stats.prefixHits += request.computed;
  }

  #stepMs(): number {
    const { stepMs, sequenceMs, contextMs, prefillTokensPerSecond, slowness } = this.options;
    let prefill = 0;
    let context = 0;
    let decoding = 0;
    for (const { scheduled, computed, generated } of this.#running) {
      context += computed;
      if (scheduled === 1 && generated > 0) decoding++;
      else prefill += scheduled;
    }
    return slowness * (stepMs + decoding * sequenceMs + context / 1_000 * contextMs +
      prefill / prefillTokensPerSecond * 1_000);
  }
}
