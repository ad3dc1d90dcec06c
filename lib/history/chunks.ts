/**
 * Scrapes of one server in SQLite: chunks of up to 64 scrapes with one column per series. The
 * columns of a family are one blob, each in the narrowest form that loses nothing.
 */

import { bytesIn, type Sql } from "./database.ts";

/** Scrapes in a full chunk. */
const CHUNK_ROWS = 64;

/** Flag of a scrape that failed: it has no values. */
export const FAILED = 1;
/** Flag of a scrape before which a counter fell, or the server went down or came back. */
export const BREAK = 2;

/** One scrape. */
export interface Row {
  /** When it began, in milliseconds since 1970. */
  readonly timeMs: number;
  /** {@linkcode FAILED} and {@linkcode BREAK}. */
  readonly flags: number;
  /** The values by the id of their series. */
  readonly values: ReadonlyMap<number, number>;
}

/** Columns of some series; the ids of stored ones ascend. */
interface Columns extends Pick<Piece, "copy"> {
  readonly ids: Iterable<number>;
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

/**
 * The downsampling rule: the last scrape of each interval stays, and both sides of a break. So no
 * increase of a counter is lost, gaps stay gaps, and what remains are scrapes as they were.
 */
export function staysAt(row: Row, next: Row, intervalMs: number): boolean {
  if (((row.flags | next.flags) & BREAK) !== 0) return true;
  return Math.floor(row.timeMs / intervalMs) !== Math.floor(next.timeMs / intervalMs);
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

/** The narrowest form of a column, and its lowest value; a NaN in it makes it wide. */
function formOf(column: Float64Array): readonly [form: number, lowest: number] {
  const lowest = Math.min(...column);
  const difference = Math.max(...column) - lowest;
  if (difference === 0) return [SINGLE, lowest];
  const isNarrow = difference <= MAX_DIFFERENCE && Math.abs(lowest) < 2 ** 52 &&
    column.every(Number.isInteger);
  return [isNarrow ? NARROW : WIDE, lowest];
}

/** Encodes the columns of a family, ordered by id; little-endian, as all that Deno runs on. */
function encodeColumns(
  columns: readonly (readonly [id: number, values: Float64Array])[],
): Uint8Array<ArrayBuffer> {
  const [wide, narrow]: [number[], number[]] = [[], []];
  const places = columns.map(([, column]) => {
    const [form, lowest] = formOf(column);
    const place = wide.length * 4 + form;
    if (form === WIDE) { for (const value of column) wide.push(value); }
    else wide.push(lowest);
    if (form === NARROW) {
      wide.push(narrow.length);
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
class StoredColumns implements Columns {
  readonly ids: Uint32Array;
  readonly bytes: number;
  readonly #places: Uint32Array;
  readonly #wide: Float64Array;
  readonly #narrow: Uint16Array;

  /** Decodes a blob. @throws {RangeError} When its length contradicts its header. */
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
    this.bytes = byteLength;
    this.ids = new Uint32Array(buffer, byteOffset + idsAt, count);
    this.#places = new Uint32Array(buffer, byteOffset + idsAt + count * 4, count);
    this.#wide = new Float64Array(buffer, byteOffset + HEADER_BYTES, wideLength);
    this.#narrow = new Uint16Array(buffer, byteOffset + narrowAt, narrowLength);
  }

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

/** A chunk that is not full yet. */
class OpenChunk implements Columns {
  readonly columns = new Map<number, Float64Array>();
  #length = 0;
  readonly #times = new Float64Array(CHUNK_ROWS);
  readonly #flags = new Uint8Array(CHUNK_ROWS);

  get ids(): Iterable<number> {
    return this.columns.keys();
  }

  get times(): Float64Array {
    return this.#times.subarray(0, this.#length);
  }

  get flags(): Uint8Array {
    return this.#flags.subarray(0, this.#length);
  }

  add({ timeMs, flags, values }: Row): void {
    this.#times[this.#length] = timeMs;
    this.#flags[this.#length] = flags;
    for (const [id, value] of values) {
      let column = this.columns.get(id);
      if (column === undefined) {
        column = new Float64Array(CHUNK_ROWS).fill(NaN);
        this.columns.set(id, column);
      }
      column[this.#length] = value;
    }
    this.#length++;
  }

  copy(id: number, to: Float64Array): void {
    const column = this.columns.get(id);
    if (column === undefined) to.fill(NaN);
    else to.set(column.subarray(0, to.length));
  }

  /** Keeps the first scrapes alone. */
  cut(length: number): void {
    this.#length = length;
    for (const column of this.columns.values()) column.fill(NaN, length);
  }
}

/** Memory for columns read from one database, in bytes: an open page asks for the same every 2 s. */
const MAX_CACHE_BYTES = 16 * 1_048_576;
/** Memory of columns besides their blob, in bytes. */
const BYTES_PER_COLUMNS = 512;

/** Columns that were read from one database. */
export class ColumnCache {
  /** Memory used, in bytes; an estimate. */
  bytes = 0;
  readonly #sql: Sql;
  readonly #chunks = new Map<number, Map<string, StoredColumns | undefined>>();

  /** Has read nothing yet. */
  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** The columns of a family in a chunk; undefined when it has none. */
  get(chunk: number, family: string): Pick<Piece, "copy"> | undefined {
    const known = this.#chunks.get(chunk);
    if (known?.has(family)) return known.get(family);
    const [found] = this.#sql
      .all`SELECT columns FROM part WHERE block = ${chunk} AND family = ${family}`;
    const columns = found && new StoredColumns(bytesIn(found, "columns"));
    const bytes = sizeOf(columns);
    if (this.bytes + bytes > MAX_CACHE_BYTES) {
      this.#chunks.clear();
      this.bytes = 0;
    }
    this.#chunks.set(chunk, (this.#chunks.get(chunk) ?? new Map()).set(family, columns));
    this.bytes += bytes;
    return columns;
  }

  /** Removes a chunk from the database. */
  remove(chunk: number): void {
    this.#sql.run`DELETE FROM part WHERE block = ${chunk}`;
    this.#sql.run`DELETE FROM block WHERE id = ${chunk}`;
    for (const columns of this.#chunks.get(chunk)?.values() ?? []) this.bytes -= sizeOf(columns);
    this.#chunks.delete(chunk);
  }
}

function sizeOf(columns: StoredColumns | undefined): number {
  return BYTES_PER_COLUMNS + (columns?.bytes ?? 0);
}

/** A stored chunk without its columns. */
interface Chunk {
  readonly id: number;
  readonly times: Float64Array;
  readonly flags: Uint8Array;
}

/** Memory of a chunk without its columns, in bytes. */
const BYTES_PER_CHUNK = 1_024;

function encodeNumbers({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function decodeNumbers(stored: Uint8Array): Float64Array {
  return new Float64Array(stored.slice().buffer);
}

/** The scrapes of a chunk after a time. */
function rowsOf(
  { times, flags }: Pick<Piece, "times" | "flags">,
  families: readonly Columns[],
  afterMs: number,
): Row[] {
  const start = times.findIndex((timeMs) => timeMs > afterMs);
  if (start < 0) return [];
  const rows = Array.from(times.subarray(start), (timeMs, index) => {
    return { timeMs, flags: flags[start + index] ?? 0, values: new Map<number, number>() };
  });
  const column = new Float64Array(times.length);
  for (const family of families) {
    for (const id of family.ids) {
      family.copy(id, column);
      for (const [index, { values }] of rows.entries()) {
        const value = column[start + index] ?? NaN;
        if (!Number.isNaN(value)) values.set(id, value);
      }
    }
  }
  return rows;
}

/** What a {@linkcode Level} works with. */
export type LevelOptions = {
  readonly sql: Sql;
  readonly cache: ColumnCache;
  readonly server: number;
  /** Distance of its scrapes, in milliseconds; 0 keeps all. */
  readonly intervalMs: number;
  /** The age at which a chunk is removed, in milliseconds. */
  readonly keepMs: number;
  /** The family of a series; undefined for one that was forgotten. */
  readonly familyOf: (id: number) => string | undefined;
};

/** Scrapes of one server at one distance. All methods throw what SQLite throws. */
export class Level {
  readonly #options: LevelOptions;
  readonly #chunks: Chunk[];
  #open = new OpenChunk();

  /** Reads what is there. */
  constructor(options: LevelOptions) {
    this.#options = options;
    const { sql, server, intervalMs } = options;
    this.#chunks = sql.all`SELECT id, times, flags FROM block
      WHERE server = ${server} AND interval_ms = ${intervalMs} ORDER BY start_ms`
      .map((found) => ({
        id: Number(found.id),
        times: decodeNumbers(bytesIn(found, "times")),
        flags: bytesIn(found, "flags"),
      }));
    const rows = sql.all`SELECT time_ms, flags, ids, numbers FROM scrape
      WHERE server = ${server} AND interval_ms = ${intervalMs} ORDER BY time_ms`;
    for (const found of rows.slice(1 - CHUNK_ROWS)) {
      const numbers = decodeNumbers(bytesIn(found, "numbers"));
      const ids = decodeNumbers(bytesIn(found, "ids"));
      this.#open.add({
        timeMs: Number(found.time_ms),
        flags: Number(found.flags),
        values: new Map(Array.from(ids, (id, index) => [id, numbers[index] ?? NaN])),
      });
    }
  }

  /** Memory used besides the database, in bytes; an estimate. */
  get bytes(): number {
    return this.#chunks.length * BYTES_PER_CHUNK + this.#open.columns.size * 8 * CHUNK_ROWS;
  }

  /** How many chunks are stored. */
  get chunks(): number {
    return this.#chunks.length;
  }

  /** When the oldest scrape was made, in milliseconds since 1970; Infinity without any. */
  get oldestMs(): number {
    return this.#chunks[0]?.times[0] ?? this.#open.times[0] ?? Infinity;
  }

  /** When the newest scrape was made, in milliseconds since 1970; -Infinity without any. */
  get newestMs(): number {
    return this.#open.times.at(-1) ?? this.#chunks.at(-1)?.times.at(-1) ?? -Infinity;
  }

  /** Adds a scrape, which must be newer than the others. */
  add(row: Row): void {
    const { sql, server, intervalMs } = this.#options;
    if (sql.isFile) {
      const { timeMs, flags, values } = row;
      sql.run`INSERT INTO scrape (server, interval_ms, time_ms, flags, ids, numbers)
        VALUES (${server}, ${intervalMs}, ${timeMs}, ${flags},
          ${encodeNumbers(Float64Array.from(values.keys()))},
          ${encodeNumbers(Float64Array.from(values.values()))})`;
    }
    this.#open.add(row);
    if (this.#open.times.length === CHUNK_ROWS) this.#seal();
  }

  /**
   * Adds what a finer level has got since; at most a chunk at once, so that one that could not be
   * written for hours does not stop the service.
   */
  follow(finer: Level, isLast: boolean): void {
    let before: Row | undefined;
    let added = 0;
    for (const row of finer.#rowsAfter(this.newestMs)) {
      if (before !== undefined && staysAt(before, row, this.#options.intervalMs)) {
        this.add(before);
        if (++added === CHUNK_ROWS) return;
      }
      before = row;
    }
    if (isLast && before !== undefined) this.add(before);
  }

  /** Removes the chunks that are old enough. */
  age(nowMs: number): void {
    const beforeMs = nowMs - this.#options.keepMs;
    while ((this.#chunks[0]?.times.at(-1) ?? Infinity) < beforeMs) this.removeOldest();
  }

  /** Removes the oldest stored chunk; returns how many scrapes it had, 0 when there is none. */
  removeOldest(): number {
    const oldest = this.#chunks.shift();
    if (oldest !== undefined) this.#options.cache.remove(oldest.id);
    return oldest?.times.length ?? 0;
  }

  /** Removes all. */
  clear(): void {
    while (this.removeOldest() > 0);
  }

  /** Removes all scrapes at or after a time. */
  cutOff(timeMs: number): void {
    const { sql, cache, server, intervalMs } = this.#options;
    while ((this.#chunks.at(-1)?.times.at(-1) ?? -Infinity) >= timeMs) {
      const chunk = this.#chunks.pop();
      if (chunk === undefined) break;
      const times = chunk.times.filter((each) => each < timeMs);
      const end = times.at(-1);
      if (end === undefined) cache.remove(chunk.id);
      else {
        // The columns stay longer than the times: no reader asks for more values than times.
        const flags = chunk.flags.slice(0, times.length);
        this.#chunks.push({ id: chunk.id, times, flags });
        sql.run`UPDATE block SET times = ${encodeNumbers(times)}, flags = ${flags},
          end_ms = ${end} WHERE id = ${chunk.id}`;
      }
    }
    this.#open.cut(this.#open.times.filter((each) => each < timeMs).length);
    sql.run`DELETE FROM scrape
      WHERE server = ${server} AND interval_ms = ${intervalMs} AND time_ms >= ${timeMs}`;
  }

  /** The columns of a family before `beforeMs`, oldest first; some may be outside of the range. */
  pieces(
    family: string,
    { fromMs, toMs, beforeMs }: Record<"fromMs" | "toMs" | "beforeMs", number>,
  ): Piece[] {
    const { cache, intervalMs } = this.#options;
    const found = [...this.#chunks, this.#open].filter(({ times }) => {
      const [first = Infinity, last = -Infinity] = [times[0], times.at(-1)];
      return last >= fromMs && first <= toMs && first < beforeMs;
    });
    return found.map((chunk): Piece => {
      const { times, flags } = chunk;
      const columns = chunk instanceof OpenChunk ? chunk : cache.get(chunk.id, family);
      return {
        intervalMs,
        times: (times.at(-1) ?? 0) < beforeMs ? times : times.filter((each) => each < beforeMs),
        flags,
        copy: (id, to) => columns === undefined ? void to.fill(NaN) : columns.copy(id, to),
      };
    });
  }

  /** All scrapes after a time, oldest first. */
  *#rowsAfter(timeMs: number): Generator<Row> {
    for (const chunk of this.#chunks) {
      if ((chunk.times.at(-1) ?? 0) <= timeMs) continue;
      const families = this.#options.sql.all`SELECT columns FROM part WHERE block = ${chunk.id}`
        .map((found) => new StoredColumns(bytesIn(found, "columns")));
      yield* rowsOf(chunk, families, timeMs);
    }
    yield* rowsOf(this.#open, [this.#open], timeMs);
  }

  /** Turns the open chunk into a stored one. */
  #seal(): void {
    const { sql, server, intervalMs, familyOf } = this.#options;
    const { columns, times, flags } = this.#open;
    const [found] = sql.all`INSERT INTO block (server, interval_ms, start_ms, end_ms, times, flags)
      VALUES (${server}, ${intervalMs}, ${times[0] ?? 0}, ${times.at(-1) ?? 0},
        ${encodeNumbers(times)}, ${flags}) RETURNING id`;
    const id = Number(found?.id);
    const sorted = [...columns].toSorted(([one], [other]) => one - other);
    for (const [family, members] of Map.groupBy(sorted, ([series]) => familyOf(series))) {
      // A series that was forgotten meanwhile cannot be asked for.
      if (family === undefined) continue;
      sql.run`INSERT INTO part (block, family, columns)
        VALUES (${id}, ${family}, ${encodeColumns(members)})`;
    }
    this.#chunks.push({ id, times, flags });
    this.#open = new OpenChunk();
    sql.run`DELETE FROM scrape WHERE server = ${server} AND interval_ms = ${intervalMs}`;
  }
}
