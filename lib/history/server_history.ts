/** The history of one server: its series, its state, and its scrapes in memory and in the file. */

import type { FamilyMemo } from "../exposition/family.ts";
import { BREAK, type ColumnCache, FAILED, Level, type Piece, type Row, staysAt } from "./chunks.ts";
import type { Sql } from "./database.ts";
import { FINE_INTERVAL_MS, type HistoryFile, type ServerFile } from "./history_file.ts";
import type { TargetState } from "./history.ts";
import { type Series, SeriesTable } from "./series.ts";

/** How long scrapes are kept in memory, in milliseconds. */
const MEMORY_MS = 24 * 3_600_000;
/**
 * A scrape that began so much earlier than the newest, in milliseconds, means that the clock was
 * set back. One that finished after a later one is not that old: scrapes have a time limit.
 */
const SET_BACK_MS = 600_000;

/** Where histories are kept. */
export interface Storage {
  /** The database in memory. */
  readonly sql: Sql;
  /** What was read from it. */
  readonly cache: ColumnCache;
  /** Keeps scrapes longer. */
  readonly file: HistoryFile | undefined;
}

/** The history of one server. */
export class ServerHistory {
  /** Its series. */
  readonly table: SeriesTable;
  /** Its state after the newest scrape. */
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
    this.#file = file?.open(table);
    if (this.#file !== undefined) file?.servers.add(this);
    this.#newestMs = this.#newestStoredMs;
  }

  /** The server's name. */
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

  /** When the newest scrape was made, in milliseconds since 1970; -Infinity without any. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** When the oldest scrape was made, in milliseconds since 1970; Infinity without any. */
  get oldestMs(): number {
    return Math.min(...this.#levels.map(({ oldestMs }) => oldestMs));
  }

  /** The series of the newest scrape with their values; none when it failed. */
  get newest(): [Series, number][] {
    return [...this.#newest.values].flatMap(([id, value]): [Series, number][] => {
      const series = this.table.get(id);
      return series === undefined ? [] : [[series, value]];
    });
  }

  /** Adds a scrape that succeeded. */
  add(
    timeMs: number,
    body: Uint8Array,
    mayAdd: (isKnown: boolean) => boolean,
    memo: FamilyMemo,
  ): number | undefined {
    if (!this.#isNewer(timeMs)) return undefined;
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

  /** Adds a scrape that failed. */
  fail(timeMs: number, error: string): boolean {
    if (!this.#isNewer(timeMs)) return false;
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

  /** Writes the newest scrape to the file. */
  flush(): void {
    const [all, fine] = this.#memory;
    fine.follow(all, true);
    this.#file?.follow(fine, true);
  }

  /** Removes it from memory; its file keeps it. */
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

  /** All levels, the finest first. */
  get #levels(): readonly Level[] {
    return [...this.#memory, ...this.#file?.levels ?? []];
  }

  get #newestStoredMs(): number {
    return Math.max(...this.#levels.map(({ newestMs }) => newestMs));
  }

  #isNewer(timeMs: number): boolean {
    if (timeMs < this.#newestMs - SET_BACK_MS) this.cutOff(timeMs);
    return timeMs > this.#newestMs;
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
