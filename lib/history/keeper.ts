/** What a history needs of whatever keeps it longer than memory does. */

import type { Row, Rows } from "./block.ts";
import type { SeriesTable } from "./series.ts";

/** Keeps the rows of one server. */
export interface Keeper {
  /** When the oldest row was made, in milliseconds since 1970; undefined without any. */
  readonly oldestMs: number | undefined;
  /** When the newest row was made, in milliseconds since 1970; -Infinity without any. */
  readonly newestMs: number;
  /** Memory taken, in bytes. */
  readonly bytes: number;
  /** Takes a scrape; those that are not kept are left out. */
  take(row: Row): void;
  /** Whether there may be rows of a series. */
  holds(id: number): boolean;
  /** Gives the rows within two times, in milliseconds since 1970, oldest first. */
  pieces(fromMs: number, toMs: number): Rows[];
  /** Writes what came last: the server is gone. */
  close(): void;
  /** Lets go of all rows at or behind a time, since the clock was set back. */
  cutOff(timeMs: number): void;
}

/** Keeps the rows of all servers. */
export interface Archive {
  /**
   * Opens what is kept of a server.
   *
   * @param instance The server's name.
   * @param table Its series; those that are kept are put into it.
   * @returns Its keeper; undefined when nothing of it can be kept.
   */
  open(instance: string, table: SeriesTable): Keeper | undefined;
}
