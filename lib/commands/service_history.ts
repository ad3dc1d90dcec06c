/** The history of the service: its file, its recorder and its metrics. */

import type { HistoryConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { checkPathType } from "../history/database.ts";
import { HistoryFile } from "../history/history_file.ts";
import { registerHistory } from "../history/metrics.ts";
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
    registerHistory(registry, {
      store: this.store,
      recorder: this.recorder,
      file: this.#file,
      hasFile: config.file !== undefined,
    });
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
