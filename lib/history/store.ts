/** The history of all servers: scrapes go in, queries are answered. */

import { FamilyMemo } from "../exposition/family.ts";
import type { Logger } from "../log.ts";
import { ColumnCache } from "./chunks.ts";
import { Sql } from "./database.ts";
import type { HistoryFile } from "./history_file.ts";
import type { History, TargetState } from "./history.ts";
import { Queries } from "./queries.ts";
import { ServerHistory, type Storage } from "./server_history.ts";

/** Memory for the history, in bytes: a day of eight busy engines takes about 60 MiB. */
const MAX_HISTORY_BYTES = 64 * 1_048_576;
/** Series of all servers; an engine of vLLM 0.32 has about 390. */
const MAX_SERIES = 20_000;
/** The part of the memory for names and labels of series. */
const SERIES_SHARE = 0.5;
/** The part of all series that families may have which the dashboard does not show. */
const OTHER_SHARE = 0.5;
/** Series that a server over its share loses at once, for one below its share. */
const SERIES_AT_ONCE = 16;
/** How often old scrapes are downsampled or removed, in milliseconds. */
const AGE_MS = 30_000;
/** Removed servers whose scrapes are kept so that sums continue: pods that were replaced. */
const MAX_GONE = 8;

/** One scrape of one server. */
export interface Scrape {
  /** The server's name. */
  readonly instance: string;
  /** When the scrape began, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** A scrape that succeeded. */
export interface GoodScrape extends Scrape {
  /** The whole exposition, as vLLM writes it or sanitized. */
  readonly body: Uint8Array;
}

/** A scrape that failed. */
export interface FailedScrape extends Scrape {
  /** What was wrong, as a sentence. */
  readonly error: string;
}

/** What {@linkcode HistoryStore} works with. */
export interface HistoryOptions {
  /** The servers' names, in the order of the configuration. */
  readonly instances: readonly string[];
  /** Keeps scrapes longer than memory does. */
  readonly archive?: HistoryFile | undefined;
  /** Memory for it, in bytes. @default {67108864} */
  readonly maxBytes?: number;
  /** Largest number of series. @default {20000} */
  readonly maxSeries?: number;
  /** Gets a line when samples of a server are left out. */
  readonly log?: Logger;
}

/** A history whose memory is bounded whatever the servers expose. */
export class HistoryStore extends Queries implements History {
  /** Scrapes added, including failed ones. */
  scrapes = 0;
  /** Samples left out: too many series, or too long a name. */
  droppedSamples = 0;
  /** Scrapes downsampled or removed early because memory was short. */
  droppedScrapes = 0;

  readonly #options: HistoryOptions;
  readonly #maxBytes: number;
  readonly #maxSeries: number;
  readonly #storage: Storage;
  /** What the families of all servers looked like. */
  readonly #memo = new FamilyMemo();
  readonly #all = new Map<string, ServerHistory>();
  /** The names of removed servers, the first removed first. */
  readonly #gone = new Set<string>();
  #agedMs = -Infinity;
  #nextId = 1;

  /** Starts with what the file holds. */
  constructor(options: HistoryOptions) {
    super();
    this.#options = options;
    const sql = new Sql();
    this.#storage = { sql, cache: new ColumnCache(sql), file: options.archive };
    this.#maxBytes = options.maxBytes ?? MAX_HISTORY_BYTES;
    this.#maxSeries = options.maxSeries ?? MAX_SERIES;
    for (const instance of options.instances) this.addServer(instance);
  }

  /** Adds a server. One that was removed earlier keeps its history. */
  addServer(instance: string): void {
    this.#gone.delete(instance);
    if (this.#all.has(instance)) return;
    this.#all.set(instance, new ServerHistory(instance, this.#nextId++, this.#storage));
  }

  /** Removes a server. Its scrapes stay while it is among the last eight removed. */
  removeServer(instance: string): void {
    if (this.#all.get(instance)?.state.lastSuccessMs === undefined) {
      this.#forget(instance);
      return;
    }
    this.#gone.add(instance);
    for (const oldest of this.#gone) {
      if (this.#gone.size <= MAX_GONE) break;
      this.#gone.delete(oldest);
      this.#forget(oldest);
    }
  }

  /** Memory used, in bytes; an estimate. */
  get bytes(): number {
    return this.#storage.sql.usedBytes + this.#sum(({ bytes }) => bytes);
  }

  /** Memory used by what was read for queries, in bytes. */
  get cacheBytes(): number {
    return this.#storage.cache.bytes + (this.#storage.file?.cache.bytes ?? 0);
  }

  /** Number of series. */
  get series(): number {
    return this.#sum(({ table }) => table.size);
  }

  /** The servers, in the order of the configuration. */
  get targets(): readonly TargetState[] {
    return this.servers.map(({ state }) => state)
      .filter(({ instance }) => !this.#gone.has(instance));
  }

  /** When the oldest scrape was made, in milliseconds since 1970. */
  get oldestMs(): number | undefined {
    const oldest = Math.min(...this.servers.map(({ oldestMs }) => oldestMs));
    return Number.isFinite(oldest) ? oldest : undefined;
  }

  /** When the newest scrape was made, in milliseconds since 1970. */
  get newestMs(): number | undefined {
    const newest = Math.max(...this.servers.map(({ newestMs }) => newestMs));
    return Number.isFinite(newest) ? newest : undefined;
  }

  /** When the newest scrape of a server was made, in milliseconds since 1970; -Infinity without any. */
  newestOf(instance: string): number {
    return this.#all.get(instance)?.newestMs ?? -Infinity;
  }

  /** Adds a scrape that succeeded; one that is older than the last of its server is left out. */
  add({ instance, timeMs, body }: GoodScrape): void {
    const server = this.#all.get(instance);
    if (server === undefined) return;
    const full = new Set<boolean>();
    const mayAdd = (isKnown: boolean): boolean => {
      if (!full.has(isKnown) && !this.#hasRoom(server, isKnown)) full.add(isKnown);
      return !full.has(isKnown);
    };
    const dropped = server.add(timeMs, body, mayAdd, this.#memo);
    if (dropped === undefined) return;
    this.droppedSamples += dropped;
    if (dropped > 0) this.#logDropped(server, dropped);
    this.#added(timeMs);
  }

  /** Adds a scrape that failed; one that is older than the last of its server is left out. */
  fail({ instance, timeMs, error }: FailedScrape): void {
    if (this.#all.get(instance)?.fail(timeMs, error)) this.#added(timeMs);
  }

  /** Removes the scrapes of a server at or after a time, since the clock was set back. */
  cutOff(instance: string, timeMs: number): void {
    this.#all.get(instance)?.cutOff(timeMs);
  }

  /** The servers, those that are gone among them. */
  protected get servers(): readonly ServerHistory[] {
    return [...this.#all.values()];
  }

  #forget(instance: string): void {
    this.#all.get(instance)?.close();
    this.#all.delete(instance);
  }

  #sum(of: (server: ServerHistory) => number): number {
    return this.servers.reduce((sum, server) => sum + of(server), 0);
  }

  /** Whether a server may have one more series; one over its share makes room. */
  #hasRoom(server: ServerHistory, isKnown: boolean): boolean {
    const part = isKnown ? 1 : OTHER_SHARE;
    const maxBytes = this.#maxBytes * SERIES_SHARE;
    const bytes = this.#sum(({ table }) => table.bytes);
    if (this.series < this.#maxSeries * part && bytes < maxBytes * part) return true;
    const shareOf = ({ table }: ServerHistory): number =>
      Math.max(table.size / this.#maxSeries, table.bytes / maxBytes);
    if (!isKnown || shareOf(server) >= 1 / this.#all.size) return false;
    const largest = this.servers.reduce((one, other) =>
      shareOf(one) < shareOf(other) ? other : one
    );
    largest.table.dropNewest(SERIES_AT_ONCE);
    return true;
  }

  /** Logs one line per server, however often samples of it are left out. */
  #logDropped(server: ServerHistory, samples: number): void {
    if (server.isDropLogged) return;
    server.isDropLogged = true;
    this.#options.log?.warn("The history leaves out samples of a server", {
      instance: server.instance,
      samples,
      series: server.table.size,
      hint: "It has more series than fit beside those of the other servers, or names longer than " +
        "4 KB. Charts may lack its newest labels.",
    });
  }

  #added(nowMs: number): void {
    this.scrapes++;
    if (Math.abs(nowMs - this.#agedMs) >= AGE_MS) {
      this.#agedMs = nowMs;
      for (const server of this.servers) server.age(nowMs);
    }
    while (this.bytes > this.#maxBytes) {
      const largest = this.servers.reduce((one, other) =>
        one.columns < other.columns ? other : one
      );
      const removed = largest.shrink();
      if (removed === 0) break;
      this.droppedScrapes += removed;
    }
  }
}
