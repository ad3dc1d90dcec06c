/** The SQLite database of the history's file: its schema, its versions, and what can be wrong with it. */

import { basename, dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MetricsError } from "../errors.ts";
import { lockFile } from "./file_lock.ts";

/** `HIST` of vLLM metrics: tells our file from other SQLite files. */
const APPLICATION_ID = 0x764d4831;

/**
 * What makes a file of each version out of one of the version before; the first, out of an empty
 * one. `PRAGMA user_version` tells a file's version.
 *
 * `scrape` holds the rows of the block that still grows, `block` and `part` all others, a part for
 * each family, so that a question reads only what it is about.
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
];

/** How long a write waits for another process, in milliseconds: nothing else goes on meanwhile. */
const BUSY_MS = 20;

/** What the words of SQLite and the system mean; Deno 2.9.6 has the codes of some errors only. */
const PROBLEMS: readonly (readonly [words: RegExp, problem: string, hint: string])[] = [
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
  // A file beside it that cannot grow is no more than that to SQLite.
  [/disk I\/O error/, "the disk is full or has an error", "Make room, or look after the disk."],
  [
    /not a database/,
    "it is no SQLite file",
    "Set HISTORY_FILE to another path; this file was left as it is.",
  ],
];

/**
 * Opens the database, and brings one of an older version up to date.
 *
 * @param path Where the file is; it is made when there is none.
 * @returns The database, of the newest version, and what keeps other services off it.
 * @throws {MetricsError} When it cannot be opened, is not ours, or is another service's. It is then
 *   left as it is.
 */
export function openDatabase(path: string): { database: DatabaseSync; lock: Disposable } {
  let database: DatabaseSync | undefined;
  let lock: Disposable | undefined;
  try {
    // Deno looks at the path alone: a link would lead SQLite to where it may not write.
    database = new DatabaseSync(targetOf(path), { timeout: BUSY_MS });
    const version = checkedVersion(database, path);
    lock = lockFile(path);
    if (version < MIGRATIONS.length) migrate(database, version);
    database.exec("PRAGMA journal_mode = WAL");
    // A power cut may cost the last scrapes, the end of the process none (sqlite.org/wal.html).
    database.exec("PRAGMA synchronous = NORMAL");
    return { database, lock };
  } catch (error) {
    if (database?.isOpen) database.close();
    lock?.[Symbol.dispose]();
    throw failureOf(path, error);
  }
}

/**
 * Checks that a path can be that of a file. Everything else that may be wrong with it can pass, and
 * costs no more than the file.
 *
 * @param path Where the file is, or shall be.
 * @throws {MetricsError} When there is a folder, a device or a socket.
 */
export function checkPathType(path: string): void {
  let found: Deno.FileInfo;
  try {
    found = Deno.statSync(path);
  } catch {
    return;
  }
  if (found.isFile) return;
  const kind = found.isDirectory ? "a folder" : "no file";
  throw new MetricsError("HISTORY_FILE", `Cannot use the history "${path}": it is ${kind}`, {
    hint: "Set HISTORY_FILE to the path of a file, such as data/history.db.",
  });
}

/** Links that lead to one another, as many as Linux follows. */
const MAX_LINKS = 40;

/** Where a path leads once all links are followed; the file itself need not be there. */
function targetOf(path: string): string {
  let target = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    const folder = Deno.realPathSync(dirname(target));
    target = join(folder, basename(target));
    const link = linkAt(target);
    if (link === undefined) break;
    target = resolve(folder, link);
  }
  return target;
}

function linkAt(path: string): string | undefined {
  try {
    return Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
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

/**
 * Words what SQLite or the runtime says.
 *
 * @param path Where the file is.
 * @param error What was thrown.
 * @returns The error for the operator.
 */
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
  const [, problem, hint] = PROBLEMS.find(([words]) => words.test(text)) ?? [];
  return [problem ?? text, hint ?? "Is the file damaged? Move it away to begin a new one."];
}
