/** When the children of the Rust front end's families appear. */

import type { Engine } from "./engine.ts";

/** What is there with the first request: when one has ended, or as soon as one has a token. */
const WITH_REQUESTS = /^(?:request_|e2e_request_|corrupted_requests)/;
const WITH_TOKENS =
  /^(?:prompt_tokens$|prompt_tokens_cached$|prompt_tokens_by_source|time_to_first)/;

/**
 * Tells whether a child is there yet. The Rust front end makes most children when it starts, and
 * those of requests when there are any; of what was counted under a label only what has a value.
 *
 * @param name The family's name without `vllm:` and `_total`.
 * @param value The value of the label that it has beside model and engine; empty without.
 * @param engine The engine.
 * @param read The child's number; undefined for a histogram.
 * @returns The test; undefined for a child that is always there.
 */
export function rustPresence(
  name: string,
  value: string,
  engine: Engine,
  read: (() => number) | undefined,
): (() => boolean) | undefined {
  const { stats } = engine;
  if (name === "request_success") return () => read !== undefined && read() > 0;
  if (name === "inter_token_latency_seconds") return () => stats.interToken.count > 0;
  if (WITH_REQUESTS.test(name)) return () => stats.endToEnd.count > 0;
  if (value === "local_compute" || !WITH_TOKENS.test(name)) return undefined;
  return () => stats.firstToken.count > 0;
}
