/** Looks for a vLLM on this machine when no setting says where one is. */

import type { Environment } from "../config/env_file.ts";
import { createClient } from "../net/client.ts";

/** Where vLLM serves its metrics by default. */
const LOCAL_URL = "http://localhost:8000/metrics";
/** Limits of the request: a vLLM on this machine answers soon. */
const LIMITS = { timeoutMs: 2_000, maxBytes: 16 * 1024 * 1024 } as const;

/** The environment to use, and a sentence about what was tried. */
export interface LocalVllm {
  /** The environment; with `VLLM_METRICS_URL` if a vLLM was found. */
  readonly env: Environment;
  /** What was found; absent when `VLLM_METRICS_URL` is set. */
  readonly note?: string;
}

/** Sets `VLLM_METRICS_URL` to the local vLLM if it is not set and there is one. */
export async function withLocalVllm(env: Environment): Promise<LocalVllm> {
  if ((env.VLLM_METRICS_URL ?? "").trim() !== "") return { env };
  const reason = await whyNotVllm();
  if (reason !== undefined) {
    return { env, note: `VLLM_METRICS_URL: no vLLM found at "${LOCAL_URL}" either: ${reason}.` };
  }
  const note = `VLLM_METRICS_URL: is not set. Using the vLLM found at "${LOCAL_URL}".`;
  return { env: { ...env, VLLM_METRICS_URL: LOCAL_URL }, note };
}

/** Returns why there is no vLLM; undefined if there is one. */
async function whyNotVllm(): Promise<string | undefined> {
  using client = createClient();
  try {
    const { status, body } = await client.request(new URL(LOCAL_URL), LIMITS);
    const text = await body.text();
    if (status !== 200) return `the answer is HTTP ${status}`;
    return /^vllm:/m.test(text) ? undefined : "the answer has no metrics of vLLM";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
