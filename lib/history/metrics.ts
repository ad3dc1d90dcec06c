/** Self metrics of the history. */

import type { MetricsRegistry } from "../metrics_registry.ts";
import type { HistoryFile } from "./history_file.ts";
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

/** Registers the metrics. */
export function registerHistory(registry: MetricsRegistry, parts: HistoryParts): void {
  const { store, recorder, file, hasFile } = parts;
  const gauge = (name: string, help: string, read: () => number | undefined): void =>
    registry.gauge({ name: `vllm_metrics_history_${name}`, help }, read);
  const counter = (name: string, help: string, read: () => number): void =>
    registry.counter({ name: `vllm_metrics_history_${name}_total`, help }, read);
  const left = "the history left out";

  gauge(
    "bytes",
    "Memory used by the history, estimated.",
    () => store.bytes + store.cacheBytes + (file?.cacheBytes ?? 0),
  );
  gauge("series", "Series in the history.", () => store.series);
  counter(
    "scrapes",
    "Scrapes recorded in the history, including failed ones.",
    () => store.scrapes,
  );
  counter(
    "polls",
    "Times that the service scraped all servers for its history, since no client did.",
    () => recorder.polls,
  );
  counter(
    "skipped_scrapes",
    `Scrapes that ${left} because they were too large.`,
    () => recorder.skipped,
  );
  counter(
    "dropped_samples",
    `Samples that ${left}: too many series, or too long a name.`,
    () => store.droppedSamples,
  );
  counter(
    "dropped_scrapes",
    "Scrapes that the history downsampled or removed early because memory was short.",
    () => store.droppedScrapes,
  );
  gauge(
    "file_up",
    "Whether the last write to the history file succeeded; absent without HISTORY_FILE.",
    () => hasFile ? Number(file !== undefined && file.failure === undefined) : undefined,
  );
  gauge("file_bytes", "Size of the history file; absent without one.", () => file?.bytes);
  registry.labelled(
    {
      name: "vllm_metrics_history_cut_samples",
      help: `Samples of a server's last scrape that ${left}; absent when there are none.`,
      type: "gauge",
      labels: ["instance"],
    },
    () =>
      store.targets.flatMap(({ instance, droppedSamples }) =>
        droppedSamples === undefined ? [] : [[[instance], droppedSamples] as const]
      ),
  );
}
