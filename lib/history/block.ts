/** Scrapes of one server, series by series: a few dozen rows with a column a series. */

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
  /** The numbers of the series, in any order. */
  ids(): Iterable<number>;
  /**
   * Copies the values of a series.
   *
   * @param id The series.
   * @param to Where they go; NaN where a row has none.
   * @param at Where the first one goes.
   */
  copy(id: number, to: Float64Array, at: number): void;
}

/** The columns of a block as they are kept and written to a file. */
export interface BlockParts {
  /** Distance of rows that were left out between these, in milliseconds; 0 when none were. */
  readonly intervalMs: number;
  /** When each scrape began. */
  readonly times: Float64Array;
  /** The flags of each. */
  readonly flags: Uint8Array;
  /** The numbers of the series, ascending. */
  readonly ids: Uint32Array;
  /** Where the column of each begins in the data; `~` of it for a single value that all rows have. */
  readonly places: Int32Array;
  /** The columns. */
  readonly data: Float64Array;
}

/** Rows that do not change any more. A column of one value takes the room of one. */
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
    const { times, flags, ids, places, data } = this.parts;
    return times.byteLength + flags.byteLength + ids.byteLength + places.byteLength +
      data.byteLength + BYTES_OF_OBJECTS;
  }

  /** The numbers of the series, ascending. */
  ids(): Iterable<number> {
    return this.parts.ids;
  }

  /** Copies the values of a series; NaN where a row has none. */
  copy(id: number, to: Float64Array, at: number): void {
    const { ids, places, data } = this.parts;
    const index = search(ids, id);
    const place = index < 0 ? undefined : places[index];
    if (place === undefined) to.fill(NaN, at, at + this.length);
    else if (place < 0) to.fill(data[~place] ?? NaN, at, at + this.length);
    else to.set(data.subarray(place, place + this.length), at);
  }
}

/** What five arrays and their object cost beside their bytes. */
const BYTES_OF_OBJECTS = 1_024;

function search(ids: Uint32Array, id: number): number {
  let low = 0;
  let high = ids.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = ids[middle] ?? 0;
    if (found === id) return middle;
    if (found < id) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/**
 * Takes rows out of a block.
 *
 * @param rows The block.
 * @param indexes Which ones.
 * @returns Those rows.
 */
export function rowsAt(rows: Rows, indexes: readonly number[]): Row[] {
  const taken = indexes.map((index) => ({
    timeMs: rows.times[index] ?? 0,
    flags: rows.flags[index] ?? 0,
    ids: new Array<number>(),
    values: new Array<number>(),
  }));
  const column = new Float64Array(rows.length);
  for (const id of rows.ids()) {
    rows.copy(id, column, 0);
    taken.forEach(({ ids, values }, at) => {
      const value = column[indexes[at] ?? 0] ?? NaN;
      if (Number.isNaN(value)) return;
      ids.push(id);
      values.push(value);
    });
  }
  return taken;
}
