/** The data of the live page: its routes, its metrics, and what stops them. */

import type { History } from "../history/history.ts";
import type { MetricsRegistry } from "../metrics_registry.ts";
import { type ApiRoute, createApiRoutes } from "./api_routes.ts";
import { costOf, rangeAt } from "./cost.ts";
import { IncidentLog } from "./incidents.ts";
import { type EventStreamLimits, EventStreams } from "./event_stream.ts";
import { Scope } from "./scope.ts";
import type { Cost } from "./view.ts";
import { currentFindings, type ViewSettings, viewSteps } from "./view_builder.ts";
import { ViewCache } from "./view_cache.ts";
import { Viewers, type Watch } from "./viewers.ts";

/** Limits of the distance of two views, in milliseconds: the ages on a page must stay true. */
const UPDATE_MS = { shortest: 1_000, longest: 10_000 } as const;

/** Distance of two looks at the findings, in milliseconds, for the list of the day. */
const RECORD_MS = 30_000;
/** The window of that list, in seconds. */
const RECORD_SECONDS = 300;

/** What the metrics of the cost look back, in seconds. */
const COST_SECONDS = 300;

/** What {@linkcode createDashboard} works with. */
export interface DashboardOptions extends ViewSettings {
  /** The history. */
  readonly history: History;
  /** Starts to scrape while there is a viewer. */
  readonly watch: Watch;
  /** Lists its metrics. */
  readonly registry: MetricsRegistry;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  /** Distance of two views, in milliseconds. @default {that of two scrapes, within 1 s and 10 s} */
  readonly updateMs?: number;
  /** Limits of open pages. @default {EVENT_STREAM_LIMITS} */
  readonly limits?: EventStreamLimits;
}

/** The data of the live page. */
export interface Dashboard {
  /** Its routes, by their path. */
  readonly routes: Readonly<Record<string, ApiRoute>>;
  /** Ends all streams, and accepts no more pages. */
  stop(): void;
}

/** Creates the routes of the live page's data. */
export function createDashboard(options: DashboardOptions): Dashboard {
  const { history, watch, registry, now, windows, limits, intervalMs } = options;
  const { shortest, longest } = UPDATE_MS;
  const updateMs = options.updateMs ??
    Math.min(longest, Math.max(shortest, intervalMs));
  const log = new IncidentLog();
  const recording = setInterval(() => {
    const request = { selection: {}, windowSeconds: RECORD_SECONDS };
    // Nobody views: scrapes come at longer intervals, and are not missing.
    const settings = { ...options, viewedSinceMs: viewers.sinceMs ?? now() };
    log.record(now(), currentFindings(history, request, now(), settings));
  }, RECORD_MS);
  const viewers = new Viewers(watch, now);
  const cache = new ViewCache({
    build: (request, nowMs) =>
      viewSteps(history, request, nowMs, {
        ...options,
        log,
        viewedSinceMs: viewers.sinceMs ?? nowMs,
      }),
    updateMs,
    now,
  });
  const streams = new EventStreams({
    cache,
    viewers,
    updateMs,
    ...limits === undefined ? {} : { limits },
  });
  describe(registry, streams, cache);
  const { priceOf } = options;
  if (priceOf !== undefined) describeCost(registry, () => costNow(history, now(), priceOf));
  return {
    routes: createApiRoutes({ cache, streams, viewers, history, windows, intervalMs, now }),
    stop(): void {
      clearInterval(recording);
      streams.stop();
      cache.stop();
      viewers.stop();
    },
  };
}

/** What all servers cost, over the last five minutes. */
function costNow(
  history: History,
  nowMs: number,
  priceOf: (instance: string) => number,
): Cost {
  const scope = new Scope(history, {}, rangeAt(nowMs, COST_SECONDS));
  return costOf(scope, history.targets.map(({ instance }) => instance), priceOf);
}

/** Lists what the servers cost. */
function describeCost(registry: MetricsRegistry, cost: () => Cost): void {
  registry.labelled({
    name: "vllm_metrics_cost_per_hour",
    help:
      "What the servers of GPU_COST_PER_HOUR cost: for prefill, for decode, and without traffic.",
    type: "gauge",
    labels: ["activity"],
  }, () => {
    const { inputPerHour, outputPerHour, idlePerHour } = cost();
    return [[["prefill"], inputPerHour], [["decode"], outputPerHour], [["idle"], idlePerHour]];
  });
  registry.labelled({
    name: "vllm_metrics_cost_per_million_tokens",
    help: "What a million input or output tokens cost at the load of the last 5 minutes.",
    type: "gauge",
    labels: ["tokens"],
  }, () => {
    const { perMillionInput, perMillionOutput } = cost();
    return Object.entries({ input: perMillionInput, output: perMillionOutput })
      .flatMap(([tokens, price]) => price === null ? [] : [[[tokens], price] as const]);
  });
  registry.labelled({
    name: "vllm_metrics_cost_saved_per_hour",
    help: "What the prefix cache saves: cached input tokens at the price of prefill.",
    type: "gauge",
    labels: [],
  }, () => {
    const { savingsPerHour } = cost();
    return savingsPerHour === null ? [] : [[[], savingsPerHour]];
  });
}

/** Lists the metrics of the live page. */
function describe(registry: MetricsRegistry, streams: EventStreams, cache: ViewCache): void {
  registry.gauge({
    name: "vllm_metrics_pages_open",
    help: "Open live pages.",
  }, () => streams.pages);
  registry.counter({
    name: "vllm_metrics_pages_refused_total",
    help: "Live pages refused because too many were open.",
  }, () => streams.refused);
  registry.counter({
    name: "vllm_metrics_slow_pages_dropped_total",
    help: "Live pages dropped because they did not read their events.",
  }, () => streams.dropped);
  registry.counter({
    name: "vllm_metrics_views_computed_total",
    help: "Views computed for live pages and API requests.",
  }, () => cache.computed);
}
