/** The data of the live page, put together: routes, and what stops them. */

import type { History } from "../history/history.ts";
import type { MetricsRegistry } from "../server/metrics_registry.ts";
import { type ApiRoute, createApiRoutes } from "./api_routes.ts";
import { Attention, type Watch } from "./attention.ts";
import { describeDashboard } from "./dashboard_metrics.ts";
import { Feed, type FeedLimits } from "./feed.ts";
import { type ViewSettings, viewSteps } from "./view_builder.ts";
import { ViewSource } from "./view_source.ts";

/**
 * Views come as scrapes do, but no faster than anybody reads, and often enough that ages stay true
 * and a page can tell a quiet service from a dead one; in milliseconds.
 */
const UPDATE_MS = { shortest: 1_000, longest: 10_000 } as const;

/** What {@linkcode createDashboard} works with. */
export interface DashboardOptions extends ViewSettings {
  /** Who is asked. */
  readonly history: History;
  /** Begins to scrape while somebody looks. */
  readonly watch: Watch;
  /** Where its metrics are listed. */
  readonly registry: MetricsRegistry;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  /** Distance of two views, in milliseconds. @default {that of two scrapes, within 1 s and 10 s} */
  readonly updateMs?: number;
  /** Bounds of open pages. @default {FEED_LIMITS} */
  readonly limits?: FeedLimits;
}

/** The data of the live page. */
export interface Dashboard {
  /** Its routes, by their path. */
  readonly routes: Readonly<Record<string, ApiRoute>>;
  /** Ends all streams at once, and takes no more pages. */
  stop(): void;
}

/**
 * Puts the data of the live page together.
 *
 * @param options History, settings and clock.
 * @returns Its routes, ready to be asked.
 */
export function createDashboard(options: DashboardOptions): Dashboard {
  const { history, watch, registry, now, windows, limits } = options;
  const { shortest, longest } = UPDATE_MS;
  const updateMs = options.updateMs ??
    Math.min(longest, Math.max(shortest, options.intervalMs));
  const attention = new Attention(watch, now);
  const source = new ViewSource({
    build: (request, nowMs) =>
      viewSteps(history, request, nowMs, { ...options, lookedSinceMs: attention.sinceMs ?? nowMs }),
    updateMs,
    now,
  });
  const feed = new Feed({ source, attention, updateMs, ...limits === undefined ? {} : { limits } });
  describeDashboard(registry, feed, source);
  return {
    routes: createApiRoutes({ source, feed, attention, windows }),
    stop(): void {
      feed.stop();
      source.stop();
      attention.stop();
    },
  };
}
