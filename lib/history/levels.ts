/**
 * The scrapes of one server in one database, in levels: the newest as they were, older ones
 * downsampled, the oldest removed. The same in memory and in a file.
 */

import {
  CHUNK_ROWS,
  encodeColumns,
  type Moment,
  OpenChunk,
  type Piece,
  type Row,
  rowsAt,
  staysAt,
} from "./chunk.ts";
import type { SeriesTable } from "./series.ts";
import type { StoredChunk, Tables } from "./tables.ts";

/** One level. */
export interface Level {
  /** Distance of its scrapes, in milliseconds; 0 keeps all. */
  readonly intervalMs: number;
  /** The age at which a chunk goes on to the next level, or is removed, in milliseconds. */
  readonly keepMs: number;
}

/** A series in a file is stored again after so many milliseconds, to update when it was last seen. */
export const SERIES_UPDATE_MS = 3_600_000;

/** What {@linkcode Levels} works with. */
export interface LevelsOptions {
  /** The tables. */
  readonly tables: Tables;
  /** The series of the server. */
  readonly table: SeriesTable;
  /** The levels, the newest scrapes first. */
  readonly levels: readonly Level[];
}

/** The first scrape of a chunk. */
function firstOf({ times, flags }: Pick<Piece, "times" | "flags">): Moment | undefined {
  const [timeMs] = times;
  return timeMs === undefined ? undefined : { timeMs, flags: flags[0] ?? 0 };
}

/** The scrapes of one server in one database. */
export class Levels {
  /** The id of the server in the tables. */
  readonly server: number;
  readonly #tables: Tables;
  readonly #table: SeriesTable;
  readonly #levels: readonly Level[];
  readonly #open: readonly OpenChunk[];
  /** When each series was last stored, in milliseconds since 1970; only in a file. */
  readonly #storedMs = new Map<number, number>();

  /**
   * Reads what is there of the server, and adds its series to the table.
   *
   * @param options Tables, series and levels.
   * @throws {Error} What SQLite throws, or what is wrong with the tables.
   */
  constructor({ tables, table, levels }: LevelsOptions) {
    this.#tables = tables;
    this.#table = table;
    this.#levels = levels;
    this.#open = levels.map(({ intervalMs }) => new OpenChunk(intervalMs));
    this.server = tables.server(table.instance);
    table.restore(tables.series(this.server));
    this.reload();
    // A damaged table of chunks shall fail here, not at every query.
    tables.span(this.server);
  }

  /**
   * Reads the open chunks from the tables, after a transaction that failed.
   *
   * @throws {Error} As the constructor does.
   */
  reload(): void {
    this.#storedMs.clear();
    for (const open of this.#open) open.clear();
    if (!this.#tables.isFile) return;
    for (const { id, lastMs } of this.#tables.series(this.server)) this.#storedMs.set(id, lastMs);
    for (const open of this.#open) {
      const rows = this.#tables.rows(this.server, open.intervalMs).slice(-CHUNK_ROWS);
      for (const row of rows) open.append(row);
    }
  }

  /** Memory used by the open chunks, in bytes; an estimate. */
  get openBytes(): number {
    return this.#open.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** When the oldest scrape was made, in milliseconds since 1970; Infinity without any. */
  get oldestMs(): number {
    const startMs = this.#tables.span(this.server)?.startMs ?? Infinity;
    return Math.min(startMs, ...this.#open.map(({ times }) => times[0] ?? Infinity));
  }

  /** When the newest scrape was made, in milliseconds since 1970; -Infinity without any. */
  get newestMs(): number {
    const endMs = this.#tables.span(this.server)?.endMs ?? -Infinity;
    return Math.max(endMs, ...this.#open.map(({ times }) => times.at(-1) ?? -Infinity));
  }

  /** Adds a scrape, which must be newer than the others. */
  append(row: Row): void {
    this.#append(row, 0);
  }

  /**
   * Moves old chunks on to the next level, and removes those beyond the last.
   *
   * @param nowMs The time in milliseconds since 1970.
   */
  age(nowMs: number): void {
    for (const [index, { intervalMs, keepMs }] of this.#levels.entries()) {
      const beforeMs = nowMs - keepMs;
      this.#moveOn(this.#tables.chunks(this.server, intervalMs, -Infinity, beforeMs), index);
    }
  }

  /**
   * Makes room: moves the oldest chunk on to the next level, or removes it where there is none.
   *
   * @returns How many scrapes went; undefined when there is nothing that could go.
   */
  shrink(): number | undefined {
    for (const [index, { intervalMs }] of this.#levels.entries()) {
      const [oldest] = this.#tables.chunks(this.server, intervalMs, -Infinity, Infinity);
      if (oldest !== undefined) return this.#moveOn([oldest], index);
    }
    return undefined;
  }

  /** Removes all scrapes at or after a time. */
  cutOff(timeMs: number): void {
    for (const [index, open] of this.#open.entries()) {
      const kept = this.#rowsBefore(open, timeMs, [open]);
      const chunks = this.#tables.chunks(this.server, open.intervalMs, timeMs, Infinity);
      this.#clear(open);
      for (const chunk of chunks) {
        const columns = this.#tables.columns(chunk.id);
        kept.unshift(...this.#rowsBefore(chunk, timeMs, columns));
        this.#tables.removeChunk(chunk.id);
      }
      for (const row of kept) this.#append(row, index);
    }
  }

  /**
   * The columns of a family, oldest first; scrapes outside the range may be among them.
   *
   * @param family The family's name.
   * @param fromMs The earliest time, in milliseconds since 1970.
   * @param toMs The latest.
   */
  pieces(family: string, fromMs: number, toMs: number): Piece[] {
    const stored = this.#tables.pieces(this.server, family, fromMs, toMs);
    const open = this.#open.filter(({ times }) =>
      (times.at(-1) ?? -Infinity) >= fromMs && (times[0] ?? Infinity) <= toMs
    );
    // The open chunk of a level lies between the stored ones of this level and of the next.
    return [...stored, ...open].toSorted((one, other) =>
      (one.times[0] ?? 0) - (other.times[0] ?? 0)
    );
  }

  #append(row: Row, index: number): void {
    const open = this.#open[index];
    if (open === undefined) return;
    if (this.#tables.isFile) {
      this.#storeSeries(row);
      this.#tables.addRow(this.server, open.intervalMs, row);
    }
    open.append(row);
    if (open.length === CHUNK_ROWS) this.#seal(open);
  }

  #storeSeries({ ids, timeMs }: Row): void {
    for (const id of ids) {
      const storedMs = this.#storedMs.get(id) ?? -Infinity;
      const key = this.#table.keyOf(id);
      if (key === undefined || timeMs - storedMs < SERIES_UPDATE_MS) continue;
      this.#tables.addSeries(this.server, { id, key, lastMs: timeMs });
      this.#storedMs.set(id, timeMs);
    }
  }

  #seal(open: OpenChunk): void {
    const families = new Map<string, [number, Float64Array][]>();
    for (const id of open.ids) {
      // A series that was forgotten meanwhile cannot be asked for.
      const family = this.#table.get(id)?.family;
      if (family === undefined) continue;
      const column = new Float64Array(open.length);
      open.copy(id, column);
      const columns = families.get(family);
      if (columns === undefined) families.set(family, [[id, column]]);
      else columns.push([id, column]);
    }
    this.#tables.addChunk(this.server, {
      intervalMs: open.intervalMs,
      times: open.times,
      flags: open.flags,
      families: new Map(
        Array.from(families, ([family, columns]) => [family, encodeColumns(columns)]),
      ),
    });
    this.#clear(open);
  }

  #clear(open: OpenChunk): void {
    if (this.#tables.isFile) this.#tables.removeRows(this.server, open.intervalMs);
    open.clear();
  }

  /** Moves chunks on to the next level; returns how many scrapes went. */
  #moveOn(chunks: readonly StoredChunk[], index: number): number {
    const next = this.#levels[index + 1];
    let gone = 0;
    for (const [at, chunk] of chunks.entries()) {
      gone += chunk.times.length;
      if (next !== undefined) {
        const indexes = staying(chunk, this.#after(chunk, chunks[at + 1], index), next.intervalMs);
        const rows = rowsAt(chunk, indexes, this.#tables.columns(chunk.id));
        for (const row of rows) this.#append(row, index + 1);
        gone -= rows.length;
      }
      this.#tables.removeChunk(chunk.id);
    }
    return gone;
  }

  /** The first scrape after a chunk in its level. */
  #after(
    { intervalMs, times }: StoredChunk,
    next: StoredChunk | undefined,
    index: number,
  ): Moment | undefined {
    const endMs = times.at(-1) ?? 0;
    const [found] = next === undefined
      ? this.#tables.chunks(this.server, intervalMs, endMs + 1, Infinity)
      : [next];
    return firstOf(
      found ?? this.#open[index] ?? { times: new Float64Array(), flags: new Uint8Array() },
    );
  }

  #rowsBefore(
    chunk: Pick<Piece, "times" | "flags">,
    timeMs: number,
    columns: Parameters<typeof rowsAt>[2],
  ): Row[] {
    const kept = chunk.times.filter((each) => each < timeMs);
    return rowsAt(chunk, [...kept.keys()], columns);
  }
}

/** The indexes of the scrapes of a chunk that stay when it is downsampled. */
function staying(
  { times, flags }: StoredChunk,
  after: Moment | undefined,
  intervalMs: number,
): number[] {
  const momentAt = (index: number): Moment | undefined => {
    const timeMs = times[index];
    return timeMs === undefined ? after : { timeMs, flags: flags[index] ?? 0 };
  };
  return [...times.keys()].filter((index) => {
    const moment = momentAt(index);
    return moment !== undefined && staysAt(moment, momentAt(index + 1), intervalMs);
  });
}
