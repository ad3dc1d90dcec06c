/** The history of the service: fed by scrapes that pass and by those it makes itself. */

import type { HistoryConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { checkPathType } from "../history/database.ts";
import { HistoryFile } from "../history/history_file.ts";
import { HistoryStore } from "../history/store.ts";
import type { Logger } from "../log.ts";
import { HistoryFeed } from "../server/history_feed.ts";
import { describeHistory } from "../server/history_metrics.ts";
import { HistoryPoller } from "../server/history_poller.ts";
import type { MetricsRegistry } from "../metrics_registry.ts";

/** What a {@linkcode ServiceHistory} works with. */
export interface ServiceHistoryParts {
  /** How the history is fed and kept. */
  readonly config: HistoryConfig;
  /** Where its figures are listed. */
  readonly registry: MetricsRegistry;
  /** Takes its log lines. */
  readonly log: Logger;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** The history and what feeds it. Disposing it writes what came last and closes its file. */
export class ServiceHistory implements Disposable {
  /** What can be asked. */
  readonly store: HistoryStore;
  /** Takes scrapes that pass. */
  readonly feed: HistoryFeed;

  readonly #parts: ServiceHistoryParts;
  readonly #file: HistoryFile | undefined;
  #poller: HistoryPoller | undefined;

  /**
   * Opens the history, with what its file holds.
   *
   * @param parts Settings, registry, log and clock.
   * @throws {MetricsError} When the path of the file is that of something else.
   */
  constructor(parts: ServiceHistoryParts) {
    const { config, registry, log } = parts;
    this.#parts = parts;
    this.#file = openFile(config, log);
    this.store = new HistoryStore({ instances: [], archive: this.#file, log });
    this.feed = new HistoryFeed(this.store, config.intervalMs);
    describeHistory(registry, {
      store: this.store,
      feed: this.feed,
      file: this.#file,
      isKept: config.file !== undefined,
      polls: () => this.#poller?.polls ?? 0,
    });
  }

  /**
   * Begins to scrape, when the servers are known. A history with a file is always fed.
   *
   * @param answer Answers a request on `/metrics`.
   */
  begin(answer: (request: Request) => Promise<Response>): void {
    const { config: { intervalMs }, now } = this.#parts;
    const lastMs = (): number => this.feed.lastMs;
    this.#poller = new HistoryPoller({ lastMs, intervalMs, answer, now });
    if (this.#file !== undefined) this.#poller.watch();
  }

  /** Has the servers scraped until that is disposed. */
  watch(): Disposable {
    return this.#poller?.watch() ?? new DisposableStack();
  }

  /** Scrapes no more. */
  stop(): void {
    this.#poller?.[Symbol.dispose]();
  }

  /** Writes what came last, and closes the file. */
  [Symbol.dispose](): void {
    this.stop();
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
