/** What a simulated server would have answered before the first scrape. */

import type { GoodScrape } from "../history/store.ts";
import { MetricsText } from "./metrics_text.ts";
import type { SimulatedVllm } from "./simulated_vllm.ts";

/** Which scrapes. */
export interface PastOptions {
  /** The server's name in the history. */
  readonly instance: string;
  /** End, in milliseconds since 1970. */
  readonly untilMs: number;
  /** Interval, in milliseconds. */
  readonly stepMs: number;
}

/**
 * Advances a server to `untilMs` and scrapes it on the way; it must stay awake. The texts are not
 * sanitized: the history reads them as they are, and sanitizing would take longer than all else.
 */
export function* pastScrapes(
  server: SimulatedVllm,
  { instance, untilMs, stepMs }: PastOptions,
): Generator<GoodScrape> {
  const encoder = new TextEncoder();
  const metrics = new MetricsText(server);
  for (let timeMs = server.nowMs; timeMs < untilMs; timeMs += stepMs) {
    server.advance(timeMs);
    yield { instance, timeMs, body: encoder.encode(metrics.text()) };
  }
  server.advance(untilMs);
}
