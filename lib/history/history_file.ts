/** The history's SQLite file: opened, checked, and never in the way of the service. */

import { DatabaseSync } from "node:sqlite";
import { MetricsError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { BlockCache } from "./file_block.ts";
import { APPLICATION_ID, FileTables, MIGRATIONS } from "./file_tables.ts";
import type { Archive, Keeper } from "./keeper.ts";
import type { SeriesTable } from "./series.ts";
import { ServerFile } from "./server_file.ts";

/** Memory for columns that were read, in bytes: a month of one engine takes 15 MB in the file. */
const MAX_CACHE_BYTES = 16 * 1_048_576;
/** Longest file, in bytes: ten years of one engine, or a month of two hundred. */
const MAX_FILE_BYTES = 4 * 1_073_741_824;
/** Bytes of a page of a new file (sqlite.org/pgszchng2016.html). */
const PAGE_BYTES = 4_096;
/** How long a write waits for another process, in milliseconds: nothing else goes on meanwhile. */
const BUSY_MS = 20;

/** What SQLite's words mean to an operator; Deno 2.9.6 has the codes of some errors only. */
const PROBLEMS: readonly (readonly [words: RegExp, problem: string, hint: string])[] = [
  [/locked/, "another process uses it", "Is another copy running? Give each a file of its own."],
  [/readonly/, "it cannot be written", "May the service write it, and in its folder?"],
  [/full/, "the disk or the file is full", "Make room, or begin a new file."],
  [
    /unable to open/,
    "it cannot be opened",
    "Is there such a folder, and may the service write in it?",
  ],
  [
    /not a database/,
    "it is no SQLite file",
    "Set HISTORY_FILE to another path; this file was left as it is.",
  ],
];

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
  readonly #tables: FileTables;
  readonly #cache = new BlockCache(MAX_CACHE_BYTES);
  readonly #servers = new Set<ServerFile>();
  #failure: MetricsError | undefined;

  /**
   * Opens the file, and brings one of an older version up to date.
   *
   * @param options Path, retention and log.
   * @throws {MetricsError} When it cannot be opened, or is not ours. It is then left as it is.
   */
  constructor(options: HistoryFileOptions) {
    this.#options = options;
    this.#database = openDatabase(options.path);
    const pages = Math.ceil((options.maxBytes ?? MAX_FILE_BYTES) / PAGE_BYTES);
    this.#database.exec(`PRAGMA max_page_count = ${pages}`);
    this.#tables = new FileTables(this.#database);
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
  }

  #attempt(action: () => void): boolean {
    const { path, log } = this.#options;
    const before = this.#failure;
    try {
      action();
    } catch (error) {
      this.#failure = failure(path, error);
      const { message, hint } = this.#failure;
      if (before === undefined) log.warn("The history is in memory only", { error: message, hint });
      return false;
    }
    this.#failure = undefined;
    if (before !== undefined) log.info("The history is kept in its file again", { file: path });
    return true;
  }
}

function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: BUSY_MS });
    const version = checkedVersion(database, path);
    if (version < MIGRATIONS.length) migrate(database, version);
    database.exec("PRAGMA journal_mode = WAL");
    // A power cut may cost the last scrapes, the end of the process none (sqlite.org/wal.html).
    database.exec("PRAGMA synchronous = NORMAL");
    return database;
  } catch (error) {
    if (database?.isOpen) database.close();
    throw failure(path, error);
  }
}

/** All at once: a file that is half made would be taken for another program's. */
function migrate(database: DatabaseSync, version: number): void {
  database.exec("BEGIN IMMEDIATE");
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  database.exec("COMMIT");
}

/** The version of a file that is ours, 0 of an empty one. Nothing is written before that is known. */
function checkedVersion(database: DatabaseSync, path: string): number {
  const numberOf = (pragma: string): number =>
    Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
  const version = numberOf("user_version");
  const isEmpty = numberOf("page_count") === 0;
  if (!isEmpty && numberOf("application_id") !== APPLICATION_ID) {
    throw new MetricsError(
      "HISTORY_FILE",
      `Cannot use the history "${path}": it is another program's file`,
      { hint: "Set HISTORY_FILE to another path; this file was left as it is." },
    );
  }
  if (version <= MIGRATIONS.length) return version;
  throw new MetricsError(
    "HISTORY_FILE",
    `Cannot use the history "${path}": its version is ${version}, and ${MIGRATIONS.length} is ` +
      "the newest that is known here",
    { hint: "Run the newer vllm-metrics that made it, or set HISTORY_FILE to another path." },
  );
}

function failure(path: string, error: unknown): MetricsError {
  if (error instanceof MetricsError) return error;
  const [problem, hint] = problemOf(error);
  return new MetricsError("HISTORY_FILE", `Cannot use the history "${path}": ${problem}`, {
    hint,
    cause: error,
  });
}

function problemOf(error: unknown): readonly [problem: string, hint: string] {
  if (error instanceof Deno.errors.NotCapable) {
    return [
      "the service may not write there",
      "Put it into data/, /data or /var/lib/vllm-metrics.",
    ];
  }
  const text = error instanceof Error ? error.message : String(error);
  const [, problem, hint] = PROBLEMS.find(([words]) => words.test(text)) ?? [];
  return [problem ?? text, hint ?? "Is the file damaged? Move it away to begin a new one."];
}
