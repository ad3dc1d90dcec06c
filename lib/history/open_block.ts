/** The rows that came last: a block that still grows. */

import { Block, BLOCK_ROWS, type Row, type Rows } from "./block.ts";
import { ColumnsBuilder } from "./columns.ts";

/** What an entry of a map costs, in bytes. */
const BYTES_AN_ENTRY = 48;
/** Columns that there is room for at first. */
const FIRST_COLUMNS = 64;

/** A block that takes rows until it is full. */
export class OpenBlock implements Rows {
  /** Distance of rows that were left out between these, in milliseconds; 0 when none were. */
  readonly intervalMs: number;

  readonly #times = new Float64Array(BLOCK_ROWS);
  readonly #flags = new Uint8Array(BLOCK_ROWS);
  /** Columns behind one another: an array each would cost more than what is in it. */
  #values = emptyColumns(FIRST_COLUMNS);
  /** Where the column of each series begins. */
  readonly #starts = new Map<number, number>();
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
    return this.#values.byteLength + this.#starts.size * BYTES_AN_ENTRY;
  }

  /** The numbers of the series. */
  ids(): Iterable<number> {
    return this.#starts.keys();
  }

  /** Adds a row behind the others. The block must not be full. */
  append({ timeMs, flags, ids, values }: Row): void {
    this.#times[this.#length] = timeMs;
    this.#flags[this.#length] = flags;
    for (let index = 0; index < ids.length; index++) {
      const start = this.#start(ids[index] ?? 0);
      this.#values[start + this.#length] = values[index] ?? NaN;
    }
    this.#length++;
  }

  /** The last value of a series; NaN when the last row has none. */
  last(id: number): number {
    return this.#values[(this.#starts.get(id) ?? NaN) + this.#length - 1] ?? NaN;
  }

  /** Copies the values of a series; NaN where a row has none. */
  copy(id: number, to: Float64Array, at: number): void {
    const start = this.#starts.get(id);
    if (start === undefined) to.fill(NaN, at, at + this.#length);
    else to.set(this.#values.subarray(start, start + this.#length), at);
  }

  /** Begins anew, without rows. */
  clear(): void {
    const used = this.#starts.size * BLOCK_ROWS;
    if (used * 4 < this.#values.length) this.#values = emptyColumns(FIRST_COLUMNS);
    else this.#values.fill(NaN, 0, used);
    this.#starts.clear();
    this.#length = 0;
  }

  /** Gives the rows as a block that does not grow. */
  seal(): Block {
    const builder = new ColumnsBuilder();
    for (const id of Uint32Array.from(this.#starts.keys()).sort()) {
      const start = this.#starts.get(id) ?? 0;
      builder.add(id, this.#values.subarray(start, start + this.#length));
    }
    return new Block({
      intervalMs: this.intervalMs,
      times: this.times.slice(),
      flags: this.flags.slice(),
      ...builder.build(),
    });
  }

  /** Where the column of a series begins; a new one behind the others. */
  #start(id: number): number {
    const known = this.#starts.get(id);
    if (known !== undefined) return known;
    const start = this.#starts.size * BLOCK_ROWS;
    if (start === this.#values.length) {
      const larger = emptyColumns(this.#starts.size * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#starts.set(id, start);
    return start;
  }
}

function emptyColumns(count: number): Float64Array {
  return new Float64Array(count * BLOCK_ROWS).fill(NaN);
}
