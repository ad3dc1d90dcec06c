/** What the history holds and what it refused, at `/-/metrics`. */

import type { HistoryStore } from "../history/store.ts";
import type { HistoryFeed } from "./history_feed.ts";
import type { MetricsRegistry } from "./metrics_registry.ts";

/**
 * Lists the figures of the history.
 *
 * @param registry Where they are listed.
 * @param store The history.
 * @param feed Where its scrapes come from.
 */
export function describeHistory(
  registry: MetricsRegistry,
  store: HistoryStore,
  feed: HistoryFeed,
): void {
  registry.gauge({
    name: "vllm_metrics_history_bytes",
    help: "Memory that the history takes, estimated.",
  }, () => store.bytes);
  registry.gauge({
    name: "vllm_metrics_history_series",
    help: "Series that the history holds.",
  }, () => store.series);
  registry.counter({
    name: "vllm_metrics_history_scrapes_total",
    help: "Scrapes that the history took, failed ones included.",
  }, () => store.scrapes);
  registry.counter({
    name: "vllm_metrics_history_skipped_scrapes_total",
    help: "Scrapes that the history left out because they were too long.",
  }, () => feed.skipped);
  registry.counter({
    name: "vllm_metrics_history_dropped_samples_total",
    help: "Samples that the history left out because there were too many series.",
  }, () => store.droppedSamples);
  registry.counter({
    name: "vllm_metrics_history_dropped_scrapes_total",
    help: "Scrapes that the history dropped before their time because memory was short.",
  }, () => store.droppedScrapes);
}
