/** Scrapes of the simulated vLLM: two engines that are too busy, and a server that goes away. */

import { MetricsText } from "../../lib/demo/metrics_text.ts";
import { SCENARIOS } from "../../lib/demo/scenario.ts";
import { SimulatedVllm } from "../../lib/demo/simulated_vllm.ts";
import { sanitized } from "../exposition/sanitized.ts";
import type { Scrape } from "./series.ts";

const START_MS = 1_795_500_000_000;
const EVERY_MS = 10_000;
const MINUTES = 6;

/** Makes the scrapes, through the sanitiser. */
export function simulatedScrapes(): Scrape[] {
  const servers = [
    new SimulatedVllm({
      scenario: SCENARIOS.busy,
      seed: 1,
      startMs: START_MS,
      engines: 2,
      model: "org/busy",
    }),
    new SimulatedVllm({
      scenario: SCENARIOS.outage,
      seed: 2,
      startMs: START_MS,
      frontend: "rust",
      model: "org/outage",
    }),
  ].map((server) => ({ server, metrics: new MetricsText(server) }));
  const scrapes: Scrape[] = [];
  for (let timeMs = START_MS; timeMs < START_MS + MINUTES * 60_000; timeMs += EVERY_MS) {
    for (const { server, metrics } of servers) {
      server.advance(timeMs);
      if (server.state !== "down") scrapes.push({ timeMs, text: sanitized(metrics.text()).text });
    }
  }
  return scrapes;
}
