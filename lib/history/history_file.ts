/** The history's SQLite file: opened, checked, and never in the way of the service. */

import type { DatabaseSync } from "node:sqlite";
import { MetricsError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { BlockCache } from "./file_block.ts";
import { failureOf, openDatabase } from "./file_database.ts";
import { FileTables } from "./file_tables.ts";
import type { Archive, Keeper } from "./keeper.ts";
import type { SeriesTable } from "./series.ts";
import { ServerFile } from "./server_file.ts";

/** Memory for columns that were read, in bytes: a month of one engine takes 15 MB in the file. */
const MAX_CACHE_BYTES = 16 * 1_048_576;
/** Longest file, in bytes: ten years of one engine, or a month of two hundred. */
const MAX_FILE_BYTES = 4 * 1_073_741_824;
/** Bytes of a page of a new file (sqlite.org/pgszchng2016.html). */
const PAGE_BYTES = 4_096;
/** What {@linkcode HistoryFile} is told. */
export interface HistoryFileOptions {
  /** Its path; the file is made when there is none. */
  readonly path: string;
  /** How long scrapes are kept, in milliseconds. */
  readonly retentionMs: number;
  /** Longest file, in bytes. @default {4294967296} */
  readonly maxBytes?: number;
  /** Takes a line when the file fails, and one when that is over. */
  readonly log: Logger;
}

/** Keeps the history in a file. Disposing it writes what came last and closes it. */
export class HistoryFile implements Archive, Disposable {
  readonly #options: HistoryFileOptions;
  readonly #database: DatabaseSync;
  readonly #lock: Disposable;
  readonly #tables: FileTables;
  readonly #cache = new BlockCache(MAX_CACHE_BYTES);
  readonly #servers = new Set<ServerFile>();
  #failure: MetricsError | undefined;

  /**
   * Opens the file, and brings one of an older version up to date.
   *
   * @param options Path, retention and log.
   * @throws {MetricsError} When it cannot be opened, or is not ours; `HISTORY_FILE_TAKEN` when it is
   *   another service's. It is then left as it is.
   */
  constructor(options: HistoryFileOptions) {
    this.#options = options;
    ({ database: this.#database, lock: this.#lock } = openDatabase(options.path));
    const pages = Math.ceil((options.maxBytes ?? MAX_FILE_BYTES) / PAGE_BYTES);
    this.#database.exec(`PRAGMA max_page_count = ${pages}`);
    const { ino } = Deno.statSync(options.path);
    this.#tables = new FileTables(this.#database, () => checkPlace(options.path, ino));
  }

  /** Its size in bytes, without what has not been put in its place yet. */
  get bytes(): number {
    const size = this.#database.prepare(
      "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
    ).get()?.bytes;
    return typeof size === "number" ? size : 0;
  }

  /** Memory taken by what was read, in bytes. */
  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  /** What was wrong when it was last used; undefined when nothing was. */
  get failure(): MetricsError | undefined {
    return this.#failure;
  }

  /** Opens what is kept of a server; undefined when that cannot be read. */
  open(instance: string, table: SeriesTable): Keeper | undefined {
    let server: ServerFile | undefined;
    this.#attempt(() => {
      server = new ServerFile({
        tables: this.#tables,
        instance,
        table,
        retentionMs: this.#options.retentionMs,
        cache: this.#cache,
        attempt: (action) => this.#attempt(action),
        onClose: (gone) => this.#servers.delete(gone),
      });
      this.#servers.add(server);
    });
    return server;
  }

  /** Writes what came last. */
  flush(): void {
    for (const server of this.#servers) server.flush();
  }

  /** Writes what came last, and closes the file. */
  [Symbol.dispose](): void {
    this.flush();
    this.#database.close();
    this.#lock[Symbol.dispose]();
  }

  #attempt(action: () => void): boolean {
    const { path, log } = this.#options;
    const before = this.#failure;
    try {
      action();
    } catch (error) {
      this.#failure = failureOf(path, error);
      const { message, hint } = this.#failure;
      if (before === undefined) log.warn("The history is in memory only", { error: message, hint });
      return false;
    }
    this.#failure = undefined;
    if (before !== undefined) log.info("The history is kept in its file again", { file: path });
    return true;
  }
}

/** What is written to a file that was moved away or removed would be lost, and nothing would say so. */
function checkPlace(path: string, ino: number | null): void {
  if (existingAt(path) === ino) return;
  throw new MetricsError(
    "HISTORY_FILE",
    `Cannot use the history "${path}": it was moved away, replaced or removed`,
    { hint: "Put it back, or start the service again." },
  );
}

/** The number of the file at a path; undefined when there is none. */
function existingAt(path: string): number | null | undefined {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
