/** What the history holds and what it refused, at `/-/metrics`. */

import type { HistoryFile } from "../history/history_file.ts";
import type { HistoryStore } from "../history/store.ts";
import type { HistoryFeed } from "./history_feed.ts";
import type { MetricsRegistry } from "../metrics_registry.ts";

/** Where the figures come from. */
export interface HistoryFigures {
  /** The history. */
  readonly store: HistoryStore;
  /** Where its scrapes come from. */
  readonly feed: HistoryFeed;
  /** The file that keeps it; undefined when none does. */
  readonly file: HistoryFile | undefined;
  /** Whether a file should keep it. */
  readonly isKept: boolean;
  /** How often it scraped by itself, since no reader did. */
  readonly polls: () => number;
}

/**
 * Lists the figures of the history.
 *
 * @param registry Where they are listed.
 * @param figures Where they come from.
 */
export function describeHistory(
  registry: MetricsRegistry,
  { store, feed, file, isKept, polls }: HistoryFigures,
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
    name: "vllm_metrics_history_polls_total",
    help: "Times that the history had all servers scraped, since no reader did.",
  }, polls);
  registry.counter({
    name: "vllm_metrics_history_skipped_scrapes_total",
    help: "Scrapes that the history left out because they were too long.",
  }, () => feed.skipped);
  registry.counter({
    name: "vllm_metrics_history_dropped_samples_total",
    help: "Samples that the history left out because there were too many series, or too long ones.",
  }, () => store.droppedSamples);
  registry.labelled(
    {
      name: "vllm_metrics_history_cut_samples",
      help:
        "Samples of a server's last scrape that the history left out; only of servers with any.",
      type: "gauge",
      labels: ["instance"],
    },
    () =>
      store.targets.flatMap(({ instance, droppedSamples }) =>
        droppedSamples === undefined ? [] : [[[instance], droppedSamples] as const]
      ),
  );
  registry.counter({
    name: "vllm_metrics_history_dropped_scrapes_total",
    help: "Scrapes that the history dropped before their time because memory was short.",
  }, () => store.droppedScrapes);
  registry.gauge({
    name: "vllm_metrics_history_file_up",
    help: "Whether the file of the history could be used last time; only with a file.",
  }, () => isKept ? Number(file !== undefined && file.failure === undefined) : undefined);
  registry.gauge({
    name: "vllm_metrics_history_file_bytes",
    help: "Size of the file of the history; only with a file.",
  }, () => file?.bytes);
}
