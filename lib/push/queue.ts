/** Requests that are to be sent, oldest first: in a file that outlives the process, or in memory. */

import { DatabaseSync } from "node:sqlite";
import { targetOf } from "../history/database.ts";

/** `PUSH` of vLLM metrics: tells our file from other SQLite files. */
const APPLICATION_ID = 0x764d5031;
/** Largest sum of bodies, in bytes: in a file, a day of ten engines at 10 s; in memory, an hour of two. */
const MAX_BYTES = { file: 512 * 1_048_576, memory: 32 * 1_048_576 };
/** How long a request is kept, in milliseconds. */
const MAX_AGE_MS = 24 * 3_600_000;

/** A request as it is sent. */
export interface PushRequest {
  /** The body. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Its Content-Type. */
  readonly type: string;
  /** Its Content-Encoding; empty for none. */
  readonly coding: string;
  /** How many points it has. */
  readonly points: number;
}

/** What a {@linkcode Queue} works with. */
export interface QueueOptions {
  /** The path of the file; in memory without. */
  readonly path?: string | undefined;
  /** Counts points that were removed unsent. */
  readonly onLost: (reason: "queue_full" | "too_old", points: number) => void;
  /** Largest sum of bodies, in bytes. @default {512 MiB in a file, 32 MiB in memory} */
  readonly maxBytes?: number;
}

/** Holds requests until they are acknowledged. A file is used by one process at a time. */
export class Queue implements Disposable {
  readonly #database: DatabaseSync;
  readonly #onLost: QueueOptions["onLost"];
  readonly #maxBytes: number;
  /** Whether it outlives the process. */
  readonly isFile: boolean;
  #bytes: number;

  /**
   * Opens it with what its file holds.
   *
   * @throws {Error} When the file cannot be used; it is then left as it is.
   */
  constructor({ path, onLost, maxBytes }: QueueOptions) {
    this.#onLost = onLost;
    this.isFile = path !== undefined;
    this.#maxBytes = maxBytes ?? MAX_BYTES[path === undefined ? "memory" : "file"];
    // Deno checks the path alone: through a link, SQLite would write where it has no permission.
    this.#database = new DatabaseSync(path === undefined ? ":memory:" : targetOf(path));
    try {
      this.#prepare();
      this.#bytes = this.#number("SELECT COALESCE(SUM(LENGTH(body)), 0) FROM request");
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Bytes of the bodies. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many requests there are. */
  get length(): number {
    return this.#number("SELECT COUNT(*) FROM request");
  }

  /** How many points they have. */
  get points(): number {
    return this.#number("SELECT COALESCE(SUM(points), 0) FROM request");
  }

  /** Adds requests, all or none; removes the oldest ones when there are too many bytes. */
  add(requests: readonly PushRequest[], nowMs: number): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const insert = this.#database.prepare(
        "INSERT INTO request (time_ms, points, type, coding, body) VALUES (?, ?, ?, ?, ?)",
      );
      for (const { body, type, coding, points } of requests) {
        insert.run(nowMs, points, type, coding, body);
        this.#bytes += body.length;
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#bytes = this.#number("SELECT COALESCE(SUM(LENGTH(body)), 0) FROM request");
      throw error;
    }
    while (this.#bytes > this.#maxBytes) this.#lose("queue_full", 1e300);
  }

  /** The oldest request that is not too old. */
  first(nowMs: number): PushRequest & { readonly id: number } | undefined {
    while (this.#lose("too_old", nowMs - MAX_AGE_MS));
    const row = this.#database.prepare("SELECT * FROM request ORDER BY id LIMIT 1").get();
    if (row === undefined) return undefined;
    const { id, points, type, coding, body } = row;
    if (!(body instanceof Uint8Array)) throw new TypeError("a body is no blob");
    return {
      id: Number(id),
      points: Number(points),
      type: String(type),
      coding: String(coding),
      body: new Uint8Array(body),
    };
  }

  /** Removes a request. */
  remove(id: number): void {
    const row = this.#database
      .prepare("DELETE FROM request WHERE id = ? RETURNING LENGTH(body) AS bytes").get(id);
    this.#bytes -= Number(row?.bytes ?? 0);
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** Removes the oldest request if it is older than a time; returns whether it did. */
  #lose(reason: "queue_full" | "too_old", beforeMs: number): boolean {
    const row = this.#database.prepare(
      `DELETE FROM request WHERE id = (SELECT MIN(id) FROM request) AND time_ms < ?
       RETURNING points, LENGTH(body) AS bytes`,
    ).get(beforeMs);
    if (row === undefined) return false;
    this.#bytes -= Number(row.bytes);
    this.#onLost(reason, Number(row.points));
    return true;
  }

  #prepare(): void {
    const isNew = this.#number("PRAGMA page_count") === 0;
    if (!isNew && this.#number("PRAGMA application_id") !== APPLICATION_ID) {
      throw new Error("it is another program's file");
    }
    // One process at a time: two would send the same requests. The lock ends with the process.
    this.#database.exec("PRAGMA locking_mode = EXCLUSIVE");
    this.#database.exec("PRAGMA journal_mode = WAL");
    // A power cut may lose the last requests, a crash of the process none (sqlite.org/wal.html).
    this.#database.exec("PRAGMA synchronous = NORMAL");
    this.#database.exec(`BEGIN IMMEDIATE;
      PRAGMA application_id = ${APPLICATION_ID};
      CREATE TABLE IF NOT EXISTS request (
        id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms REAL NOT NULL, points INTEGER NOT NULL,
        type TEXT NOT NULL, coding TEXT NOT NULL, body BLOB NOT NULL
      ) STRICT;
      COMMIT`);
  }

  #number(query: string): number {
    return Number(Object.values(this.#database.prepare(query).get() ?? {})[0] ?? 0);
  }
}
