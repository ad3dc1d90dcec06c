/** Simulated servers for tests. */

import type { Engine } from "../../lib/demo/engine.ts";
import { ONE_GPU } from "../../lib/demo/scenario.ts";
import { MetricsText } from "../../lib/demo/metrics_text.ts";
import { type Scenario, SCENARIOS } from "../../lib/demo/scenario.ts";
import { SimulatedVllm, type SimulatedVllmOptions } from "../../lib/demo/simulated_vllm.ts";

/** Their start time, in milliseconds since 1970. */
export const START_MS = 1_795_491_911_036;

/** A server and its metrics. */
export interface Subject {
  /** The server. */
  readonly server: SimulatedVllm;
  /** One of its engines. */
  engine(index?: number): Engine;
  /** Advances the time. */
  run(seconds: number): void;
  /** The current text of `/metrics`. */
  text(): string;
}

/** Starts a server, by default with steady traffic and the seed 7. */
export function startServer(options: Partial<SimulatedVllmOptions> = {}): Subject {
  const server = new SimulatedVllm({
    scenario: SCENARIOS.steady,
    seed: 7,
    startMs: START_MS,
    ...options,
  });
  const metrics = new MetricsText(server);
  return {
    server,
    engine(index = 0): Engine {
      const engine = server.run.engines[index];
      if (engine === undefined) throw new Error(`There is no engine ${index}`);
      return engine;
    },
    run: (seconds) => server.advance(server.nowMs + seconds * 1_000),
    text: () => metrics.text(),
  };
}

/** The steady scenario with changes. */
export function steady(
  changes: {
    workload?: Partial<Scenario["workload"]>;
    engine?: Partial<Scenario["engine"]>;
  },
): Scenario {
  return {
    ...SCENARIOS.steady,
    workload: { ...SCENARIOS.steady.workload, ...changes.workload },
    engine: { ...ONE_GPU, ...changes.engine },
  };
}
