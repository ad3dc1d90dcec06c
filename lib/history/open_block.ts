/** The rows that came last: a block that still grows. */

import { Block, BLOCK_ROWS, type Row, type Rows } from "./block.ts";

/** What one column costs, in bytes: its values, and an entry of a map. */
const BYTES_A_COLUMN = BLOCK_ROWS * 8 + 192;

/** A block that takes rows until it is full. */
export class OpenBlock implements Rows {
  /** Distance of rows that were left out between these, in milliseconds; 0 when none were. */
  readonly intervalMs: number;

  #times = new Float64Array(BLOCK_ROWS);
  #flags = new Uint8Array(BLOCK_ROWS);
  readonly #columns = new Map<number, Float64Array>();
  #length = 0;

  /**
   * Begins without rows.
   *
   * @param intervalMs Distance of the rows, when others are left out between them; else 0.
   */
  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }

  /** How many rows there are. */
  get length(): number {
    return this.#length;
  }

  /** Whether no more rows go in. */
  get isFull(): boolean {
    return this.#length === BLOCK_ROWS;
  }

  /** When each scrape began. */
  get times(): Float64Array {
    return this.#times.subarray(0, this.#length);
  }

  /** The flags of each row. */
  get flags(): Uint8Array {
    return this.#flags.subarray(0, this.#length);
  }

  /** Memory taken, in bytes. */
  get bytes(): number {
    return this.#columns.size * BYTES_A_COLUMN;
  }

  /** The numbers of the series. */
  ids(): Iterable<number> {
    return this.#columns.keys();
  }

  /** Adds a row behind the others. The block must not be full. */
  append(row: Row): void {
    this.#times[this.#length] = row.timeMs;
    this.#flags[this.#length] = row.flags;
    row.ids.forEach((id, index) => {
      let column = this.#columns.get(id);
      if (column === undefined) {
        column = new Float64Array(BLOCK_ROWS).fill(NaN);
        this.#columns.set(id, column);
      }
      column[this.#length] = row.values[index] ?? NaN;
    });
    this.#length++;
  }

  /** The last value of a series; NaN when the last row has none. */
  last(id: number): number {
    return this.#columns.get(id)?.[this.#length - 1] ?? NaN;
  }

  /** Copies the values of a series; NaN where a row has none. */
  copy(id: number, to: Float64Array, at: number): void {
    const column = this.#columns.get(id);
    if (column === undefined) to.fill(NaN, at, at + this.#length);
    else to.set(column.subarray(0, this.#length), at);
  }

  /** Gives the rows as a block, and begins anew. */
  seal(): Block {
    const ids = Uint32Array.from([...this.#columns.keys()].toSorted((one, other) => one - other));
    const places = new Int32Array(ids.length);
    const columns: Float64Array[] = [];
    let size = 0;
    ids.forEach((id, index) => {
      const column = this.#columns.get(id)?.subarray(0, this.#length) ?? new Float64Array(0);
      const single = column.every((value) => value === column[0]);
      places[index] = single ? ~size : size;
      columns.push(single ? column.subarray(0, 1) : column);
      size += single ? 1 : column.length;
    });
    const data = new Float64Array(size);
    let at = 0;
    for (const column of columns) {
      data.set(column, at);
      at += column.length;
    }
    const times = this.times.slice();
    const flags = this.flags.slice();
    this.#columns.clear();
    this.#length = 0;
    return new Block({ intervalMs: this.intervalMs, times, flags, ids, places, data });
  }
}
