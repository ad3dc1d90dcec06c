import { MetricsText } from "../../lib/demo/metrics_text.ts";
import { SimulatedVllm, type SimulatedVllmOptions } from "../../lib/demo/simulated_vllm.ts";
import { type Scenario, SCENARIOS } from "../../lib/demo/scenario.ts";
import type { ViewRequest } from "../../lib/dashboard/view_builder.ts";
import type { Chart, Tile, View } from "../../lib/dashboard/view.ts";
import { detectFormat } from "../../lib/exposition/format.ts";
import { Sanitizer } from "../../lib/exposition/sanitizer.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { builtView } from "./built_view.ts";

/** When the simulated servers start. */
export const START_MS = 1_795_492_800_000;
/** Distance of two scrapes, in milliseconds. */
const INTERVAL_MS = 2_000;

/** 90 s of steady traffic, then 30 s without a server, and so on. */
export const OUTAGE: Scenario = {
  ...SCENARIOS.steady,
  phases: [
    { durationMs: 90_000, load: 1 },
    { durationMs: 30_000, load: 0, state: "down" },
  ],
};

/** 75 s of steady traffic, then 45 s of sleep, and so on. */
export const SLEEP: Scenario = {
  ...SCENARIOS.steady,
  phases: [
    { durationMs: 75_000, load: 1 },
    { durationMs: 45_000, load: 0, state: "asleep" },
  ],
};

/** What a simulated server is beside the usual one. */
export type ServerOptions = Partial<SimulatedVllmOptions>;

/** Servers that ran for a while and were scraped. */
export interface Past {
  /** What was scraped. */
  readonly history: HistoryStore;
  /** When the last scrape was. */
  readonly nowMs: number;
}

/** The sanitised text of a server. */
function bodyOf(metrics: MetricsText): Uint8Array {
  const bytes = new TextEncoder().encode(metrics.text());
  const sanitizer = new Sanitizer({ format: detectFormat(metrics.contentType, bytes) });
  return new TextEncoder().encode(sanitizer.push(bytes, true));
}

/**
 * Lets servers run, and scrapes them every two seconds.
 *
 * @param seconds How long.
 * @param servers What each is, by its name.
 */
export function letRun(seconds: number, servers: Readonly<Record<string, ServerOptions>>): Past {
  const history = new HistoryStore({ instances: Object.keys(servers) });
  const running = Object.entries(servers).map(([instance, options]) => {
    const server = new SimulatedVllm({
      scenario: SCENARIOS.steady,
      seed: 7,
      startMs: START_MS,
      ...options,
    });
    return { instance, server, metrics: new MetricsText(server) };
  });
  const nowMs = START_MS + seconds * 1_000;
  for (let timeMs = START_MS; timeMs <= nowMs; timeMs += INTERVAL_MS) {
    for (const { instance, server, metrics } of running) {
      server.advance(timeMs);
      if (server.state === "down") {
        history.fail({ instance, timeMs, error: "Cannot scrape: connection refused." });
      } else history.add({ instance, timeMs, body: bodyOf(metrics) });
    }
  }
  return { history, nowMs };
}

/** Looks at the last five minutes, with the usual goals. */
export function look({ history, nowMs }: Past, request: Partial<ViewRequest> = {}): View {
  return builtView(history, { selection: {}, windowSeconds: 300, ...request }, nowMs, {
    goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
    intervalMs: INTERVAL_MS,
    windows: [300, 900, 3_600],
  });
}

/** A tile by its name. */
export function tileOf(view: View, id: string): Tile {
  const tile = view.tiles.find((candidate) => candidate.id === id);
  if (tile === undefined) throw new Error(`There is no tile "${id}"`);
  return tile;
}

/** A chart by its name. */
export function chartOf(view: View, id: string): Chart {
  const chart = view.charts.find((candidate) => candidate.id === id);
  if (chart === undefined) throw new Error(`There is no chart "${id}"`);
  return chart;
}
