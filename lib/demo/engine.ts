/** A queueing model of one vLLM engine: a queue, a batch, a KV cache, and steps that take time. */

import { BLOCK_TOKENS, type EngineOptions } from "./scenario.ts";
import { EngineStats } from "./stats.ts";
import type { EngineRequest, Random } from "./workload.ts";

/** Called with each request that ends. */
export type OnFinished = (request: EngineRequest, nowMs: number) => void;

/** Runs one step after the other while there are requests. */
export class Engine {
  /** What it has counted. */
  readonly stats: EngineStats;
  /** Its size and speed. */
  readonly options: EngineOptions;
  /** End of the current step, in milliseconds; infinite when idle. */
  stepEndMs: number = Infinity;
  readonly #random: Random;
  readonly #onFinished: OnFinished;
  readonly #scheduler: Scheduler;
  #stepStartMs = 0;

  /** Idle. @throws {RangeError} When the KV cache cannot hold the longest request. */
  constructor(options: EngineOptions, random: Random, onFinished: OnFinished) {
    const { numGpuBlocks, maxModelLen, speculation } = options;
    if (numGpuBlocks * BLOCK_TOKENS < maxModelLen) {
      throw new RangeError(
        `Cannot simulate an engine as 'numGpuBlocks' must hold 'maxModelLen' tokens: ` +
          `current value is ${numGpuBlocks}`,
      );
    }
    this.options = options;
    this.#random = random;
    this.#onFinished = onFinished;
    this.stats = new EngineStats(maxModelLen, speculation?.acceptance.length ?? 0);
    this.#scheduler = new Scheduler(options, this.stats);
  }

  /** Requests in the batch. */
  get running(): number {
    return this.#scheduler.running.length;
  }

  /** Requests in the queue. */
  get waiting(): number {
    return this.#scheduler.waiting.length;
  }

  /** Share of the KV cache in use, 0 to 1. */
  get kvUsage(): number {
    return this.#scheduler.kv.usage;
  }

  /** Queues a request; an idle engine starts it at once. */
  add(request: EngineRequest): void {
    this.#scheduler.waiting.push(request);
    if (this.stepEndMs === Infinity) this.#begin(request.arrivedMs);
  }

  /** Aborts all requests and drops the KV cache, as vLLM does when it goes to sleep. */
  sleep(nowMs: number): void {
    const scheduler = this.#scheduler;
    const requests = [...scheduler.running, ...scheduler.waiting];
    scheduler.running = [];
    scheduler.waiting = [];
    this.stepEndMs = Infinity;
    for (const request of requests) {
      scheduler.release(request);
      this.#finish({ ...request, reason: "abort" }, nowMs);
    }
    scheduler.kv.forget();
  }

  /** Ends the current step and begins the next. */
  endStep(): void {
    const nowMs = this.stepEndMs;
    const { stats } = this;
    const [before, generated] = [stats.computedTokens, stats.generationTokens];
    let even = 0;
    for (const request of this.#scheduler.running) {
      if (request.scheduled === 0) continue;
      request.computed += request.scheduled;
      if (request.computed < request.promptTokens + request.generated) continue;
      if (request.firstTokenMs < 0) this.#countFirstToken(request, nowMs);
      else if (request.lastTokenMs === this.#stepStartMs) even++;
      else stats.interToken.observe((nowMs - request.lastTokenMs) / 1_000);
      request.lastTokenMs = nowMs;
      this.#emit(request);
    }
    // Most requests had their previous token at the start of the step: observe them together.
    if (even > 0) stats.interToken.observe((nowMs - this.#stepStartMs) / 1_000, even);
    if (stats.generationTokens > generated) {
      stats.iteration.observe(stats.computedTokens - before + stats.generationTokens - generated);
    }
    this.#removeFinished(nowMs);
    this.#begin(nowMs);
  }

  #countFirstToken(request: EngineRequest, nowMs: number): void {
    request.firstTokenMs = nowMs;
    this.stats.countFirstToken(request, nowMs);
    this.#scheduler.share(request);
  }

  #emit(request: EngineRequest): void {
    const accepted = request.generated > 0 ? this.#acceptedDraftTokens() : 0;
    const tokens = Math.min(request.outputTokens - request.generated, 1 + accepted);
    request.generated += tokens;
    // Accepted draft tokens are in the KV cache already.
    request.computed += tokens - 1;
    this.stats.generationTokens += tokens;
  }

  #acceptedDraftTokens(): number {
    const { speculation } = this.options;
    if (speculation === undefined) return 0;
    const { acceptance } = speculation;
    const miss = acceptance.findIndex((chance) => this.#random.next() >= chance);
    const accepted = miss < 0 ? acceptance.length : miss;
    this.stats.countDraft(acceptance.length, accepted);
    return accepted;
  }

  #removeFinished(nowMs: number): void {
    const scheduler = this.#scheduler;
    scheduler.running = scheduler.running.filter((request) => {
      if (request.generated < request.outputTokens) return true;
      scheduler.release(request);
      this.#finish(request, nowMs);
      return false;
    });
  }

  /** A request that ended before its first token has no times to count. */
  #finish(request: EngineRequest, nowMs: number): void {
    const isCounted = request.reason !== "abort" || this.options.countsAborts;
    if (isCounted && request.firstTokenMs >= 0) this.stats.countFinished(request, nowMs);
    this.#onFinished(request, nowMs);
  }

  /** Begins a step if there are requests. */
  #begin(nowMs: number): void {
    this.#scheduler.schedule(nowMs);
    this.#stepStartMs = nowMs;
    this.stepEndMs = this.running === 0 ? Infinity : nowMs + this.#stepMs();
  }

  #stepMs(): number {
    const { stepMs, sequenceMs, contextMs, prefillTokensPerSecond, slowness } = this.options;
    let prefill = 0;
    let context = 0;
    let decoding = 0;
    for (const { scheduled, computed, generated } of this.#scheduler.running) {
      context += computed;
      if (scheduled === 1 && generated > 0) decoding++;
      else prefill += scheduled;
    }
    return slowness * (stepMs + decoding * sequenceMs + context / 1_000 * contextMs +
      prefill / prefillTokensPerSecond * 1_000);
  }
}

function blocksFor(tokens: number): number {
  return Math.ceil(tokens / BLOCK_TOKENS);
}

/**
 * The queue, the batch and the KV cache. Like vLLM's scheduler, each step computes one token of
 * every decoding request, then prompts first come first served, long ones in chunks, up to the
 * limits of requests and tokens. A request that finds no free block preempts the request admitted
 * last, which is recomputed from the head of the queue.
 */
class Scheduler {
  /** The batch, in order of admission. */
  running: EngineRequest[] = [];
  waiting: EngineRequest[] = [];
  readonly kv: KvCache;
  readonly #options: EngineOptions;
  readonly #stats: EngineStats;

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

/** The cached blocks of a shared prefix. */
interface CachedPrefix {
  readonly blocks: number;
  /** Requests that use it now. */
  users: number;
  /** It is evicted once this many blocks have been taken since the start. */
  lostAt: number;
}

/**
 * Counts blocks. Unused blocks are free, whatever they hold, and are reused in the order in which
 * they were freed: an unused prefix is evicted once as many blocks were taken as were free before it.
 */
class KvCache {
  readonly #blocks: number;
  readonly #prefixes = new Map<number, CachedPrefix>();
  #used = 0;
  #taken = 0;

  constructor(blocks: number) {
    this.#blocks = blocks;
  }

  get free(): number {
    return this.#blocks - this.#used;
  }

  get usage(): number {
    return this.#used / this.#blocks;
  }

  /** Takes blocks; takes none and returns false when too few are free. */
  take(blocks: number): boolean {
    if (blocks > this.free) return false;
    this.#used += blocks;
    this.#taken += blocks;
    return true;
  }

  give(blocks: number): void {
    this.#used -= blocks;
  }

  #cached(prefix: number): CachedPrefix | undefined {
    const cached = this.#prefixes.get(prefix);
    if (cached === undefined || cached.users > 0 || this.#taken < cached.lostAt) return cached;
    this.#prefixes.delete(prefix);
    return undefined;
  }

  /** Takes the blocks of a new request, those of its prefix from the cache if they are there. */
  admit(blocks: number, prefix: number): number | undefined {
    const cached = this.#cached(prefix);
    if (cached === undefined) return this.take(blocks) ? 0 : undefined;
    const idle = cached.users === 0 ? cached.blocks : 0;
    if (blocks - cached.blocks + idle > this.free) return undefined;
    this.#used += idle;
    cached.users++;
    this.take(blocks - cached.blocks);
    return cached.blocks;
  }

  /** Shares a computed prefix from now on; false if another request's blocks are shared already. */
  share(prefix: number, blocks: number): boolean {
    if (this.#cached(prefix) !== undefined) return false;
    this.#prefixes.set(prefix, { blocks, users: 1, lostAt: 0 });
    return true;
  }

  leave(prefix: number): void {
    const cached = this.#prefixes.get(prefix);
    if (cached === undefined || --cached.users > 0) return;
    this.#used -= cached.blocks;
    cached.lostAt = this.#taken + this.free;
  }

  /** Drops all unused prefixes, as an engine does when it goes to sleep. */
  forget(): void {
    for (const [prefix, { users }] of this.#prefixes) {
      if (users === 0) this.#prefixes.delete(prefix);
    }
  }
}
