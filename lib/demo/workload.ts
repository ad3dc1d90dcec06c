/** What the clients of a simulated server ask for. */

import type { LogNormal, Random } from "./random.ts";

/** The numbers that traffic is drawn from. */
export interface Workload {
  /** Requests a second for each engine, at a load of 1. */
  readonly requestsPerSecond: number;
  /** What of a prompt belongs to one request alone, in tokens. */
  readonly prompt: LogNormal;
  /** What a model answers when nothing cuts it short, in tokens. */
  readonly output: LogNormal;
  /** The values of `max_tokens` that clients send, each as often as the others. */
  readonly maxTokens: readonly number[];
  /** Share of requests, 0 to 1, whose prompt begins with one of the common texts. */
  readonly prefixShare: number;
  /** How many common texts there are, such as system prompts; the n-th is used 1/n as often as the first. */
  readonly prefixes: number;
  /** Length of a common text, in tokens. */
  readonly prefixTokens: number;
  /** Share of requests, 0 to 1, that end with an error inside the engine. */
  readonly errorShare: number;
  /** Share of requests, 0 to 1, whose client goes away amid the answer. */
  readonly abortShare: number;
  /** Share of HTTP requests, 0 to 1, that are malformed and never reach an engine (4xx). */
  readonly malformedShare: number;
}

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

/** Why a request ended, as vLLM names it. */
export type FinishReason = "stop" | "length" | "abort" | "error" | "repetition";

/** What a client asks for. */
export interface Demand {
  /** The route that it calls. */
  readonly handler: "/v1/chat/completions" | "/v1/completions";
  /** Length of the prompt, in tokens. */
  readonly promptTokens: number;
  /** The common text that it begins with; -1 without. */
  readonly prefix: number;
  /** Length of that text, in tokens. */
  readonly prefixTokens: number;
  /** How many tokens come out. */
  readonly outputTokens: number;
  /** What it sends as `max_tokens`. */
  readonly maxTokens: number;
  /** How it ends. */
  readonly reason: FinishReason;
}

/** Share of requests that go to the completions route. */
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

/**
 * Draws one request.
 *
 * @param random Where its numbers come from.
 * @param workload What requests are like.
 * @param maxModelLen Prompt and answer together are not longer, in tokens.
 * @returns The request.
 */
export function drawDemand(random: Random, workload: Workload, maxModelLen: number): Demand {
  const handler = random.next() < COMPLETIONS_SHARE ? "/v1/completions" : "/v1/chat/completions";
  const hasPrefix = random.next() < workload.prefixShare && workload.prefixes > 0;
  const prefix = hasPrefix ? drawPrefix(random, workload.prefixes) : -1;
  // A prompt leaves room for half of the model's length.
  const longest = Math.max(1, Math.floor(maxModelLen / 2));
  const prefixTokens = hasPrefix ? Math.min(workload.prefixTokens, longest - 1) : 0;
  const promptTokens = Math.min(longest, prefixTokens + random.logNormal(workload.prompt));
  const choice = Math.floor(random.next() * workload.maxTokens.length);
  const wished = workload.maxTokens[choice] ?? 1;
  const maxTokens = Math.max(1, Math.min(wished, maxModelLen - promptTokens));
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
