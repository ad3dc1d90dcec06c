/** Scrapes of one server, series by series: a few dozen rows with a column a series. */

import { type Columns, copyColumn } from "./columns.ts";

/** How many scrapes a block holds at most. */
export const BLOCK_ROWS = 64;

/** The scrape failed: nothing is known of any series. */
export const FAILED = 1;
/** A counter fell, or the server went or came: both rows beside this place tell something. */
export const BREAK = 2;

/** When a scrape was made, and what there is to say of it. */
export interface Moment {
  /** When it began, in milliseconds since 1970. */
  readonly timeMs: number;
  /** {@linkcode FAILED} and {@linkcode BREAK}. */
  readonly flags: number;
}

/** One scrape. */
export interface Row extends Moment {
  /** The numbers of the series that it had. */
  readonly ids: readonly number[];
  /** A value each. */
  readonly values: readonly number[];
}

/** Rows that can be read, one after the other in time. */
export interface Rows {
  /** How many there are. */
  readonly length: number;
  /** Distance of rows that were left out between these, in milliseconds; 0 when none were. */
  readonly intervalMs: number;
  /** When each scrape began, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** The flags of each. */
  readonly flags: Uint8Array;
  /**
   * Copies the values of a series.
   *
   * @param id The series.
   * @param to Where they go; NaN where a row has none.
   * @param at Where the first one goes.
   */
  copy(id: number, to: Float64Array, at: number): void;
}

/** What a block is made of. */
export interface BlockParts extends Columns {
  /** Distance of rows that were left out between these, in milliseconds; 0 when none were. */
  readonly intervalMs: number;
  /** When each scrape began, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** The flags of each. */
  readonly flags: Uint8Array;
}

/** Rows that do not change any more. */
export class Block implements Rows {
  /** What it is made of. */
  readonly parts: BlockParts;

  /**
   * Takes columns.
   *
   * @param parts The columns.
   */
  constructor(parts: BlockParts) {
    this.parts = parts;
  }

  /** How many rows there are. */
  get length(): number {
    return this.parts.times.length;
  }

  /** Distance of rows that were left out between these, in milliseconds; 0 when none were. */
  get intervalMs(): number {
    return this.parts.intervalMs;
  }

  /** When each scrape began, in milliseconds since 1970. */
  get times(): Float64Array {
    return this.parts.times;
  }

  /** The flags of each row. */
  get flags(): Uint8Array {
    return this.parts.flags;
  }

  /** Memory taken, in bytes. */
  get bytes(): number {
    const { times, flags, ids, places, wide, narrow } = this.parts;
    return [times, flags, ids, places, wide, narrow]
      .reduce((sum, { byteLength }) => sum + byteLength, BYTES_OF_OBJECTS);
  }

  /** The numbers of the series, ascending. */
  ids(): Iterable<number> {
    return this.parts.ids;
  }

  /** Copies the values of a series; NaN where a row has none. */
  copy(id: number, to: Float64Array, at: number): void {
    copyColumn(this.parts, id, to.subarray(at, at + this.length));
  }
}

/** What six arrays and their object cost beside their bytes. */
const BYTES_OF_OBJECTS = 1_024;

/**
 * Takes rows out of a block.
 *
 * @param rows The block.
 * @param indexes Which ones.
 * @param series The numbers of its series.
 * @returns Those rows.
 */
export function rowsAt(
  rows: Rows,
  indexes: readonly number[],
  series: Iterable<number>,
): Row[] {
  const taken = indexes.map((index) => ({
    timeMs: rows.times[index] ?? 0,
    flags: rows.flags[index] ?? 0,
    ids: new Array<number>(),
    values: new Array<number>(),
  }));
  const column = new Float64Array(rows.length);
  for (const id of series) {
    rows.copy(id, column, 0);
    for (const [at, { ids, values }] of taken.entries()) {
      const value = column[indexes[at] ?? 0] ?? NaN;
      if (Number.isNaN(value)) continue;
      ids.push(id);
      values.push(value);
    }
  }
  return taken;
}

/**
 * The rows of a block before a time.
 *
 * @param rows The block.
 * @param timeMs The time, in milliseconds since 1970.
 * @returns The block, or its beginning.
 */
export function rowsBefore(rows: Rows, timeMs: number): Rows {
  const found = rows.times.findIndex((each) => each >= timeMs);
  if (found < 0) return rows;
  return {
    length: found,
    intervalMs: rows.intervalMs,
    times: rows.times.subarray(0, found),
    flags: rows.flags.subarray(0, found),
    copy(id, to, at): void {
      const whole = new Float64Array(rows.length);
      rows.copy(id, whole, 0);
      to.set(whole.subarray(0, found), at);
    },
  };
}
