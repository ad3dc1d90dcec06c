/** What a simulated server would have answered before anybody asked. */

import type { GoodScrape } from "../history/store.ts";
import { MetricsText } from "./metrics_text.ts";
import type { SimulatedVllm } from "./simulated_vllm.ts";

const ENCODER = new TextEncoder();

/** Which scrapes. */
export interface PastOptions {
  /** The server's name to the history. */
  readonly instance: string;
  /** Up to when, in milliseconds since 1970. */
  readonly untilMs: number;
  /** Distance of two scrapes, in milliseconds. */
  readonly stepMs: number;
}

/**
 * Lets a server live, and scrapes it again and again. The texts are as vLLM writes them, which the
 * history reads as well as sanitised ones: to sanitise those of the Rust front end would take
 * longer than all else.
 *
 * @param server The server, awake from the time it has come to.
 * @param options Its name, until when, and how often.
 * @returns The scrapes as they are made; afterwards the server has come to the given time.
 */
export function* pastScrapes(
  server: SimulatedVllm,
  { instance, untilMs, stepMs }: PastOptions,
): Generator<GoodScrape> {
  const metrics = new MetricsText(server);
  for (let timeMs = server.nowMs; timeMs < untilMs; timeMs += stepMs) {
    server.advance(timeMs);
    yield { instance, timeMs, body: ENCODER.encode(metrics.text()) };
  }
  server.advance(untilMs);
}
