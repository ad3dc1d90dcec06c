/** What the clients of a simulated server request, drawn from repeatable random numbers. */

const TWO_TO_32 = 2 ** 32;
/** The golden ratio times 2^32: keeps the states of neighboring seeds apart. */
const STEP = 0x9e3779b9;

/** A log-normal distribution of lengths, as in real traffic: many short ones, few very long ones. */
export type LogNormal = {
  /** Half are shorter. */
  readonly median: number;
  /** Standard deviation of the logarithm; 0 always gives the median. */
  readonly sigma: number;
  readonly max: number;
};

/** A stream of random numbers; equal seeds give equal streams. */
export class Random {
  #state: number;

  /** Only the lowest 32 bits of the seed count. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next number, 0 to below 1. SplitMix32, period 2^32: weeks of load. */
  next(): number {
    this.#state = (this.#state + STEP) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / TWO_TO_32;
  }

  /** Time to the next event of a Poisson process; infinite when the rate is 0. */
  exponential(rate: number): number {
    return rate > 0 ? -Math.log(1 - this.next()) / rate : Infinity;
  }

  /** A whole number, 1 to `max`. */
  logNormal({ median, sigma, max }: LogNormal): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
    return Math.min(max, Math.max(1, Math.round(median * Math.exp(sigma * normal))));
  }

  /** A new stream, seeded with the next number of this one. */
  fork(): Random {
    return new Random(Math.floor(this.next() * TWO_TO_32));
  }
}

/** The distributions that traffic is drawn from. Shares are 0 to 1. */
export type Workload = {
  /** Requests per second and engine, at a load of 1. */
  readonly requestsPerSecond: number;
  /** Prompt tokens behind the shared prefix. */
  readonly prompt: LogNormal;
  /** Output tokens when `max_tokens` does not cut the answer short. */
  readonly output: LogNormal;
  /** The values of `max_tokens` that clients send, all equally often. */
  readonly maxTokens: readonly number[];
  /** Share of requests whose prompt begins with a shared prefix, such as a system prompt. */
  readonly prefixShare: number;
  /** Number of shared prefixes; the n-th is used 1/n as often as the first. */
  readonly prefixes: number;
  readonly prefixTokens: number;
  readonly errorShare: number;
  readonly abortShare: number;
  /** Share of HTTP requests that are malformed and never reach an engine (4xx). */
  readonly malformedShare: number;
};

/** Traffic of a chat application. */
export const CHAT: Workload = {
  requestsPerSecond: 2.5,
  prompt: { median: 380, sigma: 0.9, max: 8_000 },
  output: { median: 190, sigma: 0.8, max: 4_000 },
  maxTokens: [256, 512, 1_024, 2_048],
  prefixShare: 0.7,
  prefixes: 12,
  prefixTokens: 640,
  errorShare: 0,
  abortShare: 0.01,
  malformedShare: 0.005,
};

/** vLLM's `finished_reason`. */
export type FinishReason = "stop" | "length" | "abort" | "error" | "repetition";
/** The routes that clients call. */
export type Handler = "/v1/chat/completions" | "/v1/completions";

/** One request as a client sends it, and how it will end. */
export type Demand = {
  readonly handler: Handler;
  /** Prompt length, prefix included. */
  readonly promptTokens: number;
  /** Index of its shared prefix; -1 without. */
  readonly prefix: number;
  readonly prefixTokens: number;
  /** Tokens until its end. */
  readonly outputTokens: number;
  readonly maxTokens: number;
  readonly reason: FinishReason;
};

/** A request inside an engine. Times are in milliseconds, -1 when not reached yet. */
export type EngineRequest = Demand & {
  readonly arrivedMs: number;
  generated: number;
  /** Tokens of prompt and output in the KV cache. */
  computed: number;
  /** Tokens computed in the current step. */
  scheduled: number;
  /** Prompt tokens that its first admission found in the cache. */
  cachedTokens: number;
  /** Blocks of its own in the KV cache. */
  blocks: number;
  /** Blocks of its prefix that it shares with others. */
  sharedBlocks: number;
  scheduledMs: number;
  firstTokenMs: number;
  /** Its latest output token. */
  lastTokenMs: number;
  preemptions: number;
};

/** A request that has just arrived. */
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

/** Share of requests to `/v1/completions`. */
const COMPLETIONS_SHARE = 0.15;

function drawPrefix(random: Random, prefixes: number): number {
  let weight = 0;
  for (let rank = 1; rank <= prefixes; rank++) weight += 1 / rank;
  let left = random.next() * weight;
  for (let rank = 1; rank < prefixes; rank++) {
    left -= 1 / rank;
    if (left < 0) return rank - 1;
  }
  return prefixes - 1;
}

/** Draws one request. */
export function drawDemand(random: Random, workload: Workload, maxModelLen: number): Demand {
  const handler = random.next() < COMPLETIONS_SHARE ? "/v1/completions" : "/v1/chat/completions";
  const hasPrefix = random.next() < workload.prefixShare && workload.prefixes > 0;
  const prefix = hasPrefix ? drawPrefix(random, workload.prefixes) : -1;
  // A prompt leaves room for half of the model's length.
  const longest = Math.max(1, Math.floor(maxModelLen / 2));
  const prefixTokens = hasPrefix ? Math.min(workload.prefixTokens, longest - 1) : 0;
  const promptTokens = Math.min(longest, prefixTokens + random.logNormal(workload.prompt));
  const choice = Math.floor(random.next() * workload.maxTokens.length);
  const maxTokens = Math.max(
    1,
    Math.min(workload.maxTokens[choice] ?? 1, maxModelLen - promptTokens),
  );
  const answer = random.logNormal(workload.output);
  const whole = Math.min(answer, maxTokens);
  const fate = random.next();
  const { errorShare, abortShare } = workload;
  const cut = 1 + Math.floor(random.next() * whole);
  const common = { handler, promptTokens, prefix, prefixTokens, maxTokens } as const;
  if (fate < errorShare) return { ...common, outputTokens: cut, reason: "error" };
  if (fate < errorShare + abortShare) return { ...common, outputTokens: cut, reason: "abort" };
  return { ...common, outputTokens: whole, reason: answer >= maxTokens ? "length" : "stop" };
}
