/** What the live page costs; listed at `/-/metrics` beside the service's other metrics. */

import type { MetricsRegistry } from "../server/metrics_registry.ts";
import type { Feed } from "./feed.ts";
import type { ViewSource } from "./view_source.ts";

/**
 * Lists the metrics of the live page.
 *
 * @param registry Where they are listed.
 * @param feed The open pages.
 * @param source The views.
 */
export function describeDashboard(registry: MetricsRegistry, feed: Feed, source: ViewSource): void {
  registry.gauge({
    name: "vllm_metrics_pages_open",
    help: "Live pages that are open.",
  }, () => feed.pages);
  registry.counter({
    name: "vllm_metrics_pages_refused_total",
    help: "Live pages refused because too many were open.",
  }, () => feed.refused);
  registry.counter({
    name: "vllm_metrics_slow_pages_dropped_total",
    help: "Live pages dropped because they did not read what they were sent.",
  }, () => feed.dropped);
  registry.counter({
    name: "vllm_metrics_views_computed_total",
    help: "Views computed for live pages and scripts.",
  }, () => source.computed);
}
