/** What a simulated server counts. Histograms of times are in seconds. */

import type { EngineRequest, FinishReason, Handler } from "./workload.ts";

const LATENCY = [
  ...[0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60],
  ...[120, 240, 480, 960, 1920, 7680],
];
const FIRST_TOKEN = [
  ...[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75],
  ...[1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560],
];
const INTER_TOKEN = [
  ...[0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75],
  ...[1, 2.5, 5, 7.5, 10, 20, 40, 80],
];
const ITERATION = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];
const HTTP_FINE = [
  ...[0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75],
  ...[1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60],
];
const HTTP_COARSE = [0.1, 0.5, 1];

/** Rough sizes of bodies. */
const BODY_BYTES = 300;
const TOKEN_BYTES = 4;

/** The number of observed values and their sum. */
export type Summary = {
  count: number;
  sum: number;
};

/** Counts of values by upper bounds. */
export class Histogram implements Summary {
  /** How many values were observed. */
  count = 0;
  /** The sum of all values. */
  sum = 0;
  /** Ascending, without the infinite one. */
  readonly bounds: readonly number[];
  readonly #counts: Float64Array;

  /** Empty, with these bounds. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** Adds a value, once or several times. */
  observe(value: number, times = 1): void {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.bounds[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    this.#counts[low] = (this.#counts[low] ?? 0) + times;
    this.sum += value * times;
    this.count += times;
  }

  /** How many values were at most the bound at this index; the index behind the last counts all. */
  cumulative(index: number): number {
    let total = 0;
    for (let each = 0; each <= index; each++) total += this.#counts[each] ?? 0;
    return total;
  }
}

/** 1, 2, 5, 10 and so on, up to the model's length. */
function tokenBounds(maxModelLen: number): number[] {
  const bounds: number[] = [];
  for (let power = 1; power <= maxModelLen; power *= 10) {
    bounds.push(...[power, 2 * power, 5 * power].filter((bound) => bound <= maxModelLen));
  }
  return bounds;
}

/** Counters and histograms of one engine. */
export class EngineStats {
  /** Tokens looked up in the prefix cache, at each request's first admission. */
  prefixQueries = 0;
  /** Tokens found there. */
  prefixHits = 0;
  /** Preempted requests. */
  preemptions = 0;
  /** Prompt tokens, counted at the first output token. */
  promptTokens = 0;
  /** Those of them that came from the prefix cache. */
  cachedTokens = 0;
  /** Output tokens. */
  generationTokens = 0;
  /** Drafts of speculative decoding. */
  drafts = 0;
  /** Tokens in drafts. */
  draftTokens = 0;
  /** Accepted draft tokens by position. */
  readonly acceptedByPosition: number[];
  /** Requests by finish reason. */
  readonly finished: Record<FinishReason, number> = {
    stop: 0,
    length: 0,
    abort: 0,
    error: 0,
    repetition: 0,
  };
  /** Prompt tokens per request. */
  readonly requestPrompt: Histogram;
  /** Output tokens per request. */
  readonly requestGeneration: Histogram;
  /** Longest output per request; equal to its output, since `n` is 1. */
  readonly requestMaxGeneration: Histogram;
  /** The parameter `max_tokens`. */
  readonly paramsMaxTokens: Histogram;
  /** Prompt tokens that were not cached. */
  readonly prefillComputed: Histogram;
  /** Tokens of each step that produced output. */
  readonly iteration: Histogram = new Histogram(ITERATION);
  /** The parameter `n`. */
  readonly paramsN: Histogram = new Histogram([1, 2, 5, 10, 20]);
  /** Time to first token (TTFT). */
  readonly firstToken: Histogram = new Histogram(FIRST_TOKEN);
  /** Inter-token latency (ITL). */
  readonly interToken: Histogram = new Histogram(INTER_TOKEN);
  /** Time per output token (TPOT). */
  readonly perOutputToken: Histogram = new Histogram(INTER_TOKEN);
  /** Arrival to end. */
  readonly endToEnd: Histogram = new Histogram(LATENCY);
  /** Arrival to first step. */
  readonly queue: Histogram = new Histogram(LATENCY);
  /** First step to end. */
  readonly inference: Histogram = new Histogram(LATENCY);
  /** First step to first token. */
  readonly prefill: Histogram = new Histogram(LATENCY);
  /** First token to end. */
  readonly decode: Histogram = new Histogram(LATENCY);
  /** Preemptions per request. */
  readonly requestPreemptions: Histogram = new Histogram([1, 2, 3, 4, 5, 10, 20]);

  /** All zero; `draftTokens` per draft, 0 without speculative decoding. */
  constructor(maxModelLen: number, draftTokens: number) {
    const bounds = tokenBounds(maxModelLen);
    this.requestPrompt = new Histogram(bounds);
    this.requestGeneration = new Histogram(bounds);
    this.requestMaxGeneration = new Histogram(bounds);
    this.paramsMaxTokens = new Histogram(bounds);
    this.prefillComputed = new Histogram(bounds);
    this.acceptedByPosition = Array.from({ length: draftTokens }, () => 0);
  }

  /** Prompt tokens that were not cached. */
  get computedTokens(): number {
    return this.promptTokens - this.cachedTokens;
  }

  /** Counts a request at its first step. */
  countAdmission(request: EngineRequest, nowMs: number): void {
    request.scheduledMs = nowMs;
    request.cachedTokens = request.computed;
    this.prefixQueries += request.promptTokens;
    this.prefixHits += request.computed;
  }

  /** Counts a draft of speculative decoding. */
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

  /** Counts a request that ends now. */
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

/** The status classes that are counted. */
export type StatusClass = "2xx" | "4xx" | "5xx";

/** Requests to one route. */
export class HandlerStats {
  /** Requests by status class. */
  readonly requests: Record<StatusClass, number> = { "2xx": 0, "4xx": 0, "5xx": 0 };
  /** When the first request of each class ended, in milliseconds since 1970. */
  readonly firstMs: Map<string, number> = new Map();
  /** Durations. */
  readonly durations: Histogram = new Histogram(HTTP_COARSE);
  /** Bytes of request bodies. */
  readonly received: Summary = { count: 0, sum: 0 };
  /** Bytes of response bodies. */
  readonly sent: Summary = { count: 0, sum: 0 };
}

/** One answered HTTP request. */
export type Answered = {
  readonly handler: Handler;
  readonly status: StatusClass;
  readonly tookMs: number;
  /** Sets the size of the request body. */
  readonly promptTokens: number;
  /** Output tokens; sets the size of the response body. */
  readonly generated: number;
};

/** HTTP metrics of a server. */
export class HttpStats {
  /** By route. */
  readonly handlers: Readonly<Record<Handler, HandlerStats>> = {
    "/v1/chat/completions": new HandlerStats(),
    "/v1/completions": new HandlerStats(),
  };
  /** Durations of all requests. */
  readonly durations: Histogram = new Histogram(HTTP_FINE);

  /** Counts a request that ends now. */
  count({ handler, status, tookMs, promptTokens, generated }: Answered, nowMs: number): void {
    const { requests, firstMs, durations, received, sent } = this.handlers[handler];
    requests[status]++;
    if (!firstMs.has(status)) firstMs.set(status, nowMs);
    durations.observe(tookMs / 1_000);
    this.durations.observe(tookMs / 1_000);
    received.count++;
    received.sum += BODY_BYTES + promptTokens * TOKEN_BYTES;
    sent.count++;
    sent.sum += BODY_BYTES + generated * TOKEN_BYTES;
  }
}
