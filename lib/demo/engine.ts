/** A queueing model of one vLLM engine: a queue, a batch, a KV cache, and steps that take time. */

import { tokenBuckets } from "./buckets.ts";
import { BLOCK_TOKENS, type EngineOptions } from "./engine_options.ts";
import type { EngineRequest } from "./engine_request.ts";
import { EngineStats } from "./engine_stats.ts";
import type { Random } from "./random.ts";
import { Scheduler } from "./scheduler.ts";

/** Takes a request that ended, and when, in milliseconds. */
export type OnFinished = (request: EngineRequest, nowMs: number) => void;

/** What an engine is made of. */
export interface EngineParts {
  /** How big and how fast it is. */
  readonly options: EngineOptions;
  /** Decides which guesses of speculative decoding are right. */
  readonly random: Random;
  /** Told of each request that ended. */
  readonly onFinished: OnFinished;
}

/** The engine: one step after the other while there is anything to do. */
export class Engine {
  /** What it has counted. */
  readonly stats: EngineStats;
  /** How big and how fast it is. */
  readonly options: EngineOptions;
  /** When the step under way ends, in milliseconds; infinite when there is none. */
  stepEndMs: number = Infinity;
  readonly #parts: EngineParts;
  readonly #scheduler: Scheduler;
  #stepStartMs = 0;

  /**
   * Makes an engine with nothing to do.
   *
   * @param parts Its options, and what it needs from outside.
   * @throws {RangeError} When the KV cache cannot hold the longest request.
   */
  constructor(parts: EngineParts) {
    const { options } = parts;
    const { numGpuBlocks, maxModelLen, speculation } = options;
    if (numGpuBlocks * BLOCK_TOKENS < maxModelLen) {
      throw new RangeError(
        `Cannot simulate an engine as 'numGpuBlocks' must hold 'maxModelLen' tokens: ` +
          `current value is ${numGpuBlocks}`,
      );
    }
    this.#parts = parts;
    this.options = options;
    const stats = new EngineStats(
      tokenBuckets(maxModelLen),
      speculation?.acceptance.length ?? 0,
    );
    this.stats = stats;
    this.#scheduler = new Scheduler(options, {
      onFirstAdmission: (request, nowMs) => stats.countAdmission(request, nowMs),
      onPreempted: () => stats.preemptions++,
    });
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

  /** Takes a request; an engine with nothing to do begins with it at once. */
  add(request: EngineRequest): void {
    this.#scheduler.waiting.push(request);
    if (this.stepEndMs === Infinity) this.#begin(request.arrivedMs);
  }

  /** Breaks off all requests and forgets what the KV cache holds, as vLLM does that goes to sleep. */
  sleep(nowMs: number): void {
    const scheduler = this.#scheduler;
    const requests = [...scheduler.running, ...scheduler.waiting.clear()];
    scheduler.running = [];
    this.stepEndMs = Infinity;
    for (const request of requests) {
      scheduler.release(request);
      this.#finish({ ...request, reason: "abort" }, nowMs);
    }
    scheduler.kv.forget();
  }

  /** Ends the step under way and begins the next. */
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
    // Most requests had their latest token when the step began: one look for their bucket.
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
    const left = request.outputTokens - request.generated;
    const guessed = request.generated > 0 ? this.#accepted() : 0;
    const tokens = Math.min(left, 1 + guessed);
    request.generated += tokens;
    // Right guesses are in the KV cache already.
    request.computed += tokens - 1;
    this.stats.generationTokens += tokens;
  }

  /** How many tokens of a request were guessed right in this step. */
  #accepted(): number {
    const { speculation } = this.options;
    if (speculation === undefined) return 0;
    const { acceptance } = speculation;
    const miss = acceptance.findIndex((chance) => this.#parts.random.next() >= chance);
    const accepted = miss < 0 ? acceptance.length : miss;
    this.stats.countDraft(acceptance.length, accepted);
    return accepted;
  }

  #removeFinished(nowMs: number): void {
    const { running } = this.#scheduler;
    let kept = 0;
    for (const request of running) {
      if (request.generated < request.outputTokens) {
        running[kept++] = request;
        continue;
      }
      this.#scheduler.release(request);
      this.#finish(request, nowMs);
    }
    running.length = kept;
  }

  /** A request that ended before its first token has no times that could be counted. */
  #finish(request: EngineRequest, nowMs: number): void {
    const isCounted = request.reason !== "abort" || this.options.countsAborts;
    if (isCounted && request.firstTokenMs >= 0) this.stats.countFinished(request, nowMs);
    this.#parts.onFinished(request, nowMs);
  }

  /** Begins a step, if there is anything to do. */
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
