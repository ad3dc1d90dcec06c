/** The history file: coarser than memory and for longer. A failure never stops the service. */

import type { MetricsError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { failureOf, openFile, type Sql } from "./database.ts";
import { type Level, Levels, SERIES_UPDATE_MS } from "./levels.ts";
import type { SeriesTable } from "./series.ts";

/** Distance of the scrapes that are written, in milliseconds. */
export const FILE_INTERVAL_MS = 30_000;
/** Distance of scrapes older than a day, in milliseconds. */
const COARSE_INTERVAL_MS = 300_000;
/** How long scrapes keep the first distance, in milliseconds. */
const FINE_MS = 24 * 3_600_000;
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
  /** Each writes the newest scrape of a server. */
  readonly flushes = new Set<() => void>();
  readonly #options: HistoryFileOptions;
  readonly #sql: Sql;
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
    this.#sql = openFile(options.path, options.maxBytes ?? MAX_FILE_BYTES);
  }

  /** Its size in bytes, without what is still in the write-ahead log. */
  get bytes(): number {
    return this.read(() => this.#sql.bytes, 0);
  }

  /** Memory used by what was read for queries, in bytes. */
  get cacheBytes(): number {
    return this.#sql.cacheBytes;
  }

  /** Opens what is stored of a server; undefined when it cannot be read, and so not be kept. */
  open(table: SeriesTable): Levels | undefined {
    const levels: Level[] = [
      { intervalMs: FILE_INTERVAL_MS, keepMs: Math.min(FINE_MS, this.retentionMs) },
      { intervalMs: COARSE_INTERVAL_MS, keepMs: this.retentionMs },
    ];
    let opened: Levels | undefined;
    this.write(() => opened = new Levels(this.#sql, table, levels));
    return opened;
  }

  /** Writes the newest scrapes of all servers. */
  flush(): void {
    for (const flush of this.flushes) flush();
  }

  /** Writes the newest scrapes, and closes the file. */
  [Symbol.dispose](): void {
    this.flush();
    this.#sql[Symbol.dispose]();
  }

  /** Writes all or nothing; returns whether it succeeded. */
  write(action: () => void): boolean {
    const { path, log } = this.#options;
    const before = this.failure;
    try {
      this.#sql.transaction(action);
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
    const beforeMs = nowMs - this.retentionMs;
    this.#sql
      .run`DELETE FROM part WHERE block IN (SELECT id FROM block WHERE end_ms < ${beforeMs})`;
    this.#sql.run`DELETE FROM block WHERE end_ms < ${beforeMs}`;
    this.#sql.run`DELETE FROM scrape WHERE time_ms < ${beforeMs}`;
    this.#sql.run`DELETE FROM series WHERE last_ms < ${beforeMs - SERIES_UPDATE_MS}`;
  }
}
