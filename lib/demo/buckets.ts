/** The buckets of vLLM 0.33 and of the HTTP metrics beside it. */

/** End-to-end, queue, prefill, decode and inference time, in seconds. */
export const LATENCY: readonly number[] = [
  ...[0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60],
  ...[120, 240, 480, 960, 1920, 7680],
];
/** Time to the first token, in seconds. */
export const FIRST_TOKEN: readonly number[] = [
  ...[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75],
  ...[1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560],
];
/** Time between tokens, in seconds. */
export const INTER_TOKEN: readonly number[] = [
  ...[0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75],
  ...[1, 2.5, 5, 7.5, 10, 20, 40, 80],
];
/** Tokens of a step of the engine. */
export const ITERATION: readonly number[] = [
  ...[1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384],
];
/** The parameter `n` of requests. */
export const PARAMS_N: readonly number[] = [1, 2, 5, 10, 20];
/** How often a request was preempted. */
export const PREEMPTIONS: readonly number[] = [1, 2, 3, 4, 5, 10, 20];
/** HTTP requests without labels, in seconds. */
export const HTTP_FINE: readonly number[] = [
  ...[0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75],
  ...[1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60],
];
/** HTTP requests by handler, in seconds. */
export const HTTP_COARSE: readonly number[] = [0.1, 0.5, 1];

/** Lengths in tokens: 1, 2, 5, 10 and so on, up to the longest that the model takes. */
export function tokenBuckets(maxModelLen: number): number[] {
  const bounds: number[] = [];
  for (let power = 1; power <= maxModelLen; power *= 10) {
    bounds.push(...[power, 2 * power, 5 * power].filter((bound) => bound <= maxModelLen));
  }
  return bounds;
}
