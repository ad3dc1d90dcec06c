/**
 * Chunks: up to 64 scrapes of one server, with one column per series. The columns of a family are
 * stored as one blob, each column in the narrowest form that loses nothing.
 */

/** Scrapes in a full chunk. */
export const CHUNK_ROWS = 64;

/** Flag of a scrape that failed: it has no values. */
export const FAILED = 1;
/** Flag of a scrape before which a counter fell, or the server went down or came back. */
export const BREAK = 2;

/** When a scrape was made, and what is known of it besides its values. */
export interface Moment {
  /** When it began, in milliseconds since 1970. */
  readonly timeMs: number;
  /** {@linkcode FAILED} and {@linkcode BREAK}. */
  readonly flags: number;
}

/** The series of a scrape; scrapes with the same series share one. */
export class Shape {
  /** The ids of the series. */
  readonly ids: readonly number[];
  /** The place of each id. */
  readonly places: ReadonlyMap<number, number>;

  /** Takes the ids of the series. */
  constructor(ids: readonly number[]) {
    this.ids = ids;
    this.places = new Map(ids.map((id, place) => [id, place]));
  }
}

/** One scrape. */
export interface Row extends Moment {
  /** Its series. */
  readonly shape: Shape;
  /** One value per series. */
  readonly values: Float64Array;
}

/** Consecutive scrapes with the columns of one family. */
export interface Piece {
  /** Distance of the scrapes after downsampling, in milliseconds; 0 when all were kept. */
  readonly intervalMs: number;
  /** When each scrape began, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** The flags of each scrape. */
  readonly flags: Uint8Array;
  /** Copies the first values of a series, as many as fit; NaN where a scrape has none. */
  copy(id: number, to: Float64Array): void;
}

/** Makes a piece of scrapes. */
export function pieceOf(rows: readonly Row[], intervalMs: number): Piece {
  return {
    intervalMs,
    times: Float64Array.from(rows, ({ timeMs }) => timeMs),
    flags: Uint8Array.from(rows, ({ flags }) => flags),
    copy: (id, to): void => {
      let shape: Shape | undefined;
      let place = -1;
      for (let index = 0; index < to.length; index++) {
        const row = rows[index];
        if (row?.shape !== shape) {
          shape = row?.shape;
          place = shape?.places.get(id) ?? -1;
        }
        to[index] = row?.values[place] ?? NaN;
      }
    },
  };
}

/** A column with the same value in all rows. */
const SINGLE = 0;
/** A column with a double per row. */
const WIDE = 1;
/** A column of integers close to one another: the lowest, and 16 bits per row. */
const NARROW = 2;
/** The largest difference that fits into 16 bits. */
const MAX_DIFFERENCE = 65_535;
/** Three numbers of 32 bits (series, doubles, 16-bit values), and padding. */
const HEADER_BYTES = 16;

function formOf(column: Float64Array): number {
  const [first = NaN] = column;
  let [isSingle, isInteger, lowest, highest] = [true, true, first, first];
  for (const value of column) {
    isSingle &&= value === first;
    isInteger &&= Number.isInteger(value);
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  if (isSingle) return SINGLE;
  return isInteger && highest - lowest <= MAX_DIFFERENCE && Math.abs(lowest) < 2 ** 52
    ? NARROW
    : WIDE;
}

/**
 * Encodes the columns of a family.
 *
 * @param columns The values per series, NaN where a scrape has none, ordered by id.
 * @returns The blob, little-endian like every machine that Deno runs on.
 */
export function encodeColumns(
  columns: readonly (readonly [id: number, values: Float64Array])[],
): Uint8Array<ArrayBuffer> {
  const [wide, narrow]: [number[], number[]] = [[], []];
  const places = columns.map(([, column]) => {
    const form = formOf(column);
    const place = wide.length * 4 + form;
    if (form === SINGLE) wide.push(column[0] ?? NaN);
    else if (form === WIDE) { for (const value of column) wide.push(value); }
    else {
      const lowest = Math.min(...column);
      wide.push(lowest, narrow.length);
      for (const value of column) narrow.push(value - lowest);
    }
    return place;
  });
  const placesAt = HEADER_BYTES + wide.length * 8;
  const narrowAt = placesAt + columns.length * 8;
  const bytes = new Uint8Array(narrowAt + narrow.length * 2);
  const { buffer } = bytes;
  new Uint32Array(buffer, 0, 3).set([columns.length, wide.length, narrow.length]);
  new Float64Array(buffer, HEADER_BYTES, wide.length).set(wide);
  new Uint32Array(buffer, placesAt, columns.length).set(columns.map(([id]) => id));
  new Uint32Array(buffer, placesAt + columns.length * 4, columns.length).set(places);
  new Uint16Array(buffer, narrowAt, narrow.length).set(narrow);
  return bytes;
}

/** The columns of a family in a stored chunk. */
export class Columns {
  /** The ids of the series, ascending. */
  readonly ids: Uint32Array;
  readonly #places: Uint32Array;
  readonly #wide: Float64Array;
  readonly #narrow: Uint16Array;

  /**
   * Decodes a blob.
   *
   * @throws {RangeError} When its length contradicts its header.
   */
  constructor(blob: Uint8Array) {
    // Typed arrays begin at a multiple of their element size; SQLite's blobs do.
    const { buffer, byteOffset, byteLength } = blob.byteOffset % 8 === 0 ? blob : blob.slice();
    const header = byteLength < HEADER_BYTES ? [] : new Uint32Array(buffer, byteOffset, 3);
    const [count = 0, wideLength = 0, narrowLength = 0] = header;
    const idsAt = HEADER_BYTES + wideLength * 8;
    const narrowAt = idsAt + count * 8;
    if (byteLength !== narrowAt + narrowLength * 2) {
      throw new RangeError("a chunk of the history has the wrong length");
    }
    this.ids = new Uint32Array(buffer, byteOffset + idsAt, count);
    this.#places = new Uint32Array(buffer, byteOffset + idsAt + count * 4, count);
    this.#wide = new Float64Array(buffer, byteOffset + HEADER_BYTES, wideLength);
    this.#narrow = new Uint16Array(buffer, byteOffset + narrowAt, narrowLength);
  }

  /** Copies the first values of a series, as many as fit; NaN where there are none. */
  copy(id: number, to: Float64Array): void {
    const place = this.#places[indexOf(this.ids, id)];
    const at = (place ?? 0) >>> 2;
    const form = (place ?? 0) & 3;
    if (place === undefined) to.fill(NaN);
    else if (form === SINGLE) to.fill(this.#wide[at] ?? NaN);
    else if (form === WIDE) to.set(this.#wide.subarray(at, at + to.length));
    else {
      const lowest = this.#wide[at] ?? NaN;
      const start = this.#wide[at + 1] ?? 0;
      for (let row = 0; row < to.length; row++) {
        to[row] = lowest + (this.#narrow[start + row] ?? NaN);
      }
    }
  }
}

/** The index of a number among ascending ones; -1 when it is not among them. */
function indexOf(ids: Uint32Array, id: number): number {
  let [low, high] = [0, ids.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = ids[middle] ?? 0;
    if (found === id) return middle;
    if (found < id) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Makes scrapes of the columns of all families of a chunk. */
export function rowsOf(
  { times, flags }: Pick<Piece, "times" | "flags">,
  families: readonly Columns[],
  indexes: readonly number[],
): Row[] {
  const rows = indexes.map(() => new Map<number, number>());
  const column = new Float64Array(times.length);
  for (const family of families) {
    for (const id of family.ids) {
      family.copy(id, column);
      for (const [at, values] of rows.entries()) {
        const value = column[indexes[at] ?? 0] ?? NaN;
        if (!Number.isNaN(value)) values.set(id, value);
      }
    }
  }
  return rows.map((values, at) => ({
    timeMs: times[indexes[at] ?? 0] ?? 0,
    flags: flags[indexes[at] ?? 0] ?? 0,
    shape: new Shape([...values.keys()]),
    values: Float64Array.from(values.values()),
  }));
}

/**
 * The downsampling rule: the last scrape of each interval stays, and both sides of a break. So no
 * increase of a counter is lost, gaps stay gaps, and what remains are scrapes as they were.
 *
 * @param next The scrape after it; undefined when there is none yet.
 * @param intervalMs Length of the intervals in milliseconds; they begin at multiples of it since 1970.
 */
export function staysAt(moment: Moment, next: Moment | undefined, intervalMs: number): boolean {
  if (next === undefined || ((moment.flags | next.flags) & BREAK) !== 0) return true;
  return Math.floor(moment.timeMs / intervalMs) !== Math.floor(next.timeMs / intervalMs);
}
