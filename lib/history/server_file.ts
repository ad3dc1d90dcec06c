/** The rows of one server in the history's file. */

import { type Block, BLOCK_ROWS, type Row, type Rows } from "./block.ts";
import { ColumnsBuilder } from "./columns.ts";
import { type BlockCache, FileBlock } from "./file_block.ts";
import type { FileTables, StoredBlock } from "./file_tables.ts";
import type { Keeper } from "./keeper.ts";
import { OpenBlock } from "./open_block.ts";
import type { SeriesTable } from "./series.ts";
import { firstOf, thinned, Thinner } from "./thinner.ts";

/** Distance of scrapes that are written, in milliseconds. */
const FILE_INTERVAL_MS = 30_000;
/** Distance of scrapes that are older than a day, in milliseconds. */
const FILE_COARSE_INTERVAL_MS = 300_000;
/** How long scrapes keep the first distance, in milliseconds. */
const FILE_FINE_MS = 24 * 3_600_000;
/** Blocks that are thinned at once: they become one or two. */
const BLOCKS_AT_ONCE = 10;
/** Rows that wait for a file that cannot be written: half an hour of them. */
const MAX_UNSAVED = BLOCK_ROWS;

/** What a {@linkcode ServerFile} works with. */
export interface ServerFileOptions {
  /** The file's tables. */
  readonly tables: FileTables;
  /** The server's name. */
  readonly instance: string;
  /** Its series. */
  readonly table: SeriesTable;
  /** How long rows are kept, in milliseconds. */
  readonly retentionMs: number;
  /** Told when the server is gone. */
  readonly onClose: (server: ServerFile) => void;
  /** Keeps columns that were read. */
  readonly cache: BlockCache;
  /** Does something with the file; gives whether that went well. */
  readonly attempt: (action: () => void) => boolean;
}

/** Writes the scrapes of one server, thinned, and reads them. */
export class ServerFile implements Keeper {
  readonly #options: ServerFileOptions;
  readonly #server: number;
  readonly #series = new Set<number>();
  readonly #open = new OpenBlock(FILE_INTERVAL_MS);
  readonly #thinner = new Thinner<Row>(FILE_INTERVAL_MS, (row) => this.#write(row));
  #blocks: FileBlock[];
  #unsaved: Row[] = [];

  /**
   * Reads what is known of the server, but for values.
   *
   * @param options File and server.
   * @throws {Error} What SQLite throws, or a word on what is wrong with the tables.
   */
  constructor(options: ServerFileOptions) {
    this.#options = options;
    const { tables, instance, table } = options;
    this.#server = tables.server(instance);
    const series = tables.series(this.#server);
    table.restore(series);
    for (const { id } of series) this.#series.add(id);
    this.#blocks = tables.blocks(this.#server).map((stored) => this.#block(stored));
    for (const row of tables.rows(this.#server).slice(-BLOCK_ROWS)) this.#open.append(row);
  }

  /** When the oldest row was made. */
  get oldestMs(): number | undefined {
    return firstOf(this.#blocks[0] ?? this.#open)?.timeMs;
  }

  /** When the newest row was made. */
  get newestMs(): number {
    const last = this.#open.length > 0 ? this.#open : this.#blocks.at(-1);
    return last?.times.at(-1) ?? -Infinity;
  }

  /** Memory taken, in bytes. */
  get bytes(): number {
    return this.#open.bytes + this.#blocks.length * (BLOCK_ROWS * 9 + 512);
  }

  /** Takes a scrape. */
  take(row: Row): void {
    this.#thinner.push(row);
  }

  /** Writes the scrape that came last: no other follows. */
  flush(): void {
    this.#thinner.flush();
  }

  /** Writes the scrape that came last: the server is gone. */
  close(): void {
    this.flush();
    this.#options.onClose(this);
  }

  /** Whether there may be rows of a series. */
  holds(id: number): boolean {
    return this.#series.has(id);
  }

  /** Gives the rows within two times. */
  pieces(fromMs: number, toMs: number): Rows[] {
    return [...this.#blocks, this.#open].filter((rows) =>
      rows.length > 0 && (rows.times.at(-1) ?? 0) >= fromMs && (rows.times[0] ?? 0) <= toMs
    );
  }

  /** Lets go of all rows at or behind a time. A block with such rows goes as a whole. */
  cutOff(timeMs: number): void {
    const gone = this.#blocks.filter((block) => (block.times.at(-1) ?? 0) >= timeMs);
    this.#unsaved = [];
    this.#thinner.clear();
    this.#options.attempt(() => {
      for (const { id } of gone) this.#options.tables.removeBlock(id);
      this.#options.tables.removeRows(this.#server);
    });
    this.#blocks = this.#blocks.filter((block) => !gone.includes(block));
    this.#open.clear();
  }

  #block(stored: StoredBlock): FileBlock {
    const { tables, table, cache, attempt } = this.#options;
    return new FileBlock({
      ...stored,
      cache,
      familyOf: (id) => table.get(id)?.family,
      load: (block, family) => {
        let columns;
        attempt(() => columns = tables.part(block, family));
        return columns;
      },
    });
  }

  /** Writes a row, after those that could not be written before. */
  #write(row: Row): void {
    this.#unsaved = [...this.#unsaved, row].slice(-MAX_UNSAVED);
    for (let next = this.#unsaved[0]; next !== undefined; next = this.#unsaved[0]) {
      if (this.#open.isFull && !this.#seal(row.timeMs)) return;
      if (!this.#save(next)) return;
      this.#open.append(next);
      this.#unsaved.shift();
    }
  }

  #save(row: Row): boolean {
    const { tables, table, attempt, retentionMs } = this.#options;
    // Its series have gone as well, when others had time to remove all that was there.
    const isAnew = this.newestMs < row.timeMs - retentionMs;
    const added = row.ids.filter((id) => isAnew || !this.#series.has(id));
    const isSaved = attempt(() =>
      tables.transaction(() => {
        for (const id of added) {
          tables.addSeries(this.#server, { id, key: table.keyOf(id) ?? "" }, row.timeMs);
        }
        tables.addRow(this.#server, row);
      })
    );
    if (isSaved) { for (const id of added) this.#series.add(id); }
    return isSaved;
  }

  /** Writes the block that is full, thins old ones, and drops those that are too old. */
  #seal(nowMs: number): boolean {
    const { tables, attempt, retentionMs } = this.#options;
    let blocks: FileBlock[] = [];
    let forgotten: number[] = [];
    const isSealed = attempt(() =>
      tables.transaction(() => {
        tables.removeRows(this.#server);
        blocks = [...this.#blocks, this.#add(this.#open.seal())];
        blocks = this.#thin(blocks, nowMs);
        const beforeMs = nowMs - retentionMs;
        tables.removeBefore(beforeMs);
        blocks = blocks.filter(({ times }) => (times.at(-1) ?? 0) >= beforeMs);
        forgotten = tables.removeSeries(this.#server, beforeMs);
      })
    );
    if (!isSealed) return false;
    this.#blocks = blocks;
    for (const id of forgotten) this.#series.delete(id);
    this.#open.clear();
    return true;
  }

  #add(block: Block): FileBlock {
    const { tables, table } = this.#options;
    const families = new Map<string, ColumnsBuilder>();
    const column = new Float64Array(block.length);
    for (const series of block.ids()) {
      const family = table.get(series)?.family;
      if (family === undefined) continue;
      const columns = families.get(family) ?? new ColumnsBuilder();
      families.set(family, columns);
      block.copy(series, column, 0);
      columns.add(series, column);
    }
    const id = tables.addBlock(this.#server, block, families);
    const timeMs = block.times.at(-1) ?? 0;
    for (const series of block.ids()) {
      const key = table.keyOf(series);
      if (key !== undefined) tables.addSeries(this.#server, { id: series, key }, timeMs);
    }
    return this.#block({
      id,
      intervalMs: block.intervalMs,
      times: block.times,
      flags: block.flags,
    });
  }

  /** Thins blocks that are older than a day, once there are enough of them. */
  #thin(blocks: readonly FileBlock[], nowMs: number): FileBlock[] {
    const isCoarse = ({ intervalMs }: FileBlock): boolean => intervalMs >= FILE_COARSE_INTERVAL_MS;
    const coarse = blocks.filter(isCoarse);
    const fine = blocks.filter((block) => !isCoarse(block));
    const old = fine.slice(0, BLOCKS_AT_ONCE);
    const newestMs = old.at(-1)?.times.at(-1) ?? Infinity;
    if (old.length < BLOCKS_AT_ONCE || newestMs > nowMs - FILE_FINE_MS) return [...blocks];
    const open = new OpenBlock(FILE_COARSE_INTERVAL_MS);
    const made: FileBlock[] = [];
    const finish = (): void => {
      made.push(this.#add(open.seal()));
      open.clear();
    };
    for (const [index, block] of old.entries()) {
      const kept = thinned(block, firstOf(fine[index + 1]), FILE_COARSE_INTERVAL_MS);
      for (const row of this.#options.tables.rowsOf(block, kept)) {
        open.append(row);
        if (open.isFull) finish();
      }
      this.#options.tables.removeBlock(block.id);
    }
    if (open.length > 0) finish();
    return [...coarse, ...made, ...fine.slice(BLOCKS_AT_ONCE)];
  }
}
