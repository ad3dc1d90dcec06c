/**
 * The scrapes of one server in one database, in levels: the newest as they were, older ones
 * downsampled, the oldest removed. The same in memory and in a file.
 */

import {
  CHUNK_ROWS,
  Columns,
  encodeColumns,
  type Moment,
  type Piece,
  pieceOf,
  type Row,
  rowsOf,
  Shape,
  staysAt,
} from "./chunk.ts";
import { bytesIn, type Found, numberIn, type Sql, textIn } from "./database.ts";
import type { SeriesTable } from "./series.ts";

/** One level. */
export interface Level {
  /** Distance of its scrapes, in milliseconds; 0 keeps all. */
  readonly intervalMs: number;
  /** The age at which a chunk goes on to the next level, or is removed, in milliseconds. */
  readonly keepMs: number;
}

/** A series in a file is stored again after so many milliseconds, to update when it was last seen. */
export const SERIES_UPDATE_MS = 3_600_000;

/** Memory for columns read from one database, in bytes: an open page asks for the same every 2 s. */
const MAX_CACHE_BYTES = 16 * 1_048_576;
/** Times, flags and objects of a piece, in bytes. */
const BYTES_PER_PIECE = 1_024;

/** A level with its scrapes that do not fill a chunk yet. */
interface OpenLevel extends Level {
  rows: Row[];
}

/** Times and flags of a stored chunk. */
interface Chunk extends Pick<Piece, "intervalMs" | "times" | "flags"> {
  readonly id: number;
}

function encodeNumbers({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function decodeNumbers(stored: Uint8Array): Float64Array {
  return new Float64Array(stored.slice().buffer);
}

function chunkIn(found: Found): Chunk {
  return {
    id: numberIn(found, "id"),
    intervalMs: numberIn(found, "interval_ms"),
    times: decodeNumbers(bytesIn(found, "times")),
    flags: bytesIn(found, "flags"),
  };
}

/** The moments of a chunk, and the one after it if there is any. */
function momentsOf({ times, flags }: Omit<Chunk, "id">, next: readonly Moment[]): Moment[] {
  return [
    ...Array.from(times, (timeMs, index) => ({ timeMs, flags: flags[index] ?? 0 })),
    ...next.slice(0, 1),
  ];
}

/** The scrapes of one server in one database. All methods throw what SQLite throws. */
export class Levels {
  readonly #sql: Sql;
  readonly #table: SeriesTable;
  readonly #levels: readonly OpenLevel[];
  readonly #server: number;
  /** When each series was last stored, in milliseconds since 1970; only in a file. */
  readonly #storedMs = new Map<number, number>();

  /** Reads what is there of the server, and adds its series to the table. */
  constructor(sql: Sql, table: SeriesTable, levels: readonly Level[]) {
    this.#sql = sql;
    this.#table = table;
    this.#levels = levels.map((level) => ({ ...level, rows: [] }));
    sql.run`INSERT OR IGNORE INTO server (name) VALUES (${table.instance})`;
    const [found] = sql.all`SELECT id FROM server WHERE name = ${table.instance}`;
    this.#server = numberIn(found, "id");
    this.reload();
    for (const series of this.#series()) table.restore(series);
    // A damaged table of chunks shall fail here, not at every query.
    this.#span();
  }

  /** Reads the open chunks from the tables, after a transaction that failed. */
  reload(): void {
    this.#storedMs.clear();
    this.#changed();
    if (!this.#sql.isFile) return;
    for (const { id, lastMs } of this.#series()) this.#storedMs.set(id, lastMs);
    for (const level of this.#levels) {
      level.rows = this.#sql.all`SELECT * FROM scrape
        WHERE server = ${this.#server} AND interval_ms = ${level.intervalMs}
        ORDER BY time_ms`.slice(1 - CHUNK_ROWS).map((found) => ({
        timeMs: numberIn(found, "time_ms"),
        flags: numberIn(found, "flags"),
        shape: new Shape([...decodeNumbers(bytesIn(found, "ids"))]),
        values: decodeNumbers(bytesIn(found, "numbers")),
      }));
    }
  }

  /** Memory used by scrapes that do not fill a chunk yet, in bytes; an estimate. */
  get openBytes(): number {
    return this.#levels.reduce(
      (sum, { rows }) => sum + rows.reduce((bytes, { values }) => bytes + values.byteLength, 0),
      0,
    );
  }

  /** Bytes of the columns in the database. */
  get storedBytes(): number {
    const [found] = this.#sql.all`SELECT total(length(columns)) AS bytes
      FROM part JOIN block ON block.id = block WHERE server = ${this.#server}`;
    return numberIn(found, "bytes");
  }

  /** When the oldest scrape was made, in milliseconds since 1970; Infinity without any. */
  get oldestMs(): number {
    const open = this.#levels.map(({ rows }) => rows[0]?.timeMs ?? Infinity);
    return Math.min(this.#span().oldestMs, ...open);
  }

  /** When the newest scrape was made, in milliseconds since 1970; -Infinity without any. */
  get newestMs(): number {
    const open = this.#levels.map(({ rows }) => rows.at(-1)?.timeMs ?? -Infinity);
    return Math.max(this.#span().newestMs, ...open);
  }

  /** Adds a scrape, which must be newer than the others. */
  append(row: Row): void {
    this.#append(row, this.#levels[0]);
  }

  /** Moves old chunks on to the next level, and removes those beyond the last. */
  age(nowMs: number): void {
    for (const level of this.#levels) {
      this.#moveOn(this.#chunks(level, -Infinity, nowMs - level.keepMs), level);
    }
  }

  /**
   * Makes room: moves the oldest chunk on to the next level, or removes it where there is none.
   *
   * @returns How many scrapes went; undefined when there is nothing that could go.
   */
  shrink(): number | undefined {
    for (const level of this.#levels) {
      const [oldest] = this.#chunks(level);
      if (oldest !== undefined) return this.#moveOn([oldest], level);
    }
    return undefined;
  }

  /** Removes all scrapes at or after a time. */
  cutOff(timeMs: number): void {
    for (const level of this.#levels) {
      const chunks = this.#chunks(level, timeMs);
      const rows = chunks.flatMap((chunk) => this.#rowsOf(chunk, [...chunk.times.keys()]));
      const kept = [...rows, ...level.rows].filter((row) => row.timeMs < timeMs);
      for (const { id } of chunks) this.#remove(id);
      this.#clear(level);
      for (const row of kept) this.#append(row, level);
    }
  }

  /** Removes the server. */
  remove(): void {
    for (const level of this.#levels) {
      for (const { id } of this.#chunks(level)) this.#remove(id);
    }
    this.#sql.run`DELETE FROM server WHERE id = ${this.#server}`;
  }

  /** The columns of a family, oldest first; scrapes outside the range may be among them. */
  pieces(family: string, fromMs: number, toMs: number): Piece[] {
    const stored = this.#stored(family, fromMs, toMs)
      .filter(({ times }) => (times.at(-1) ?? -Infinity) >= fromMs);
    const open = this.#levels
      .filter(({ rows }) => (rows.at(-1)?.timeMs ?? -Infinity) >= fromMs)
      .map(({ rows, intervalMs }) => pieceOf(rows, intervalMs));
    // The open chunk of a level lies between the stored ones of this level and of the next.
    return [...stored, ...open]
      .toSorted((one, other) => (one.times[0] ?? 0) - (other.times[0] ?? 0));
  }

  /** The columns of a family in stored chunks; read again only after these changed. */
  #stored(family: string, fromMs: number, toMs: number): readonly Piece[] {
    const { cache } = this.#sql;
    const key = `${this.#server} ${family}`;
    const cached = cache.get(key);
    if (cached !== undefined && cached.fromMs <= fromMs && cached.toMs >= toMs) {
      return cached.pieces;
    }
    const found = this.#sql.all`SELECT block.id, interval_ms, times, flags, columns FROM block
      LEFT JOIN part ON block = block.id AND family = ${family}
      WHERE server = ${this.#server} AND end_ms >= ${fromMs} AND start_ms <= ${toMs}
      ORDER BY start_ms`;
    let bytes = 0;
    const pieces = found.map((chunk): Piece => {
      const blob = chunk.columns === null ? undefined : bytesIn(chunk, "columns");
      const columns = blob && new Columns(blob);
      bytes += BYTES_PER_PIECE + (blob?.length ?? 0);
      return {
        ...chunkIn(chunk),
        copy: (id, to) => void (columns === undefined ? to.fill(NaN) : columns.copy(id, to)),
      };
    });
    if (bytes + this.#sql.cacheBytes > MAX_CACHE_BYTES) cache.clear();
    cache.set(key, { fromMs, toMs, pieces, bytes });
    return pieces;
  }

  /** Stored chunks changed. */
  #changed(): void {
    for (const key of this.#sql.cache.keys()) {
      if (key.startsWith(`${this.#server} `)) this.#sql.cache.delete(key);
    }
  }

  #append(row: Row, level: OpenLevel | undefined): void {
    if (level === undefined) return;
    if (this.#sql.isFile) this.#store(row, level);
    level.rows.push(row);
    if (level.rows.length === CHUNK_ROWS) this.#seal(level);
  }

  /** Stores a scrape, so that it outlives the process. */
  #store({ timeMs, flags, shape: { ids }, values }: Row, { intervalMs }: Level): void {
    for (const id of ids) {
      const key = this.#table.keyOf(id);
      if (key === undefined || timeMs - (this.#storedMs.get(id) ?? -Infinity) < SERIES_UPDATE_MS) {
        continue;
      }
      this.#sql.run`INSERT INTO series (server, id, key, last_ms)
        VALUES (${this.#server}, ${id}, ${key}, ${timeMs})
        ON CONFLICT DO UPDATE SET last_ms = max(last_ms, excluded.last_ms)`;
      this.#storedMs.set(id, timeMs);
    }
    this.#sql.run`INSERT INTO scrape (server, interval_ms, time_ms, flags, ids, numbers)
      VALUES (${this.#server}, ${intervalMs}, ${timeMs}, ${flags},
        ${encodeNumbers(Float64Array.from(ids))}, ${encodeNumbers(values)})`;
  }

  /** Turns the open chunk of a level into a stored one. */
  #seal(level: OpenLevel): void {
    const { times, flags, copy } = pieceOf(level.rows, level.intervalMs);
    const [found] = this.#sql
      .all`INSERT INTO block (server, interval_ms, start_ms, end_ms, times, flags)
      VALUES (${this.#server}, ${level.intervalMs}, ${times[0] ?? 0}, ${times.at(-1) ?? 0},
        ${encodeNumbers(times)}, ${flags}) RETURNING id`;
    const block = numberIn(found, "id");
    const ids = new Set(level.rows.flatMap(({ shape }) => shape.ids));
    const families = Map.groupBy(
      [...ids].toSorted((one, other) => one - other),
      (id) => this.#table.get(id)?.family,
    );
    for (const [family, members] of families) {
      // A series that was forgotten meanwhile cannot be asked for.
      if (family === undefined) continue;
      const columns = members.map((id) => {
        const column = new Float64Array(times.length);
        copy(id, column);
        return [id, column] as const;
      });
      this.#sql.run`INSERT INTO part (block, family, columns)
        VALUES (${block}, ${family}, ${encodeColumns(columns)})`;
    }
    this.#clear(level);
  }

  #clear(level: OpenLevel): void {
    this.#changed();
    level.rows = [];
    if (!this.#sql.isFile) return;
    this.#sql.run`DELETE FROM scrape
      WHERE server = ${this.#server} AND interval_ms = ${level.intervalMs}`;
  }

  /** Moves chunks on to the next level; returns how many scrapes went. */
  #moveOn(chunks: readonly Chunk[], level: OpenLevel): number {
    const next = this.#levels[this.#levels.indexOf(level) + 1];
    let gone = 0;
    for (const chunk of chunks) {
      gone += chunk.times.length;
      if (next !== undefined) {
        const [after] = this.#chunks(level, (chunk.times.at(-1) ?? 0) + 1);
        const moments = momentsOf(chunk, after === undefined ? level.rows : momentsOf(after, []));
        const kept = [...chunk.times.keys()].filter((index) => {
          const moment = moments[index];
          return moment && staysAt(moment, moments[index + 1], next.intervalMs);
        });
        for (const row of this.#rowsOf(chunk, kept)) this.#append(row, next);
        gone -= kept.length;
      }
      this.#remove(chunk.id);
    }
    return gone;
  }

  #remove(chunk: number): void {
    this.#changed();
    this.#sql.run`DELETE FROM part WHERE block = ${chunk}`;
    this.#sql.run`DELETE FROM block WHERE id = ${chunk}`;
  }

  /** The chunks of a level that end in a range of time, oldest first. */
  #chunks({ intervalMs }: Level, fromMs = -Infinity, beforeMs = Infinity): Chunk[] {
    return this.#sql.all`SELECT id, interval_ms, times, flags FROM block
      WHERE server = ${this.#server} AND interval_ms = ${intervalMs}
        AND end_ms >= ${fromMs} AND end_ms < ${beforeMs}
      ORDER BY start_ms`.map(chunkIn);
  }

  #rowsOf(chunk: Chunk, indexes: readonly number[]): Row[] {
    const families = this.#sql.all`SELECT columns FROM part WHERE block = ${chunk.id}`
      .map((found) => new Columns(bytesIn(found, "columns")));
    return rowsOf(chunk, families, indexes);
  }

  #series(): { readonly id: number; readonly key: string; readonly lastMs: number }[] {
    return this.#sql.all`SELECT id, key, last_ms FROM series
      WHERE server = ${this.#server} ORDER BY id`.map((found) => ({
      id: numberIn(found, "id"),
      key: textIn(found, "key"),
      lastMs: numberIn(found, "last_ms"),
    }));
  }

  /** When the first stored chunk begins and the last one ends. */
  #span(): { readonly oldestMs: number; readonly newestMs: number } {
    const [found] = this.#sql.all`SELECT ifnull(min(start_ms), 9e999) AS oldest,
        ifnull(max(end_ms), -9e999) AS newest FROM block WHERE server = ${this.#server}`;
    return { oldestMs: numberIn(found, "oldest"), newestMs: numberIn(found, "newest") };
  }
}
