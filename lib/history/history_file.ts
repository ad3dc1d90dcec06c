/** The history file: coarser than memory and for longer. A failure never stops the service. */

import type { MetricsError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { ColumnCache } from "./chunks.ts";
import { failureOf, openFile, type Sql } from "./database.ts";

/** A series is stored again after so many milliseconds, to update when it was last seen. */
export const SERIES_UPDATE_MS = 3_600_000;
/** How often the whole file is searched for what is older than the retention, in milliseconds. */
const EXPIRE_MS = 600_000;
/** Largest file, in bytes: ten years of one engine, or a month of two hundred. */
const MAX_FILE_BYTES = 4 * 1_073_741_824;

/** What {@linkcode HistoryFile} works with. */
export type HistoryFileOptions = {
  readonly path: string;
  /** How long scrapes are kept, in milliseconds. */
  readonly retentionMs: number;
  /** Largest file, in bytes. @default {4294967296} */
  readonly maxBytes?: number;
  readonly log: Logger;
};

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
    return this.read(() => this.sql.size.bytes, 0);
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
