/** The history file: the same levels as in memory, coarser and for longer; it never stops the service. */

import type { MetricsError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type Piece, type Row, staysAt } from "./chunk.ts";
import { failureOf, type OpenFile, openFile } from "./database.ts";
import { type Level, Levels, SERIES_UPDATE_MS } from "./levels.ts";
import type { SeriesTable } from "./series.ts";
import { Tables } from "./tables.ts";

/** Distance of the scrapes that are written, in milliseconds. */
const INTERVAL_MS = 30_000;
/** Distance of scrapes older than a day, in milliseconds. */
const COARSE_INTERVAL_MS = 300_000;
/** How long scrapes keep the first distance, in milliseconds. */
const FINE_MS = 24 * 3_600_000;
/** Scrapes of a server that wait while the file cannot be written: half an hour of them. */
const MAX_UNSAVED = 64;
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
  readonly #options: HistoryFileOptions;
  readonly #file: OpenFile;
  readonly #tables: Tables;
  readonly #servers = new Set<FileServer>();
  #isReadFailureLogged = false;

  /**
   * Opens the file, and upgrades one of an older version.
   *
   * @param options Path, retention and log.
   * @throws {MetricsError} When it cannot be opened or is not ours; `HISTORY_FILE_TAKEN` when
   *   another service uses it. It is then left as it is.
   */
  constructor(options: HistoryFileOptions) {
    this.#options = options;
    this.retentionMs = options.retentionMs;
    this.#file = openFile(options.path, options.maxBytes ?? MAX_FILE_BYTES);
    this.#tables = new Tables(this.#file.database, this.#file.checkPlace);
  }

  /** Its size in bytes, without what is still in the write-ahead log. */
  get bytes(): number {
    return this.read(() => this.#tables.bytes, 0);
  }

  /**
   * Opens what is stored of a server.
   *
   * @param table Its series, to which those in the file are added.
   * @returns The server; undefined when it cannot be read, and so not be kept.
   */
  open(table: SeriesTable): FileServer | undefined {
    const levels: Level[] = [
      { intervalMs: INTERVAL_MS, keepMs: Math.min(FINE_MS, this.retentionMs) },
      { intervalMs: COARSE_INTERVAL_MS, keepMs: this.retentionMs },
    ];
    let server: FileServer | undefined;
    this.write(() => {
      server = new FileServer(this, new Levels({ tables: this.#tables, table, levels }));
      this.#servers.add(server);
    });
    return server;
  }

  /** Writes the newest scrapes of all servers. */
  flush(): void {
    for (const server of this.#servers) server.flush();
  }

  /** Closes a server that is gone. */
  close(server: FileServer): void {
    server.flush();
    this.#servers.delete(server);
  }

  /** Writes the newest scrapes, and closes the file. */
  [Symbol.dispose](): void {
    this.flush();
    this.#file[Symbol.dispose]();
  }

  /**
   * Writes all or nothing.
   *
   * @param action Writes.
   * @returns Whether it succeeded.
   */
  write(action: (tables: Tables) => void): boolean {
    const { path, log } = this.#options;
    const before = this.failure;
    try {
      this.#tables.transaction(() => action(this.#tables));
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

  /**
   * Reads.
   *
   * @param action Reads.
   * @param otherwise What stands for a part that cannot be read.
   */
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
}

/** The scrapes of one server in the file. */
export class FileServer {
  readonly #file: HistoryFile;
  readonly #levels: Levels;
  /** The newest scrape, which is written unless the next one replaces it. */
  #pending: Row | undefined;
  #unsaved: Row[] = [];

  /**
   * Takes what is stored.
   *
   * @param file The file.
   * @param levels The scrapes of the server.
   */
  constructor(file: HistoryFile, levels: Levels) {
    this.#file = file;
    this.#levels = levels;
  }

  /** Memory used, in bytes; an estimate. */
  get bytes(): number {
    return this.#levels.openBytes;
  }

  /** When the oldest scrape was made, in milliseconds since 1970; Infinity without any. */
  get oldestMs(): number {
    return this.#file.read(() => this.#levels.oldestMs, Infinity);
  }

  /** When the newest scrape was made, in milliseconds since 1970; -Infinity without any. */
  get newestMs(): number {
    return this.#file.read(() => this.#levels.newestMs, -Infinity);
  }

  /** Adds a scrape; written when its interval is over and no newer one of it came. */
  append(row: Row): void {
    const pending = this.#pending;
    this.#pending = row;
    if (pending !== undefined && staysAt(pending, row, INTERVAL_MS)) this.#write(pending);
  }

  /** Writes the newest scrape. */
  flush(): void {
    if (this.#pending !== undefined) this.#write(this.#pending);
    this.#pending = undefined;
  }

  /** The columns of a family; see {@linkcode Levels.pieces}. */
  pieces(family: string, fromMs: number, toMs: number): Piece[] {
    return this.#file.read(() => this.#levels.pieces(family, fromMs, toMs), []);
  }

  /** Removes all scrapes at or after a time. */
  cutOff(timeMs: number): void {
    this.#pending = undefined;
    this.#unsaved = this.#unsaved.filter((row) => row.timeMs < timeMs);
    if (!this.#file.write(() => this.#levels.cutOff(timeMs))) this.#reload();
  }

  /** Writes a scrape, after those that could not be written before. */
  #write(row: Row): void {
    this.#unsaved = [...this.#unsaved, row].slice(-MAX_UNSAVED);
    const isWritten = this.#file.write((tables) => {
      for (const unsaved of this.#unsaved) this.#levels.append(unsaved);
      this.#levels.age(row.timeMs);
      tables.removeBefore(row.timeMs - this.#file.retentionMs, SERIES_UPDATE_MS);
    });
    if (isWritten) this.#unsaved = [];
    else this.#reload();
  }

  /** The transaction was undone, and with it what the open chunks hold. */
  #reload(): void {
    this.#file.read(() => this.#levels.reload(), undefined);
  }
}
