/** The SQLite database of the history: its schema and versions, opening a file, and what can go wrong. */

import { basename, dirname, join, resolve } from "node:path";
import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from "node:sqlite";
import { MetricsError } from "../errors.ts";

/** `HIST` of vLLM metrics: tells our file from other SQLite files. */
const APPLICATION_ID = 0x764d4831;

/**
 * Each turns a database of one version into the next; the first, an empty one. `PRAGMA
 * user_version` is the version of a file.
 *
 * `scrape` holds the scrapes of chunks that still grow. `block` and `part` hold the others, with a
 * part per family, so that a query reads only its own family.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE server (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
   CREATE TABLE series (
     server INTEGER NOT NULL, id INTEGER NOT NULL, key TEXT NOT NULL, last_ms REAL NOT NULL,
     PRIMARY KEY (server, id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE scrape (
     server INTEGER NOT NULL, time_ms REAL NOT NULL, flags INTEGER NOT NULL,
     ids BLOB NOT NULL, numbers BLOB NOT NULL
   ) STRICT;
   CREATE TABLE block (
     id INTEGER PRIMARY KEY, server INTEGER NOT NULL, interval_ms REAL NOT NULL,
     start_ms REAL NOT NULL, end_ms REAL NOT NULL, times BLOB NOT NULL, flags BLOB NOT NULL
   ) STRICT;
   CREATE INDEX block_of_server ON block (server, start_ms);
   CREATE INDEX block_by_end ON block (end_ms);
   CREATE TABLE part (
     block INTEGER NOT NULL, family TEXT NOT NULL, columns BLOB NOT NULL,
     PRIMARY KEY (block, family)
   ) STRICT;`,
  // Every level has a chunk that grows, no longer only the one of a scrape per 30 s.
  "ALTER TABLE scrape ADD COLUMN interval_ms REAL NOT NULL DEFAULT 30000;",
  // All families are kept, and levels overlap. A series of an older version has a known kind.
  "ALTER TABLE series ADD COLUMN kind TEXT NOT NULL DEFAULT '';",
];

/** Bytes of a page of a new file (sqlite.org/pgszchng2016.html). */
const PAGE_BYTES = 4_096;
/** How long a write waits for another process, in milliseconds; the event loop waits as well. */
const BUSY_MS = 20;
/** Messages of SQLite and the system; Deno 2.9.6 has the codes of some errors only. */
const PROBLEMS: readonly (readonly [message: RegExp, problem: string, hint: string])[] = [
  [/locked/, "another process uses it", "Is another copy running? Give each a file of its own."],
  [
    /readonly|Permission denied|Read-only file system/,
    "it cannot be written",
    "May the service write it, and in its folder?",
  ],
  [/full|No space left/, "the disk or the file is full", "Make room, or begin a new file."],
  [
    /unable to open|No such file|Not a directory/,
    "it cannot be opened",
    "Is there such a folder, and may the service write in it?",
  ],
  // SQLite says no more when a file next to the database cannot grow.
  [/disk I\/O error/, "the disk is full or has an error", "Make room, or look after the disk."],
  [
    /not a database/,
    "it is no SQLite file",
    "Set HISTORY_FILE to another path; this file was left as it is.",
  ],
];

/** A row that SQLite returned. */
export type Found = Readonly<Record<string, SQLOutputValue>>;

/** The bytes in a column. */
export function bytesIn(found: Found, column: string): Uint8Array {
  const value = found[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${column} is not a blob`);
  return value;
}

/** A database in memory or in a file; its methods throw what SQLite throws. */
export class Sql implements Disposable {
  /** Whether it is a file, which outlives the process. */
  readonly isFile: boolean;
  readonly #database: DatabaseSync;
  readonly #file: { release(): void; check(): void } | undefined;
  readonly #statements = new Map<TemplateStringsArray, StatementSync>();

  /** Takes an open database, by default a new one in memory. */
  constructor(file?: { database: DatabaseSync; release(): void; check(): void }) {
    this.#database = file?.database ?? new DatabaseSync(":memory:");
    this.#file = file;
    this.isFile = file !== undefined;
    if (file === undefined) migrate(this.#database, 0);
  }

  /** Its size in bytes, with and without pages that are free for what is added. */
  get size(): { readonly bytes: number; readonly usedBytes: number } {
    const [{ pages, free, bytes } = {}] = this
      .all`SELECT page_count AS pages, freelist_count AS free, page_size AS bytes
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size`;
    const size = Number(bytes);
    return { bytes: Number(pages) * size, usedBytes: (Number(pages) - Number(free)) * size };
  }

  /** Runs a statement with values in it. */
  run(text: TemplateStringsArray, ...values: readonly SQLInputValue[]): void {
    this.#statement(text).run(...values);
  }

  /** Runs a query with values in it. */
  all(text: TemplateStringsArray, ...values: readonly SQLInputValue[]): Found[] {
    return this.#statement(text).all(...values);
  }

  /** Does all or nothing. */
  transaction(action: () => void): void {
    this.#file?.check();
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

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#database.close();
    this.#file?.release();
  }

  #statement(text: TemplateStringsArray): StatementSync {
    const known = this.#statements.get(text) ?? this.#database.prepare(text.join("?"));
    this.#statements.set(text, known);
    return known;
  }
}

/**
 * Opens a history file, and upgrades one of an older version.
 *
 * @throws {MetricsError} When it cannot be opened or is not ours; `HISTORY_FILE_TAKEN` when another
 *   service uses it. It is then left as it is.
 */
export function openFile(path: string, maxBytes: number): Sql {
  let database: DatabaseSync | undefined;
  let lock: Disposable | undefined;
  try {
    // Deno checks the path alone: through a link, SQLite would write where it has no permission.
    database = new DatabaseSync(targetOf(path), { timeout: BUSY_MS });
    const version = checkedVersion(database, path);
    lock = lockFile(path);
    migrate(database, version);
    database.exec("PRAGMA journal_mode = WAL");
    // A power cut may lose the last scrapes, a crash of the process none (sqlite.org/wal.html).
    database.exec("PRAGMA synchronous = NORMAL");
    database.exec(`PRAGMA max_page_count = ${Math.ceil(maxBytes / PAGE_BYTES)}`);
    const { ino } = Deno.statSync(path);
    return new Sql({
      database,
      release: () => lock?.[Symbol.dispose](),
      check: () => checkPlace(path, ino),
    });
  } catch (error) {
    if (database?.isOpen) database.close();
    lock?.[Symbol.dispose]();
    throw failureOf(path, error);
  }
}

/** In one transaction: a file that is half migrated would look like another program's. */
function migrate(database: DatabaseSync, version: number): void {
  if (version === MIGRATIONS.length) return;
  database.exec("BEGIN IMMEDIATE");
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  database.exec("COMMIT");
}

/**
 * Locks the file for this process; the system releases the lock when the process ends. The lock is
 * on an empty file next to it, since SQLite's own locks must not meet others on its file
 * (sqlite.org/howtocorrupt.html, 2.2), and others may read it.
 */
function lockFile(path: string): Disposable {
  // One file may have two names.
  const lock = Deno.openSync(`${Deno.realPathSync(path)}-lock`, { write: true, create: true });
  let isOurs = false;
  try {
    isOurs = lock.tryLockSync(true);
  } finally {
    if (!isOurs) lock.close();
  }
  if (isOurs) return lock;
  throw new MetricsError(
    "HISTORY_FILE_TAKEN",
    `Cannot use the history "${path}": another service keeps its own there`,
    { hint: "Give each a file of its own, or end the other one and start this one again." },
  );
}

/** What is written to a file that was moved away or removed would be lost silently. */
function checkPlace(path: string, ino: number | null): void {
  if (statOf(path)?.ino === ino) return;
  throw new MetricsError(
    "HISTORY_FILE",
    `Cannot use the history "${path}": it was moved away, replaced or removed`,
    { hint: "Put it back, or start the service again." },
  );
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Checks that a path is not that of a folder, a device or a socket, which is a wrong setting. Any
 * other problem may pass, and costs only the file.
 *
 * @throws {MetricsError} When it is.
 */
export function checkPathType(path: string): void {
  const found = statOf(path);
  if (found?.isFile ?? true) return;
  const kind = found?.isDirectory ? "a folder" : "no file";
  throw new MetricsError("HISTORY_FILE", `Cannot use the history "${path}": it is ${kind}`, {
    hint: "Set HISTORY_FILE to the path of a file, such as data/history.db.",
  });
}

/** Links that Linux follows in one path. */
const MAX_LINKS = 40;

/** Follows all links of a path; the file itself need not exist. */
export function targetOf(path: string): string {
  let target = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    const folder = Deno.realPathSync(dirname(target));
    target = join(folder, basename(target));
    try {
      target = resolve(folder, Deno.readLinkSync(target));
    } catch {
      // It is no link, or does not exist yet.
      break;
    }
  }
  return target;
}

/** The version of a file of ours, 0 of an empty one. Nothing is written before this check. */
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

/** Turns an error of SQLite or the runtime into one for the operator. */
export function failureOf(path: string, error: unknown): MetricsError {
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
  const [, problem, hint] = PROBLEMS.find(([message]) => message.test(text)) ?? [];
  return [problem ?? text, hint ?? "Is the file damaged? Move it away to begin a new one."];
}
