/** Self metrics of the history, all beginning with `vllm_metrics_history_`. */

import type { HistoryFile } from "./history_file.ts";
import type { MetricsRegistry } from "../metrics_registry.ts";
import type { Recorder } from "./recorder.ts";
import type { HistoryStore } from "./store.ts";

/** What the metrics are about. */
export interface HistoryParts {
  /** The history. */
  readonly store: HistoryStore;
  /** What records its scrapes. */
  readonly recorder: Recorder;
  /** Its file; undefined when there is none, or it cannot be used. */
  readonly file: HistoryFile | undefined;
  /** Whether `HISTORY_FILE` is set. */
  readonly hasFile: boolean;
}

/**
 * Registers the metrics.
 *
 * @param registry Where they are registered.
 * @param parts What they are about.
 */
export function registerHistory(
  registry: MetricsRegistry,
  { store, recorder, file, hasFile }: HistoryParts,
): void {
  registry.gauge({
    name: "vllm_metrics_history_bytes",
    help: "Memory used by the history, estimated.",
  }, () => store.bytes);
  registry.gauge({
    name: "vllm_metrics_history_series",
    help: "Series in the history.",
  }, () => store.series);
  registry.counter({
    name: "vllm_metrics_history_scrapes_total",
    help: "Scrapes recorded in the history, including failed ones.",
  }, () => store.scrapes);
  registry.counter({
    name: "vllm_metrics_history_polls_total",
    help: "Times that the service scraped all servers for its history, since no client did.",
  }, () => recorder.polls);
  registry.counter({
    name: "vllm_metrics_history_skipped_scrapes_total",
    help: "Scrapes that the history left out because they were too large.",
  }, () => recorder.skipped);
  registry.counter({
    name: "vllm_metrics_history_dropped_samples_total",
    help: "Samples that the history left out: too many series, or too long a name.",
  }, () => store.droppedSamples);
  registry.labelled(
    {
      name: "vllm_metrics_history_cut_samples",
      help:
        "Samples of a server's last scrape that the history left out; absent when there are none.",
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
    help: "Scrapes that the history downsampled or removed early because memory was short.",
  }, () => store.droppedScrapes);
  registry.gauge({
    name: "vllm_metrics_history_file_up",
    help: "Whether the last write to the history file succeeded; absent without HISTORY_FILE.",
  }, () => hasFile ? Number(file !== undefined && file.failure === undefined) : undefined);
  registry.gauge({
    name: "vllm_metrics_history_file_bytes",
    help: "Size of the history file; absent without one.",
  }, () => file?.bytes);
}
