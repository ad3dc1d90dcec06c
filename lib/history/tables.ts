/** The tables of the history, in memory or in a file. All methods throw what SQLite throws. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { Columns, type Piece, type Row } from "./chunk.ts";
import type { StoredSeries } from "./series.ts";

/** A stored chunk without its columns. */
export interface StoredChunk extends Pick<Piece, "intervalMs" | "times" | "flags"> {
  /** Its id. */
  readonly id: number;
}

/** A chunk to store: its scrapes, and the encoded columns by family. */
export interface NewChunk extends Omit<StoredChunk, "id"> {
  /** The columns of each family. */
  readonly families: ReadonlyMap<string, Uint8Array>;
}

function encodeNumbers({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function decodeNumbers(stored: Uint8Array): Float64Array {
  return new Float64Array(stored.slice().buffer);
}

type Found = Record<string, SQLOutputValue> | undefined;

function numberIn(found: Found, name: string): number {
  const value = found?.[name];
  if (typeof value !== "number") throw new TypeError(`column ${name} is not a number`);
  return value;
}

function textIn(found: Found, name: string): string {
  const value = found?.[name];
  if (typeof value !== "string") throw new TypeError(`column ${name} is not a text`);
  return value;
}

function bytesIn(found: Found, name: string): Uint8Array {
  const value = found?.[name];
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${name} is not a blob`);
  return value;
}

function chunkIn(found: Found): StoredChunk {
  return {
    id: numberIn(found, "id"),
    intervalMs: numberIn(found, "interval_ms"),
    times: decodeNumbers(bytesIn(found, "times")),
    flags: bytesIn(found, "flags"),
  };
}

/** Reads and writes the tables. */
export class Tables {
  /** Whether open chunks and names of series are stored, since they outlive the process. */
  readonly isFile: boolean;
  readonly #database: DatabaseSync;
  readonly #check: () => void;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Takes an open database of the newest version.
   *
   * @param database The database.
   * @param check Throws when its file is no longer where it was; undefined for one in memory.
   */
  constructor(database: DatabaseSync, check?: () => void) {
    this.#database = database;
    this.isFile = check !== undefined;
    this.#check = check ?? ((): void => {});
  }

  /** Bytes of all pages: the size of a file. */
  get bytes(): number {
    return this.#pages("page_count");
  }

  /** Bytes of the pages in use. */
  get usedBytes(): number {
    return this.#pages("page_count - freelist_count");
  }

  /** Bytes of the chunks of a server. */
  bytesOf(server: number): number {
    const found = this.#sql(
      `SELECT total(length(columns)) AS bytes FROM part JOIN block ON block.id = block
       WHERE server = ?`,
    ).get(server);
    return numberIn(found, "bytes");
  }

  /** The id of a server; a new one if it has none. */
  server(name: string): number {
    this.#run("INSERT OR IGNORE INTO server (name) VALUES (?)", name);
    return numberIn(this.#sql("SELECT id FROM server WHERE name = ?").get(name), "id");
  }

  /** Removes all of a server. */
  removeServer(server: number): void {
    this.#run("DELETE FROM part WHERE block IN (SELECT id FROM block WHERE server = ?)", server);
    for (const table of ["block", "scrape", "series"]) {
      this.#run(`DELETE FROM ${table} WHERE server = ?`, server);
    }
    this.#run("DELETE FROM server WHERE id = ?", server);
  }

  /** The series of a server. */
  series(server: number): StoredSeries[] {
    return this.#sql("SELECT id, key, last_ms FROM series WHERE server = ? ORDER BY id").all(server)
      .map((found) => ({
        id: numberIn(found, "id"),
        key: textIn(found, "key"),
        lastMs: numberIn(found, "last_ms"),
      }));
  }

  /** Adds a series, or updates when it was last seen. */
  addSeries(server: number, { id, key, lastMs }: StoredSeries): void {
    this.#run(
      `INSERT INTO series (server, id, key, last_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET last_ms = max(last_ms, excluded.last_ms)`,
      server,
      id,
      key,
      lastMs,
    );
  }

  /** The scrapes of the open chunk of a level, oldest first. */
  rows(server: number, intervalMs: number): Row[] {
    return this.#sql(
      "SELECT * FROM scrape WHERE server = ? AND interval_ms = ? ORDER BY time_ms",
    ).all(server, intervalMs).map((found) => ({
      timeMs: numberIn(found, "time_ms"),
      flags: numberIn(found, "flags"),
      ids: [...decodeNumbers(bytesIn(found, "ids"))],
      values: [...decodeNumbers(bytesIn(found, "numbers"))],
    }));
  }

  /** Adds a scrape to the open chunk of a level. */
  addRow(server: number, intervalMs: number, { timeMs, flags, ids, values }: Row): void {
    this.#run(
      `INSERT INTO scrape (server, interval_ms, time_ms, flags, ids, numbers)
       VALUES (?, ?, ?, ?, ?, ?)`,
      server,
      intervalMs,
      timeMs,
      flags,
      encodeNumbers(Float64Array.from(ids)),
      encodeNumbers(Float64Array.from(values)),
    );
  }

  /** Removes the scrapes of the open chunk of a level. */
  removeRows(server: number, intervalMs: number): void {
    this.#run("DELETE FROM scrape WHERE server = ? AND interval_ms = ?", server, intervalMs);
  }

  /** Adds a chunk. */
  addChunk(server: number, { intervalMs, times, flags, families }: NewChunk): void {
    const found = this.#sql(
      `INSERT INTO block (server, interval_ms, start_ms, end_ms, times, flags)
       VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
    ).get(
      server,
      intervalMs,
      times[0] ?? 0,
      times.at(-1) ?? 0,
      encodeNumbers(times),
      flags,
    );
    for (const [family, columns] of families) {
      this.#run(
        "INSERT INTO part (block, family, columns) VALUES (?, ?, ?)",
        numberIn(found, "id"),
        family,
        columns,
      );
    }
  }

  /** The chunks of a level that end in a range of time, oldest first. */
  chunks(server: number, intervalMs: number, fromMs: number, beforeMs: number): StoredChunk[] {
    return this.#sql(
      `SELECT id, interval_ms, times, flags FROM block
       WHERE server = ? AND interval_ms = ? AND end_ms >= ? AND end_ms < ? ORDER BY start_ms`,
    ).all(server, intervalMs, fromMs, beforeMs).map(chunkIn);
  }

  /** When the first and the last stored chunk of a server begin and end; undefined without any. */
  span(server: number): { readonly startMs: number; readonly endMs: number } | undefined {
    const found = this.#sql(
      "SELECT min(start_ms) AS startMs, max(end_ms) AS endMs FROM block WHERE server = ?",
    ).get(server);
    if (found?.startMs === null) return undefined;
    return { startMs: numberIn(found, "startMs"), endMs: numberIn(found, "endMs") };
  }

  /** The columns of a family in the chunks that overlap a range of time, oldest first. */
  pieces(server: number, family: string, fromMs: number, toMs: number): Piece[] {
    return this.#sql(
      `SELECT block.id, interval_ms, times, flags, columns FROM block
       LEFT JOIN part ON block = block.id AND family = ?
       WHERE server = ? AND end_ms >= ? AND start_ms <= ? ORDER BY start_ms`,
    ).all(family, server, fromMs, toMs).map((found) => {
      const columns = found.columns === null ? undefined : new Columns(bytesIn(found, "columns"));
      return {
        ...chunkIn(found),
        copy: (id, to): void => void (columns === undefined ? to.fill(NaN) : columns.copy(id, to)),
      };
    });
  }

  /** All columns of a chunk. */
  columns(chunk: number): Columns[] {
    return this.#sql("SELECT columns FROM part WHERE block = ?").all(chunk)
      .map((found) => new Columns(bytesIn(found, "columns")));
  }

  /** Removes a chunk. */
  removeChunk(id: number): void {
    this.#run("DELETE FROM part WHERE block = ?", id);
    this.#run("DELETE FROM block WHERE id = ?", id);
  }

  /**
   * Removes all that ended before a time, also of servers that are gone.
   *
   * @param timeMs The time, in milliseconds since 1970.
   * @param delayMs By how much `last_ms` of a series may be too low, in milliseconds.
   */
  removeBefore(timeMs: number, delayMs: number): void {
    this.#run("DELETE FROM part WHERE block IN (SELECT id FROM block WHERE end_ms < ?)", timeMs);
    this.#run("DELETE FROM block WHERE end_ms < ?", timeMs);
    this.#run("DELETE FROM scrape WHERE time_ms < ?", timeMs);
    this.#run("DELETE FROM series WHERE last_ms < ?", timeMs - delayMs);
  }

  /** Does all or nothing. */
  transaction(action: () => void): void {
    this.#check();
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      action();
      this.#database.exec("COMMIT");
    } catch (error) {
      // After some errors, such as a full disk, SQLite has rolled back already.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #pages(count: string): number {
    const found = this.#sql(
      `SELECT (${count}) * page_size AS bytes
       FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
    ).get();
    return numberIn(found, "bytes");
  }

  #sql(text: string): StatementSync {
    const known = this.#statements.get(text);
    const statement = known ?? this.#database.prepare(text);
    if (known === undefined) this.#statements.set(text, statement);
    return statement;
  }

  #run(text: string, ...values: (number | string | Uint8Array)[]): void {
    this.#sql(text).run(...values);
  }
}
