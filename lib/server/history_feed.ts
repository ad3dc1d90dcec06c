/** The history's part in the scrapes of all servers. */

import type { HistoryStore } from "../history/store.ts";
import { HistoryTap } from "./history_tap.ts";

/** Taps the scrapes of servers that come and go. */
export class HistoryFeed {
  readonly #store: HistoryStore;
  readonly #intervalMs: number;
  readonly #taps = new Map<string, HistoryTap>();
  #skippedBefore = 0;

  /**
   * Begins without servers.
   *
   * @param store Where scrapes go.
   * @param intervalMs Time from one scrape that is wanted to the next, in milliseconds.
   */
  constructor(store: HistoryStore, intervalMs: number) {
    this.#store = store;
    this.#intervalMs = intervalMs;
  }

  /** When the server was last scraped whose last scrape is the oldest, in milliseconds since 1970. */
  get lastMs(): number {
    return Math.min(...Array.from(this.#taps.values(), ({ lastMs }) => lastMs));
  }

  /** Scrapes that were too long to be copied. */
  get skipped(): number {
    return this.#taps.values().reduce((sum, { skipped }) => sum + skipped, this.#skippedBefore);
  }

  /**
   * Begins with a server.
   *
   * @param instance Its name.
   * @returns Taps its scrapes.
   */
  addServer(instance: string): HistoryTap {
    this.#store.addServer(instance);
    const tap = new HistoryTap({ store: this.#store, instance, intervalMs: this.#intervalMs });
    this.#taps.set(instance, tap);
    return tap;
  }

  /**
   * Ends with a server.
   *
   * @param instance Its name.
   */
  removeServer(instance: string): void {
    const tap = this.#taps.get(instance);
    this.#skippedBefore += tap?.skipped ?? 0;
    tap?.[Symbol.dispose]();
    this.#taps.delete(instance);
    this.#store.removeServer(instance);
  }
}
