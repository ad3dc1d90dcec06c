/** Waits for a Parseable that is still starting. */

import type { ParseableApi } from "./api.ts";
import { ParseableError } from "./parseable_error.ts";

/** Time between two tries, in milliseconds: Parseable starts in about a second. */
const PAUSE_MS = 500;

/** How to wait. */
export interface WaitOptions {
  /** The longest wait, in milliseconds; after it there is one last try. */
  readonly waitMs: number;
  /** The time in milliseconds; only differences are used. */
  readonly now: () => number;
}

/**
 * Asks until Parseable is ready, whatever is in its place before.
 *
 * @param api The client.
 * @param options How long.
 * @throws {ParseableError} When it is not ready in time.
 */
export async function untilReady(api: ParseableApi, { waitMs, now }: WaitOptions): Promise<void> {
  const startMs = now();
  for (;;) {
    try {
      await api.call("GET", "/api/v1/readiness");
      return;
    } catch (error) {
      if (!(error instanceof ParseableError) || now() - startMs >= waitMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
