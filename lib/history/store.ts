/** The history of all servers: scrapes go in, queries are answered. */

import { FamilyMemo } from "../exposition/family.ts";
import type { Logger } from "../log.ts";
import { BREAK, ColumnCache, FAILED, Level, type Piece, type Row, staysAt } from "./chunks.ts";
import { Sql } from "./database.ts";
import { type HistoryFile, SERIES_UPDATE_MS } from "./history_file.ts";
import type { History, TargetState } from "./history.ts";
import { Queries, type Server } from "./queries.ts";
import { type Series, SeriesTable } from "./series.ts";

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

/** Distance of the scrapes of the last day, in memory and in the file, in milliseconds. */
const FINE_INTERVAL_MS = 30_000;
/** How long they are kept, in milliseconds. */
const FINE_MS = 24 * 3_600_000;
/** Distance of the scrapes that are kept for the retention, in milliseconds. */
const COARSE_INTERVAL_MS = 300_000;

/** How long scrapes are kept in memory, in milliseconds. */
const MEMORY_MS = 24 * 3_600_000;

/** One scrape of one server. */
export type Scrape = {
  readonly instance: string;
  /** When the scrape began, in milliseconds since 1970. */
  readonly timeMs: number;
};

/** A scrape that succeeded. */
export type GoodScrape = Scrape & {
  /** The whole exposition, as vLLM writes it or sanitized. */
  readonly body: string | Uint8Array;
};

/** A scrape that failed. */
export type FailedScrape = Scrape & {
  /** What was wrong, as a sentence. */
  readonly error: string;
};

/** What {@linkcode HistoryStore} works with. */
export type HistoryOptions = {
  readonly instances: readonly string[];
  readonly archive?: HistoryFile | undefined;
  /** Memory for it, in bytes. @default {67108864} */
  readonly maxBytes?: number;
  /** Largest number of series. @default {20000} */
  readonly maxSeries?: number;
  readonly log?: Logger;
};

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
    return this.#storage.sql.size.usedBytes + this.#sum(({ bytes }) => bytes);
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
    return this.#servers
      .map(({ state, table: { engine } }) => engine === undefined ? state : { ...state, engine })
      .filter(({ instance }) => !this.#gone.has(instance));
  }

  /** When the oldest scrape was made, in milliseconds since 1970. */
  get oldestMs(): number | undefined {
    const oldest = Math.min(...this.#servers.map(({ oldestMs }) => oldestMs));
    return Number.isFinite(oldest) ? oldest : undefined;
  }

  /** When the newest scrape was made, in milliseconds since 1970. */
  get newestMs(): number | undefined {
    const newest = Math.max(...this.#servers.map(({ newestMs }) => newestMs));
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
  protected get servers(): readonly Server[] {
    return this.#servers;
  }

  get #servers(): ServerHistory[] {
    return [...this.#all.values()];
  }

  #forget(instance: string): void {
    this.#all.get(instance)?.close();
    this.#all.delete(instance);
  }

  #sum(of: (server: ServerHistory) => number): number {
    return this.#servers.reduce((sum, server) => sum + of(server), 0);
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
    const largest = this.#servers.reduce((one, other) =>
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
      for (const server of this.#servers) server.age(nowMs);
    }
    while (this.bytes > this.#maxBytes) {
      const largest = this.#servers.reduce((one, other) =>
        one.columns < other.columns ? other : one
      );
      const removed = largest.shrink();
      if (removed === 0) break;
      this.droppedScrapes += removed;
    }
  }
}

/** Where histories are kept. */
interface Storage {
  readonly sql: Sql;
  readonly cache: ColumnCache;
  readonly file: HistoryFile | undefined;
}

/** The history of one server. */
class ServerHistory implements Server {
  readonly table: SeriesTable;
  state: TargetState;
  /** Whether the log says that it has too many series. */
  isDropLogged = false;

  /** All scrapes of an hour, and one per 30 s of a day. */
  readonly #memory: readonly [Level, Level];
  readonly #archive: HistoryFile | undefined;
  readonly #file: ServerFile | undefined;
  readonly #keepMs: number;
  #newest: Row = { timeMs: NaN, flags: FAILED, values: new Map() };
  #newestMs: number;

  /** Starts with what the file holds. */
  constructor(instance: string, id: number, { sql, cache, file }: Storage) {
    const table = new SeriesTable(instance);
    this.table = table;
    this.state = {
      instance,
      up: undefined,
      error: "",
      lastSuccessMs: undefined,
      sinceMs: undefined,
    };
    this.#keepMs = Math.max(MEMORY_MS, file?.retentionMs ?? 0);
    const familyOf = (series: number): string | undefined => table.get(series)?.family;
    const level = { sql, cache, server: id, familyOf };
    this.#memory = [
      new Level({ ...level, intervalMs: 0, keepMs: 3_600_000 }),
      new Level({ ...level, intervalMs: FINE_INTERVAL_MS, keepMs: MEMORY_MS }),
    ];
    this.#archive = file;
    const stored = file && new ServerFile(file, table);
    if (stored && file.write(() => stored.restore())) {
      this.#file = stored;
      file.servers.add(this);
    }
    this.#newestMs = this.#newestStoredMs;
  }

  get instance(): string {
    return this.table.instance;
  }

  /** Memory used besides the tables, in bytes; an estimate. */
  get bytes(): number {
    const levels = this.#memory.reduce((sum, { bytes }) => sum + bytes, 0);
    return this.table.bytes + levels + (this.#file?.bytes ?? 0);
  }

  /** About how many columns memory holds. */
  get columns(): number {
    return this.table.size * this.#memory.reduce((sum, { chunks }) => sum + chunks, 0);
  }

  get newestMs(): number {
    return this.#newestMs;
  }

  get oldestMs(): number {
    return Math.min(...this.#levels.map(({ oldestMs }) => oldestMs));
  }

  get newest(): [Series, number][] {
    return [...this.#newest.values].flatMap(([id, value]): [Series, number][] => {
      const series = this.table.get(id);
      return series === undefined ? [] : [[series, value]];
    });
  }

  add(
    timeMs: number,
    body: string | Uint8Array,
    mayAdd: (isKnown: boolean) => boolean,
    memo: FamilyMemo,
  ): number | undefined {
    if (timeMs <= this.#newestMs) return undefined;
    const { values, dropped } = this.table.read(body, timeMs, mayAdd, memo);
    const { instance, sinceMs = timeMs, up } = this.state;
    const isBreak = up !== true || this.#hasFallen(values);
    this.state = {
      instance,
      up: true,
      error: "",
      lastSuccessMs: timeMs,
      sinceMs: up === true ? sinceMs : timeMs,
      ...dropped > 0 && { droppedSamples: dropped },
    };
    this.#add({ timeMs, flags: isBreak ? BREAK : 0, values });
    return dropped;
  }

  fail(timeMs: number, error: string): boolean {
    if (timeMs <= this.#newestMs) return false;
    const { instance, up, sinceMs = timeMs, lastSuccessMs } = this.state;
    const isBreak = up !== false;
    this.state = {
      instance,
      up: false,
      error,
      lastSuccessMs,
      sinceMs: isBreak ? timeMs : sinceMs,
    };
    this.#add({ timeMs, flags: FAILED | (isBreak ? BREAK : 0), values: new Map() });
    return true;
  }

  /** Removes old scrapes from memory, and forgets series that have none left. */
  age(nowMs: number): void {
    for (const level of this.#memory) level.age(nowMs);
    this.table.dropBefore(nowMs - this.#keepMs);
  }

  /**
   * Makes room in memory: removes the oldest chunk, first of all scrapes, then of those that are
   * one per 30 s.
   */
  shrink(): number {
    for (const level of this.#memory) {
      const removed = level.removeOldest();
      if (removed > 0) return removed;
    }
    return 0;
  }

  /** Removes all scrapes at or after a time, since the clock was set back. */
  cutOff(timeMs: number): void {
    if (timeMs > this.#newestMs) return;
    for (const level of this.#memory) level.cutOff(timeMs);
    this.#file?.cutOff(timeMs);
    this.#newestMs = this.#newestStoredMs;
  }

  flush(): void {
    const [all, fine] = this.#memory;
    fine.follow(all, true);
    this.#file?.follow(fine, true);
  }

  close(): void {
    this.flush();
    this.#archive?.servers.delete(this);
    for (const level of this.#memory) level.clear();
  }

  /**
   * The columns of a family, oldest first; scrapes outside the range may be among them. Each level
   * has what is older than the finer ones.
   */
  pieces(family: string, fromMs: number, toMs: number): Piece[] {
    const found: Piece[][] = [];
    let beforeMs = Infinity;
    for (const level of this.#levels) {
      if (fromMs >= beforeMs) break;
      const read = (): Piece[] => level.pieces(family, { fromMs, toMs, beforeMs });
      found.unshift(this.#file === undefined ? read() : this.#file.read(read, []));
      beforeMs = Math.min(beforeMs, level.oldestMs);
    }
    return found.flat();
  }

  get #levels(): readonly Level[] {
    return [...this.#memory, ...this.#file?.levels ?? []];
  }

  get #newestStoredMs(): number {
    return Math.max(...this.#levels.map(({ newestMs }) => newestMs));
  }

  #hasFallen(values: ReadonlyMap<number, number>): boolean {
    const before = this.#newest.values;
    return values.entries().some(([id, value]) =>
      value < (before.get(id) ?? -Infinity) && this.table.get(id)?.kind !== "gauge"
    );
  }

  #add(row: Row): void {
    const [all, fine] = this.#memory;
    all.add(row);
    if (staysAt(this.#newest, row, FINE_INTERVAL_MS)) {
      fine.follow(all, false);
      this.#file?.follow(fine, false);
    }
    this.#newestMs = row.timeMs;
    this.#newest = row;
  }
}

/** The scrapes of one server in the file. */
class ServerFile {
  readonly #file: HistoryFile;
  readonly #table: SeriesTable;
  /** What is stored; read again after a write that failed. */
  #stored: { readonly server: number; readonly levels: readonly [Level, Level] } | undefined;
  /** When each series was last stored, in milliseconds since 1970. */
  #storedMs = new Map<number, number>();

  constructor(file: HistoryFile, table: SeriesTable) {
    this.#file = file;
    this.#table = table;
  }

  /** Adds the series of the file to the table. */
  restore(): void {
    const { sql } = this.#file;
    sql.run`INSERT OR IGNORE INTO server (name) VALUES (${this.#table.instance})`;
    const { server, levels: [fine, coarse] } = this.#read();
    const found = sql.all`SELECT * FROM series WHERE server = ${server} ORDER BY id`;
    for (const { id, key, kind, last_ms: lastMs } of found) {
      this.#table.restore(Number(id), String(key), String(kind), Number(lastMs));
    }
    // A process that was killed has not done so; 0.1.0 did so once a day had passed.
    coarse.follow(fine, false);
  }

  get bytes(): number {
    return this.#stored?.levels.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
  }

  /** The levels, the finer one first; none when they cannot be read. */
  get levels(): readonly Level[] {
    return this.#file.read<readonly Level[]>(() => this.#read().levels, []);
  }

  /** Writes what memory has got since; see {@linkcode Level.follow}. */
  follow(memory: Level, isLast: boolean): void {
    const nowMs = memory.newestMs;
    this.#write((server, [fine, coarse]) => {
      this.#storeSeries(server);
      // What memory has at the same distance stays.
      fine.follow(memory, true);
      coarse.follow(fine, isLast);
      fine.age(nowMs);
      coarse.age(nowMs);
      this.#file.expire(nowMs);
    });
  }

  cutOff(timeMs: number): void {
    this.#write((_, levels) => levels.forEach((level) => level.cutOff(timeMs)));
  }

  read<T>(action: () => T, otherwise: T): T {
    return this.#file.read(action, otherwise);
  }

  #write(action: (server: number, levels: readonly [Level, Level]) => void): void {
    const isWritten = this.#file.write(() => {
      const { server, levels } = this.#read();
      action(server, levels);
    });
    if (isWritten) return;
    // The levels are ahead of the file.
    this.#stored = undefined;
    this.#storedMs = new Map();
  }

  #read(): { readonly server: number; readonly levels: readonly [Level, Level] } {
    if (this.#stored !== undefined) return this.#stored;
    const { sql, cache, retentionMs } = this.#file;
    const [found] = sql.all`SELECT id FROM server WHERE name = ${this.#table.instance}`;
    const server = Number(found?.id);
    const familyOf = (id: number): string | undefined => this.#table.get(id)?.family;
    const level = (intervalMs: number, keepMs: number): Level =>
      new Level({ sql, cache, server, familyOf, intervalMs, keepMs });
    const fine = level(FINE_INTERVAL_MS, Math.min(FINE_MS, retentionMs));
    return this.#stored = { server, levels: [fine, level(COARSE_INTERVAL_MS, retentionMs)] };
  }

  #storeSeries(server: number): void {
    for (const { id, key, kind, lastMs } of this.#table.values()) {
      if (lastMs - (this.#storedMs.get(id) ?? -Infinity) < SERIES_UPDATE_MS) continue;
      this.#file.sql.run`INSERT INTO series (server, id, key, kind, last_ms)
        VALUES (${server}, ${id}, ${key}, ${kind}, ${lastMs})
        ON CONFLICT DO UPDATE SET kind = ${kind}, last_ms = ${lastMs}`;
      this.#storedMs.set(id, lastMs);
    }
  }
}
