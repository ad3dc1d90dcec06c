/** The tables of the history's file. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { Block, type Row, rowsAt } from "./block.ts";
import { type Columns, decodeColumns, encodeColumns } from "./columns.ts";
import type { StoredSeries } from "./series.ts";

/** What there is to know of a block without its columns. */
export interface StoredBlock {
  /** Its number. */
  readonly id: number;
  /** Distance of its rows, in milliseconds. */
  readonly intervalMs: number;
  /** When each scrape began, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** The flags of each. */
  readonly flags: Uint8Array;
}

/** Numbers as bytes, and back. */
function encodeNumbers({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function decodeNumbers(stored: Uint8Array): Float64Array {
  return new Float64Array(Uint8Array.from(stored).buffer);
}

type Found = Record<string, SQLOutputValue> | undefined;

function numberIn(found: Found, name: string): number {
  const value = found?.[name];
  if (typeof value !== "number") throw new TypeError(`column ${name} is no number`);
  return value;
}

function textIn(found: Found, name: string): string {
  const value = found?.[name];
  if (typeof value !== "string") throw new TypeError(`column ${name} is no text`);
  return value;
}

function bytesIn(found: Found, name: string): Uint8Array {
  const value = found?.[name];
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${name} holds no bytes`);
  return value;
}

/** Reads and writes the tables. All methods throw what SQLite throws. */
export class FileTables {
  readonly #database: DatabaseSync;
  readonly #checkPlace: () => void;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Takes an open database of the newest version.
   *
   * @param database The database.
   * @param checkPlace Throws when its file is no longer where it was.
   */
  constructor(database: DatabaseSync, checkPlace: () => void) {
    this.#database = database;
    this.#checkPlace = checkPlace;
  }

  /** The number of a server; it gets one if it has none. */
  server(name: string): number {
    this.#run("INSERT OR IGNORE INTO server (name) VALUES (?)", name);
    return numberIn(this.#sql("SELECT id FROM server WHERE name = ?").get(name), "id");
  }

  /** The series of a server. */
  series(server: number): StoredSeries[] {
    return this.#sql("SELECT id, key FROM series WHERE server = ? ORDER BY id").all(server)
      .map((found) => ({ id: numberIn(found, "id"), key: textIn(found, "key") }));
  }

  /** Adds a series, or notes that it was there at a time. */
  addSeries(server: number, { id, key }: StoredSeries, timeMs: number): void {
    this.#run(
      `INSERT INTO series (server, id, key, last_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET last_ms = max(last_ms, excluded.last_ms)`,
      server,
      id,
      key,
      timeMs,
    );
  }

  /** Removes the series of a server that were last there before a time; gives their numbers. */
  removeSeries(server: number, beforeMs: number): number[] {
    return this.#sql("DELETE FROM series WHERE server = ? AND last_ms < ? RETURNING id")
      .all(server, beforeMs).map((found) => numberIn(found, "id"));
  }

  /** The rows of the block that still grows, oldest first. */
  rows(server: number): Row[] {
    return this.#sql("SELECT * FROM scrape WHERE server = ? ORDER BY time_ms").all(server)
      .map((found) => ({
        timeMs: numberIn(found, "time_ms"),
        flags: numberIn(found, "flags"),
        ids: [...decodeNumbers(bytesIn(found, "ids"))],
        values: [...decodeNumbers(bytesIn(found, "numbers"))],
      }));
  }

  /** Adds a row to the block that still grows. */
  addRow(server: number, { timeMs, flags, ids, values }: Row): void {
    this.#run(
      "INSERT INTO scrape (server, time_ms, flags, ids, numbers) VALUES (?, ?, ?, ?, ?)",
      server,
      timeMs,
      flags,
      encodeNumbers(Float64Array.from(ids)),
      encodeNumbers(Float64Array.from(values)),
    );
  }

  /** Removes the rows of the block that still grows. */
  removeRows(server: number): void {
    this.#run("DELETE FROM scrape WHERE server = ?", server);
  }

  /** The blocks of a server, oldest first. */
  blocks(server: number): StoredBlock[] {
    return this.#sql(
      "SELECT id, interval_ms, times, flags FROM block WHERE server = ? ORDER BY start_ms",
    ).all(server).map((found) => ({
      id: numberIn(found, "id"),
      intervalMs: numberIn(found, "interval_ms"),
      times: decodeNumbers(bytesIn(found, "times")),
      flags: Uint8Array.from(bytesIn(found, "flags")),
    }));
  }

  /** Adds a block; gives its number. */
  addBlock(
    server: number,
    { intervalMs, times, flags }: Omit<StoredBlock, "id">,
    parts: ReadonlyMap<string, { build(): Columns }>,
  ): number {
    const id = numberIn(
      this.#sql(
        `INSERT INTO block (server, interval_ms, start_ms, end_ms, times, flags)
         VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
      ).get(
        server,
        intervalMs,
        times[0] ?? 0,
        times.at(-1) ?? 0,
        encodeNumbers(times),
        flags,
      ),
      "id",
    );
    for (const [family, columns] of parts) {
      this.#run(
        "INSERT INTO part (block, family, columns) VALUES (?, ?, ?)",
        id,
        family,
        encodeColumns(columns.build()),
      );
    }
    return id;
  }

  /** The columns of a family in a block; undefined where there are none. */
  part(block: number, family: string): Columns | undefined {
    const found = this.#sql("SELECT columns FROM part WHERE block = ? AND family = ?")
      .get(block, family);
    return found === undefined ? undefined : decodeColumns(bytesIn(found, "columns"));
  }

  /** Some rows of a block. */
  rowsOf(block: StoredBlock, indexes: readonly number[]): Row[] {
    const parts = this.#sql("SELECT columns FROM part WHERE block = ?").all(block.id)
      .map((found) => decodeColumns(bytesIn(found, "columns")));
    const { intervalMs, times, flags } = block;
    const pieces = parts.map((columns) =>
      rowsAt(new Block({ intervalMs, times, flags, ...columns }), indexes, columns.ids)
    );
    return indexes.map((index, at) => ({
      timeMs: times[index] ?? 0,
      flags: flags[index] ?? 0,
      ids: pieces.flatMap((rows) => rows[at]?.ids ?? []),
      values: pieces.flatMap((rows) => rows[at]?.values ?? []),
    }));
  }

  /** Removes a block. */
  removeBlock(id: number): void {
    this.#run("DELETE FROM part WHERE block = ?", id);
    this.#run("DELETE FROM block WHERE id = ?", id);
  }

  /**
   * Removes all that ended before a time, of servers that are gone as well; of those of which
   * nothing is left, the series too.
   */
  removeBefore(timeMs: number): void {
    this.#run(
      "DELETE FROM part WHERE block IN (SELECT id FROM block WHERE end_ms < ?)",
      timeMs,
    );
    this.#run("DELETE FROM block WHERE end_ms < ?", timeMs);
    this.#run("DELETE FROM scrape WHERE time_ms < ?", timeMs);
    this.#run(
      `DELETE FROM series WHERE last_ms < ? AND server IN (
         SELECT id FROM server
         WHERE id NOT IN (SELECT server FROM block) AND id NOT IN (SELECT server FROM scrape)
       )`,
      timeMs,
    );
  }

  /** Does all or nothing. */
  transaction(action: () => void): void {
    this.#checkPlace();
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      action();
      this.#database.exec("COMMIT");
    } catch (error) {
      // SQLite has rolled back already after some errors, such as a full disk.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
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
