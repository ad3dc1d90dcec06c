/** The history file: coarser than memory and for longer. A failure never stops the service. */

import type { MetricsError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { ColumnCache, Level } from "./chunks.ts";
import { failureOf, openFile, type Sql } from "./database.ts";
import type { SeriesTable } from "./series.ts";

/** Distance of the scrapes of the last day, in memory and in the file, in milliseconds. */
export const FINE_INTERVAL_MS = 30_000;
/** How long they are kept, in milliseconds. */
const FINE_MS = 24 * 3_600_000;
/** Distance of the scrapes that are kept for the retention, in milliseconds. */
const COARSE_INTERVAL_MS = 300_000;
/** A series is stored again after so many milliseconds, to update when it was last seen. */
const SERIES_UPDATE_MS = 3_600_000;
/** How often the whole file is searched for what is older than the retention, in milliseconds. */
const EXPIRE_MS = 600_000;
/** Largest file, in bytes: ten years of one engine, or a month of two hundred. */
const MAX_FILE_BYTES = 4 * 1_073_741_824;

/** What {@linkcode HistoryFile} works with. */
export interface HistoryFileOptions {
  /** Its path; the file is created when there is none. */
  readonly path: string;
  /** How long scrapes are kept, in milliseconds. */
  readonly retentionMs: number;
  /** Largest file, in bytes. @default {4294967296} */
  readonly maxBytes?: number;
  /** Gets a line when the file fails, and one when it works again. */
  readonly log: Logger;
}

/** Writes and reads the file. Disposing it writes the newest scrapes and closes it. */
export class HistoryFile implements Disposable {
  /** How long scrapes are kept, in milliseconds. */
  readonly retentionMs: number;
  /** What was wrong with the last write; undefined when nothing was. */
  failure: MetricsError | undefined;
  /** The servers that are written. */
  readonly servers = new Set<{ flush(): void }>();
  /** The database. */
  readonly sql: Sql;
  /** What was read from it. */
  readonly cache: ColumnCache;
  readonly #options: HistoryFileOptions;
  #isReadFailureLogged = false;
  #expiredMs = -Infinity;

  /**
   * Opens the file, and upgrades one of an older version.
   *
   * @throws {MetricsError} When it cannot be opened or is not ours; `HISTORY_FILE_TAKEN` when
   *   another service uses it. It is then left as it is.
   */
  constructor(options: HistoryFileOptions) {
    this.#options = options;
    this.retentionMs = options.retentionMs;
    this.sql = openFile(options.path, options.maxBytes ?? MAX_FILE_BYTES);
    this.cache = new ColumnCache(this.sql);
  }

  /** Its size in bytes, without what is still in the write-ahead log. */
  get bytes(): number {
    return this.read(() => this.sql.bytes, 0);
  }

  /** Opens what is stored of a server; undefined when it cannot be read, and so not be kept. */
  open(table: SeriesTable): ServerFile | undefined {
    const server = new ServerFile(this, table);
    return this.write(() => server.restore()) ? server : undefined;
  }

  /** Writes the newest scrapes of all servers. */
  flush(): void {
    for (const server of this.servers) server.flush();
  }

  /** Writes the newest scrapes, and closes the file. */
  [Symbol.dispose](): void {
    this.flush();
    this.sql[Symbol.dispose]();
  }

  /** Writes all or nothing; returns whether it succeeded. */
  write(action: () => void): boolean {
    const { path, log } = this.#options;
    const before = this.failure;
    try {
      this.sql.transaction(action);
    } catch (error) {
      this.failure = failureOf(path, error);
      const { message, hint } = this.failure;
      if (before === undefined) log.warn("The history is in memory only", { error: message, hint });
      return false;
    }
    this.failure = undefined;
    if (before !== undefined) log.info("The history is kept in its file again", { file: path });
    return true;
  }

  /** Reads, or returns something else for what cannot be read. */
  read<T>(action: () => T, otherwise: T): T {
    try {
      return action();
    } catch (error) {
      const { message, hint } = failureOf(this.#options.path, error);
      if (!this.#isReadFailureLogged) {
        this.#options.log.warn("Part of the history cannot be read", { error: message, hint });
      }
      this.#isReadFailureLogged = true;
      return otherwise;
    }
  }

  /** Removes what is older than the retention, also of servers that are gone; now and then. */
  expire(nowMs: number): void {
    if (Math.abs(nowMs - this.#expiredMs) < EXPIRE_MS) return;
    this.#expiredMs = nowMs;
    const { sql } = this;
    const beforeMs = nowMs - this.retentionMs;
    sql.run`DELETE FROM part WHERE block IN (SELECT id FROM block WHERE end_ms < ${beforeMs})`;
    sql.run`DELETE FROM block WHERE end_ms < ${beforeMs}`;
    sql.run`DELETE FROM scrape WHERE time_ms < ${beforeMs}`;
    sql.run`DELETE FROM series WHERE last_ms < ${beforeMs - SERIES_UPDATE_MS}`;
  }
}

/** The scrapes of one server in the file. */
export class ServerFile {
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

  /** Memory used, in bytes; an estimate. */
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

  /** Removes all scrapes at or after a time. */
  cutOff(timeMs: number): void {
    this.#write((_, levels) => levels.forEach((level) => level.cutOff(timeMs)));
  }

  /** Reads, or returns something else for what cannot be read. */
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
