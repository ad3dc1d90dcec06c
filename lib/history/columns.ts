/** Columns of many series in few arrays, each in the narrowest form that loses nothing. */

/** The values of series over the rows of a block. */
export interface Columns {
  /** The numbers of the series, ascending. */
  readonly ids: Uint32Array;
  /** For each, where its column stands in `wide`, times 4, and its form: 0 to 2. */
  readonly places: Uint32Array;
  /** Values: of a single one, of all rows, or the lowest and where a row of `narrow` begins. */
  readonly wide: Float64Array;
  /** How much more than the lowest value each row has. */
  readonly narrow: Uint16Array;
}

/** One value that all rows have. */
const SINGLE = 0;
/** A value a row. */
const WIDE = 1;
/** Whole numbers that lie close together, as counters do over minutes. */
const NARROW = 2;
/** The largest difference that fits 16 bits. */
const MAX_DIFFERENCE = 65_535;

/** Puts columns together, in the order of their series. */
export class ColumnsBuilder {
  readonly #ids: number[] = [];
  readonly #places: number[] = [];
  readonly #wide: number[] = [];
  readonly #narrow: number[] = [];

  /**
   * Adds a column.
   *
   * @param id The series; higher than the last one.
   * @param column A value a row, NaN where there is none.
   */
  add(id: number, column: Float64Array): void {
    const form = formOf(column);
    this.#ids.push(id);
    this.#places.push(this.#wide.length * 4 + form);
    if (form === SINGLE) this.#wide.push(column[0] ?? NaN);
    else if (form === WIDE) { for (const value of column) this.#wide.push(value); }
    else {
      const lowest = Math.min(...column);
      this.#wide.push(lowest, this.#narrow.length);
      for (const value of column) this.#narrow.push(value - lowest);
    }
  }

  /** What was put together. */
  build(): Columns {
    return {
      ids: Uint32Array.from(this.#ids),
      places: Uint32Array.from(this.#places),
      wide: Float64Array.from(this.#wide),
      narrow: Uint16Array.from(this.#narrow),
    };
  }
}

function formOf(column: Float64Array): number {
  const [first = NaN] = column;
  let isSingle = true;
  let areWhole = true;
  let lowest = first;
  let highest = first;
  for (const value of column) {
    isSingle &&= value === first;
    areWhole &&= Number.isInteger(value);
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  if (isSingle) return SINGLE;
  return areWhole && highest - lowest <= MAX_DIFFERENCE && Math.abs(lowest) < 2 ** 52
    ? NARROW
    : WIDE;
}

/**
 * Copies a column.
 *
 * @param columns Where it is looked for.
 * @param id The series.
 * @param to Where its values go; NaN where there are none.
 */
export function copyColumn(columns: Columns, id: number, to: Float64Array): void {
  const { places, wide, narrow } = columns;
  const place = places[search(columns.ids, id)];
  const at = (place ?? 0) >>> 2;
  if (place === undefined) to.fill(NaN);
  else if ((place & 3) === SINGLE) to.fill(wide[at] ?? NaN);
  else if ((place & 3) === WIDE) to.set(wide.subarray(at, at + to.length));
  else {
    const lowest = wide[at] ?? NaN;
    const start = wide[at + 1] ?? 0;
    for (let row = 0; row < to.length; row++) to[row] = lowest + (narrow[start + row] ?? NaN);
  }
}

/** Where a number stands among ascending ones; -1 when it does not. */
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

/** Three numbers of 32 bits: how many series, wide and narrow values; and as much room. */
const HEADER_BYTES = 16;

/** Writes columns as bytes, in the order of bytes that all of Deno's machines have. */
export function encodeColumns({ ids, places, wide, narrow }: Columns): Uint8Array {
  const arrays = [wide, ids, places, narrow];
  const length = arrays.reduce((sum, { byteLength }) => sum + byteLength, HEADER_BYTES);
  const bytes = new Uint8Array(length);
  new Uint32Array(bytes.buffer, 0, 3).set([ids.length, wide.length, narrow.length]);
  let at = HEADER_BYTES;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}

/**
 * Reads columns.
 *
 * @param stored The bytes.
 * @returns The columns.
 * @throws {RangeError} When their length is not what they say.
 */
export function decodeColumns(stored: Uint8Array): Columns {
  // A copy, since numbers must stand at multiples of their size.
  const { buffer } = Uint8Array.from(stored);
  const header = buffer.byteLength < HEADER_BYTES ? [] : new Uint32Array(buffer, 0, 3);
  const [count = 0, wideLength = 0, narrowLength = 0] = header;
  const idsAt = HEADER_BYTES + wideLength * 8;
  const placesAt = idsAt + count * 4;
  const narrowAt = placesAt + count * 4;
  if (buffer.byteLength !== narrowAt + narrowLength * 2) {
    throw new RangeError("a block of the history has the wrong length");
  }
  return {
    ids: new Uint32Array(buffer, idsAt, count),
    places: new Uint32Array(buffer, placesAt, count),
    wide: new Float64Array(buffer, HEADER_BYTES, wideLength),
    narrow: new Uint16Array(buffer, narrowAt, narrowLength),
  };
}
