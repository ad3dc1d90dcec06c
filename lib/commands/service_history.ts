/** The history of the service: its file, its recorder and its metrics. */

import type { HistoryConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { checkPathType } from "../history/database.ts";
import { HistoryFile } from "../history/history_file.ts";
import { Recorder } from "../history/recorder.ts";
import { HistoryStore } from "../history/store.ts";
import type { Logger } from "../log.ts";
import type { MetricsRegistry } from "../metrics_registry.ts";

/** What {@linkcode ServiceHistory} works with. */
export interface ServiceHistoryParts {
  /** Intervals and file. */
  readonly config: HistoryConfig;
  /** Where its metrics are registered. */
  readonly registry: MetricsRegistry;
  /** Gets its log lines. */
  readonly log: Logger;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** The history and its recorder. Disposing it writes the newest scrapes and closes the file. */
export class ServiceHistory implements Disposable {
  /** Answers queries. */
  readonly store: HistoryStore;
  /** Records the scrapes of clients. */
  readonly recorder: Recorder;
  readonly #file: HistoryFile | undefined;

  /**
   * Opens the history with what its file holds.
   *
   * @throws {MetricsError} When the path of the file is that of a folder or a device.
   */
  constructor({ config, registry, log, now }: ServiceHistoryParts) {
    this.#file = openFile(config, log);
    this.store = new HistoryStore({ instances: [], archive: this.#file, log });
    this.recorder = new Recorder({ ...config, store: this.store, now });
    register(registry, this.store, this.recorder, this.#file, config.file !== undefined);
  }

  /**
   * Starts to scrape, once the servers are known. For a file, as often as for a viewer.
   *
   * @param answer Answers a request for `/metrics`.
   */
  start(answer: (request: Request) => Promise<Response>): void {
    if (this.#file !== undefined) this.recorder.watch();
    this.recorder.start(async (signal) => {
      const response = await answer(new Request("http://history/metrics", { signal }));
      await response.body?.pipeTo(new WritableStream());
    });
  }

  /** Writes the newest scrapes, and closes the file. */
  [Symbol.dispose](): void {
    this.recorder[Symbol.dispose]();
    this.#file?.[Symbol.dispose]();
  }
}

/** A file that cannot be used is no reason to stop `/metrics`: the history is then in memory. */
function openFile(
  { file: path, retentionMs }: HistoryConfig,
  log: Logger,
): HistoryFile | undefined {
  if (path === undefined) return undefined;
  checkPathType(path);
  try {
    return new HistoryFile({ path, retentionMs, log });
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    log.error("The history is in memory only", { error: error.message, hint: error.hint });
    return undefined;
  }
}

/** Registers the self metrics. */
function register(
  registry: MetricsRegistry,
  store: HistoryStore,
  recorder: Recorder,
  file: HistoryFile | undefined,
  hasFile: boolean,
): void {
  const gauge = (name: string, help: string, read: () => number | undefined): void =>
    registry.gauge({ name: `vllm_metrics_history_${name}`, help }, read);
  const counter = (name: string, help: string, read: () => number): void =>
    registry.counter({ name: `vllm_metrics_history_${name}_total`, help }, read);
  const left = "the history left out";

  gauge(
    "bytes",
    "Memory used by the history, estimated.",
    () => store.bytes + store.cacheBytes,
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
