/** A block that stands in a file: its times are here, its columns are read when they are asked for. */

import { Block, type Rows } from "./block.ts";
import { type Columns, ColumnsBuilder } from "./columns.ts";

/** What {@linkcode FileBlock} is told. */
export interface FileBlockOptions {
  /** Its number in the file. */
  readonly id: number;
  /** Distance of its rows, in milliseconds. */
  readonly intervalMs: number;
  /** When each scrape began, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** The flags of each. */
  readonly flags: Uint8Array;
  /** Tells the family of a series. */
  readonly familyOf: (id: number) => string | undefined;
  /** Reads the columns of a family; undefined where there are none. */
  readonly load: (block: number, family: string) => Columns | undefined;
  /** Where columns are kept once they were read. */
  readonly cache: BlockCache;
}

/** Columns that were read not long ago, up to a number of bytes. */
export class BlockCache {
  readonly #maxBytes: number;
  readonly #blocks = new Map<string, Block>();
  #owners = 0;
  #bytes = 0;

  /**
   * Begins empty.
   *
   * @param maxBytes Memory it may take, in bytes.
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Memory taken, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A number that no other block has had: those in the file are given anew to later blocks. */
  nextOwner(): number {
    return ++this.#owners;
  }

  /** Gives what was kept under a key, or makes it. What was not asked for longest goes first. */
  get(key: string, make: () => Block): Block {
    const kept = this.#blocks.get(key);
    const block = kept ?? make();
    this.#blocks.delete(key);
    this.#blocks.set(key, block);
    if (kept === undefined) this.#bytes += block.bytes;
    for (const [oldest, { bytes }] of this.#blocks) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#blocks.delete(oldest);
      this.#bytes -= bytes;
    }
    return block;
  }
}

/** A block of a file. */
export class FileBlock implements Rows {
  readonly #options: FileBlockOptions;
  readonly #owner: number;

  /**
   * Takes what is known of it.
   *
   * @param options Number, times, and how its columns are read.
   */
  constructor(options: FileBlockOptions) {
    this.#options = options;
    this.#owner = options.cache.nextOwner();
  }

  /** Its number in the file. */
  get id(): number {
    return this.#options.id;
  }

  /** How many rows there are. */
  get length(): number {
    return this.times.length;
  }

  /** Distance of rows that were left out between these, in milliseconds. */
  get intervalMs(): number {
    return this.#options.intervalMs;
  }

  /** When each scrape began, in milliseconds since 1970. */
  get times(): Float64Array {
    return this.#options.times;
  }

  /** The flags of each row. */
  get flags(): Uint8Array {
    return this.#options.flags;
  }

  /** Copies the values of a series; NaN where a row has none. */
  copy(id: number, to: Float64Array, at: number): void {
    const { familyOf, load, cache, intervalMs, times, flags } = this.#options;
    const family = familyOf(id);
    if (family === undefined) {
      to.fill(NaN, at, at + this.length);
      return;
    }
    cache.get(`${this.#owner} ${family}`, () => {
      const columns = load(this.id, family) ?? new ColumnsBuilder().build();
      return new Block({ intervalMs, times, flags, ...columns });
    }).copy(id, to, at);
  }
}
