/** The history of one server: its series, its scrapes in memory and in the file, and its state. */

import type { Sql } from "./database.ts";
import { BREAK, FAILED, type Piece, type Row, Shape, staysAt } from "./chunk.ts";
import { FILE_INTERVAL_MS, type HistoryFile } from "./history_file.ts";
import type { TargetState } from "./history.ts";
import { type Level, Levels } from "./levels.ts";
import type { FamilyMemo } from "../exposition/family.ts";
import { readExposition, type Series, SeriesTable } from "./series.ts";

/** How long scrapes are kept in memory, in milliseconds. */
const MEMORY_MS = 24 * 3_600_000;
/** In memory: an hour of all scrapes, then one per 30 s. */
const MEMORY_LEVELS: readonly Level[] = [
  { intervalMs: 0, keepMs: 3_600_000 },
  { intervalMs: 30_000, keepMs: MEMORY_MS },
];
/**
 * A scrape that began so much earlier than the newest, in milliseconds, means that the clock was
 * set back. One that finished after a later one is not that old: scrapes have a time limit.
 */
const SET_BACK_MS = 600_000;

/** What a failed scrape has. */
const NONE = { shape: new Shape([]), values: new Float64Array() };

/** Scrapes of a server that wait while the file cannot be written: half an hour of them. */
const MAX_UNSAVED = 64;

/** The scrapes of one server in the file. */
class ServerFile {
  readonly #file: HistoryFile;
  readonly #levels: Levels;
  /** The newest scrape, which is written unless the next one replaces it. */
  #pending: Row | undefined;
  #unsaved: Row[] = [];
  readonly #flush = (): void => {
    if (this.#pending !== undefined) this.#write(this.#pending);
    this.#pending = undefined;
  };

  constructor(file: HistoryFile, levels: Levels) {
    this.#file = file;
    this.#levels = levels;
    file.flushes.add(this.#flush);
  }

  get bytes(): number {
    return this.#levels.openBytes;
  }

  get oldestMs(): number {
    return this.#file.read(() => this.#levels.oldestMs, Infinity);
  }

  get newestMs(): number {
    return this.#file.read(() => this.#levels.newestMs, -Infinity);
  }

  append(row: Row): void {
    const pending = this.#pending;
    this.#pending = row;
    if (pending !== undefined && staysAt(pending, row, FILE_INTERVAL_MS)) this.#write(pending);
  }

  pieces(family: string, fromMs: number, toMs: number): Piece[] {
    return this.#file.read(() => this.#levels.pieces(family, fromMs, toMs), []);
  }

  cutOff(timeMs: number): void {
    this.#pending = undefined;
    this.#unsaved = this.#unsaved.filter((row) => row.timeMs < timeMs);
    this.#do(() => this.#levels.cutOff(timeMs));
  }

  close(): void {
    this.#flush();
    this.#file.flushes.delete(this.#flush);
  }

  /** Writes a scrape, after those that could not be written before. */
  #write(row: Row): void {
    this.#unsaved = [...this.#unsaved, row].slice(-MAX_UNSAVED);
    const isWritten = this.#do(() => {
      for (const unsaved of this.#unsaved) this.#levels.append(unsaved);
      this.#levels.age(row.timeMs);
      this.#file.expire(row.timeMs);
    });
    if (isWritten) this.#unsaved = [];
  }

  /** A transaction that is undone has changed what the open chunks hold. */
  #do(action: () => void): boolean {
    const isDone = this.#file.write(action);
    if (!isDone) this.#file.read(() => this.#levels.reload(), undefined);
    return isDone;
  }
}

/** The history of one server. */
export class ServerHistory {
  /** Its series. */
  readonly table: SeriesTable;
  /** Its state after the newest scrape. */
  state: TargetState;
  /** Whether the log says that it has too many series. */
  isDropLogged = false;

  readonly #memory: Levels;
  readonly #file: ServerFile | undefined;
  readonly #keepMs: number;
  /** The last value of each counter, to see it fall. */
  readonly #counters = new Map<number, number>();
  #newest: Row = { timeMs: NaN, flags: FAILED, ...NONE };
  #newestMs: number;

  /** Starts with what the file holds. */
  constructor(instance: string, sql: Sql, file: HistoryFile | undefined) {
    this.table = new SeriesTable(instance);
    this.state = {
      instance,
      up: undefined,
      error: "",
      lastSuccessMs: undefined,
      sinceMs: undefined,
    };
    this.#keepMs = Math.max(MEMORY_MS, file?.retentionMs ?? 0);
    const levels = file?.open(this.table);
    this.#file = file && levels && new ServerFile(file, levels);
    this.#memory = new Levels(sql, this.table, MEMORY_LEVELS);
    this.#newestMs = this.#file?.newestMs ?? -Infinity;
  }

  /** The server's name. */
  get instance(): string {
    return this.table.instance;
  }

  /** Memory used besides the tables, in bytes; an estimate. */
  get bytes(): number {
    return this.table.bytes + this.#memory.openBytes + (this.#file?.bytes ?? 0);
  }

  /** Memory used for stored scrapes, in bytes. */
  get storedBytes(): number {
    return this.#memory.storedBytes;
  }

  /** When the newest scrape was made, in milliseconds since 1970; -Infinity without any. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** When the oldest scrape was made, in milliseconds since 1970; Infinity without any. */
  get oldestMs(): number {
    return Math.min(this.#memory.oldestMs, this.#file?.oldestMs ?? Infinity);
  }

  /** The series of the newest scrape with their values; none when it failed. */
  get newest(): [Series, number][] {
    return this.#newest.shape.ids.flatMap((id, index): [Series, number][] => {
      const series = this.table.get(id);
      return series === undefined ? [] : [[series, this.#newest.values[index] ?? NaN]];
    });
  }

  /**
   * Adds a scrape that succeeded.
   *
   * @returns Samples left out; undefined for a scrape that is not newer than the last one.
   */
  add(
    timeMs: number,
    body: Uint8Array,
    mayAdd: () => boolean,
    memo: FamilyMemo,
  ): number | undefined {
    if (!this.#isNewer(timeMs)) return undefined;
    const { ids, values, dropped } = readExposition(body, this.table, mayAdd, memo);
    this.table.touch(ids, timeMs);
    const isBreak = this.#noteCounters(ids, values) || this.state.up !== true;
    const { instance, sinceMs = timeMs, up } = this.state;
    this.state = {
      instance,
      up: true,
      error: "",
      lastSuccessMs: timeMs,
      sinceMs: up === true ? sinceMs : timeMs,
      ...dropped > 0 && { droppedSamples: dropped },
    };
    const { shape } = this.#newest;
    const isSame = ids.length === shape.ids.length && ids.every((id, at) => id === shape.ids[at]);
    this.#append({
      timeMs,
      flags: isBreak ? BREAK : 0,
      shape: isSame ? shape : new Shape(ids),
      values: Float64Array.from(values),
    });
    return dropped;
  }

  /**
   * Adds a scrape that failed.
   *
   * @returns Whether it was added; one that is not newer than the last one is not.
   */
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
    const flags = FAILED | (isBreak ? BREAK : 0);
    this.#append({ timeMs, flags, ...NONE });
    return true;
  }

  /** Downsamples old scrapes in memory, and forgets series that have none left. */
  age(nowMs: number): void {
    this.#memory.age(nowMs);
    this.table.dropBefore(nowMs - this.#keepMs);
    for (const id of this.#counters.keys()) {
      if (this.table.get(id) === undefined) this.#counters.delete(id);
    }
  }

  /** Makes room in memory; see {@linkcode Levels.shrink}. */
  shrink(): number | undefined {
    return this.#memory.shrink();
  }

  /** Removes all scrapes at or after a time, since the clock was set back. */
  cutOff(timeMs: number): void {
    if (timeMs > this.#newestMs) return;
    this.#memory.cutOff(timeMs);
    this.#file?.cutOff(timeMs);
    this.#newestMs = Math.max(this.#memory.newestMs, this.#file?.newestMs ?? -Infinity);
  }

  /** Removes it from memory; its file keeps it. */
  close(): void {
    this.#memory.remove();
    this.#file?.close();
  }

  /** The columns of a family, oldest first; see {@linkcode Levels.pieces}. */
  pieces(family: string, fromMs: number, toMs: number): Piece[] {
    const held = this.#memory.pieces(family, fromMs, Infinity);
    if (this.#file === undefined) return held;
    const { oldestMs } = this.#memory;
    if (fromMs >= oldestMs) return held;
    const kept = this.#file.pieces(family, fromMs, Math.min(toMs, oldestMs)).map((
      piece,
    ): Piece => ({
      intervalMs: piece.intervalMs,
      times: piece.times.filter((timeMs) => timeMs < oldestMs),
      flags: piece.flags,
      copy: (id, to) => piece.copy(id, to),
    }));
    return [...kept, ...held].filter(({ times }) => times.length > 0);
  }

  #isNewer(timeMs: number): boolean {
    if (timeMs < this.#newestMs - SET_BACK_MS) this.cutOff(timeMs);
    return timeMs > this.#newestMs;
  }

  #noteCounters(ids: readonly number[], values: readonly number[]): boolean {
    let hasFallen = false;
    for (const [index, id] of ids.entries()) {
      if (this.table.get(id)?.isCounter !== true) continue;
      const value = values[index] ?? NaN;
      if (value < (this.#counters.get(id) ?? -Infinity)) hasFallen = true;
      this.#counters.set(id, value);
    }
    return hasFallen;
  }

  #append(row: Row): void {
    this.#newestMs = row.timeMs;
    this.#newest = row;
    this.#file?.append(row);
    this.#memory.append(row);
  }
}
