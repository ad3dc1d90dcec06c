/** What one engine has counted since it started. */

import { FIRST_TOKEN, INTER_TOKEN, ITERATION, LATENCY, PARAMS_N, PREEMPTIONS } from "./buckets.ts";
import { Histogram } from "./histogram.ts";
import type { EngineRequest } from "./engine_request.ts";
import type { FinishReason } from "./workload.ts";

/** Counters and histograms of one engine. Times are in seconds. */
export class EngineStats {
  /** Tokens looked up in the prefix cache, at each request's first admission. */
  prefixQueries = 0;
  /** Tokens found there. */
  prefixHits = 0;
  /** Requests that lost their place for want of blocks. */
  preemptions = 0;
  /** Prompt tokens, booked when the first token is out. */
  promptTokens = 0;
  /** Those of them that came from the prefix cache. */
  cachedTokens = 0;
  /** Tokens put out. */
  generationTokens = 0;
  /** Steps of the engine in which something was guessed ahead for a request. */
  drafts = 0;
  /** Tokens guessed ahead. */
  draftTokens = 0;
  /** Those that were right, by their position. */
  readonly acceptedByPosition: number[];
  /** Requests by how they ended. */
  readonly finished: Record<FinishReason, number> = {
    stop: 0,
    length: 0,
    abort: 0,
    error: 0,
    repetition: 0,
  };
  /** Prompt lengths of requests that ended. */
  readonly requestPrompt: Histogram;
  /** Answer lengths of requests that ended. */
  readonly requestGeneration: Histogram;
  /** Longest answer of each request; the same as its answer, since `n` is 1. */
  readonly requestMaxGeneration: Histogram;
  /** The parameter `max_tokens`. */
  readonly paramsMaxTokens: Histogram;
  /** Prompt tokens that had to be computed. */
  readonly prefillComputed: Histogram;
  /** Tokens of each step that put something out. */
  readonly iteration: Histogram = new Histogram(ITERATION);
  /** The parameter `n`. */
  readonly paramsN: Histogram = new Histogram(PARAMS_N);
  /** Arrival to first token. */
  readonly firstToken: Histogram = new Histogram(FIRST_TOKEN);
  /** One output to the next. */
  readonly interToken: Histogram = new Histogram(INTER_TOKEN);
  /** Mean time of a request's tokens behind the first. */
  readonly perOutputToken: Histogram = new Histogram(INTER_TOKEN);
  /** Arrival to the end. */
  readonly endToEnd: Histogram = new Histogram(LATENCY);
  /** Arrival to the first step. */
  readonly queue: Histogram = new Histogram(LATENCY);
  /** First step to the end. */
  readonly inference: Histogram = new Histogram(LATENCY);
  /** First step to the first token. */
  readonly prefill: Histogram = new Histogram(LATENCY);
  /** First token to the end. */
  readonly decode: Histogram = new Histogram(LATENCY);
  /** How often each request was preempted. */
  readonly requestPreemptions: Histogram = new Histogram(PREEMPTIONS);

  /**
   * Begins at zero.
   *
   * @param tokenBounds Buckets of lengths.
   * @param draftTokens How many tokens are guessed ahead; 0 without speculative decoding.
   */
  constructor(tokenBounds: readonly number[], draftTokens: number) {
    this.requestPrompt = new Histogram(tokenBounds);
    this.requestGeneration = new Histogram(tokenBounds);
    this.requestMaxGeneration = new Histogram(tokenBounds);
    this.paramsMaxTokens = new Histogram(tokenBounds);
    this.prefillComputed = new Histogram(tokenBounds);
    this.acceptedByPosition = Array.from({ length: draftTokens }, () => 0);
  }

  /** Prompt tokens that were computed, booked when the first token is out. */
  get computedTokens(): number {
    return this.promptTokens - this.cachedTokens;
  }

  /** Counts a request that begins its first step. */
  countAdmission(request: EngineRequest, nowMs: number): void {
    request.scheduledMs = nowMs;
    request.cachedTokens = request.computed;
    this.prefixQueries += request.promptTokens;
    this.prefixHits += request.computed;
  }

  /** Counts a guess of speculative decoding. */
  countDraft(tokens: number, accepted: number): void {
    this.drafts++;
    this.draftTokens += tokens;
    for (let position = 0; position < accepted; position++) {
      this.acceptedByPosition[position] = (this.acceptedByPosition[position] ?? 0) + 1;
    }
  }

  /** Counts a request's first token. */
  countFirstToken(request: EngineRequest, nowMs: number): void {
    this.promptTokens += request.promptTokens;
    this.cachedTokens += request.cachedTokens;
    this.firstToken.observe((nowMs - request.arrivedMs) / 1_000);
  }

  /** Counts a request that ended now. */
  countFinished(request: EngineRequest, nowMs: number): void {
    const { arrivedMs, scheduledMs, firstTokenMs, generated } = request;
    const decode = (nowMs - firstTokenMs) / 1_000;
    this.finished[request.reason]++;
    this.requestPrompt.observe(request.promptTokens);
    this.requestGeneration.observe(generated);
    this.requestMaxGeneration.observe(generated);
    this.paramsMaxTokens.observe(request.maxTokens);
    this.paramsN.observe(1);
    this.prefillComputed.observe(request.promptTokens - request.cachedTokens);
    this.requestPreemptions.observe(request.preemptions);
    this.endToEnd.observe((nowMs - arrivedMs) / 1_000);
    this.queue.observe((scheduledMs - arrivedMs) / 1_000);
    this.inference.observe((nowMs - scheduledMs) / 1_000);
    this.prefill.observe((firstTokenMs - scheduledMs) / 1_000);
    this.decode.observe(decode);
    this.perOutputToken.observe(generated > 1 ? decode / (generated - 1) : 0);
  }
}
