/** A queueing model of one vLLM engine: a queue, a batch, a KV cache, and steps that take time. */

import type { Random } from "./random.ts";
import { BLOCK_TOKENS, type EngineOptions } from "./scenario.ts";
import { Scheduler } from "./scheduler.ts";
import { EngineStats } from "./stats.ts";
import type { EngineRequest } from "./workload.ts";

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
