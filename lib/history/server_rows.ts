/** The scrapes of one server in memory: the last hour as they were, those before it thinned. */

import {
  type Block,
  BLOCK_ROWS,
  BREAK,
  FAILED,
  type Row,
  type Rows,
  rowsAt,
  rowsBefore,
} from "./block.ts";
import type { Archive, Keeper } from "./keeper.ts";
import { OpenBlock } from "./open_block.ts";
import { readExposition } from "./reader.ts";
import { type Series, SeriesTable } from "./series.ts";
import { firstOf, thinned } from "./thinner.ts";

/** How long all scrapes are kept, in milliseconds. */
const FULL_MS = 3_600_000;
/** How long any are kept, in milliseconds. */
const COARSE_MS = 24 * 3_600_000;
/** Distance of scrapes that are older than an hour, in milliseconds. */
const COARSE_INTERVAL_MS = 30_000;

/**
 * A scrape that began so much before the last one, in milliseconds, tells that the clock was set
 * back; one that was overtaken by another took no longer than its time limit.
 */
const SET_BACK_MS = 600_000;

/** The scrapes of one server. */
export class ServerRows {
  /** The server's name. */
  readonly instance: string;
  /** Its series. */
  readonly table: SeriesTable;
  /** Bytes of all blocks that do not grow any more. */
  #sealedBytes = 0;
  #fine: Block[] = [];
  #coarse: Block[] = [];
  readonly #keeper: Keeper | undefined;
  readonly #fineOpen = new OpenBlock(0);
  readonly #coarseOpen = new OpenBlock(COARSE_INTERVAL_MS);
  /** The last value of each counter, to see it fall. */
  readonly #counters = new Map<number, number>();
  #wasUp: boolean | undefined;
  #newestMs = -Infinity;

  /**
   * Begins without scrapes.
   *
   * @param instance The server's name.
   * @param archive Keeps scrapes longer than memory does; nothing does without.
   */
  constructor(instance: string, archive?: Archive) {
    this.instance = instance;
    this.table = new SeriesTable(instance);
    this.#keeper = archive?.open(instance, this.table);
    this.#newestMs = this.#keeper?.newestMs ?? -Infinity;
  }

  /** Memory taken, in bytes; an estimate. */
  get bytes(): number {
    return this.table.bytes + this.#sealedBytes + this.#fineOpen.bytes + this.#coarseOpen.bytes +
      (this.#keeper?.bytes ?? 0);
  }

  /** When the newest scrape was made; -Infinity without any. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** When the oldest scrape was made that is held; undefined without any. */
  get oldestMs(): number | undefined {
    return this.#keeper?.oldestMs ?? this.#held()[0]?.times[0];
  }

  /**
   * Adds a scrape that went well.
   *
   * @param timeMs When it began, in milliseconds since 1970.
   * @param body The exposition, whole; as vLLM writes it, or sanitised.
   * @param mayAdd Whether one more series may be added.
   * @returns How many samples were left out; undefined for a scrape that is not newer.
   */
  add(timeMs: number, body: Uint8Array, mayAdd: () => boolean): number | undefined {
    if (!this.#isNext(timeMs)) return undefined;
    const { ids, values, dropped } = readExposition(body, this.table, mayAdd);
    const fell = this.#noteCounters(ids, values);
    const flags = fell || this.#wasUp !== true ? BREAK : 0;
    this.#wasUp = true;
    this.#append({ timeMs, flags, ids, values });
    return dropped;
  }

  /**
   * Notes a scrape that failed.
   *
   * @param timeMs When it began, in milliseconds since 1970.
   * @returns Whether it was noted; one that is not newer is not.
   */
  addFailure(timeMs: number): boolean {
    if (!this.#isNext(timeMs)) return false;
    const flags = FAILED | (this.#wasUp === false ? 0 : BREAK);
    this.#wasUp = false;
    this.#append({ timeMs, flags, ids: [], values: [] });
    return true;
  }

  /**
   * Lets go of all rows at or behind a time. An older block with such rows goes as a whole.
   *
   * @param timeMs The time, in milliseconds since 1970.
   */
  cutOff(timeMs: number): void {
    if (timeMs > this.#newestMs) return;
    const isBefore = ({ times }: Rows): boolean => (times.at(-1) ?? 0) < timeMs;
    this.#coarse = this.#coarse.filter(isBefore);
    this.#fine = this.#fine.filter(isBefore);
    this.#sealedBytes = [...this.#coarse, ...this.#fine].reduce((sum, { bytes }) => sum + bytes, 0);
    if (!isBefore(this.#coarseOpen)) this.#coarseOpen.clear();
    const kept = this.#fineOpen.times.filter((each) => each < timeMs);
    const rows = rowsAt(this.#fineOpen, [...kept.keys()], [...this.#fineOpen.ids()]);
    this.#fineOpen.clear();
    for (const row of rows) this.#fineOpen.append(row);
    this.#keeper?.cutOff(timeMs);
    this.#newestMs = this.#held().at(-1)?.times.at(-1) ?? -Infinity;
  }

  /** Lets go of what is kept elsewhere: the server is gone. */
  close(): void {
    this.#keeper?.close();
  }

  /**
   * Thins what is older than an hour, and lets go of what is older than a day.
   *
   * @param nowMs The time in milliseconds since 1970.
   */
  age(nowMs: number): void {
    while ((this.#fine[0]?.times.at(-1) ?? Infinity) < nowMs - FULL_MS) this.#thinOldest();
    while ((this.#coarse[0]?.times.at(-1) ?? Infinity) < nowMs - COARSE_MS) this.#dropOldest();
  }

  /**
   * Makes room: thins the oldest scrapes or, when all are thin, drops the oldest.
   *
   * @returns How many scrapes went.
   */
  shrink(): number {
    return this.#fine.length > 0 ? this.#thinOldest() : this.#dropOldest();
  }

  /** Whether there is anything that can go. */
  get canShrink(): boolean {
    return this.#fine.length + this.#coarse.length > 0;
  }

  /** Rows, oldest first: those within two times among them. */
  pieces(fromMs: number, toMs: number): Rows[] {
    const held = this.#held();
    const [oldestMs = Infinity] = held[0]?.times ?? [];
    if (this.#keeper === undefined || fromMs >= oldestMs) return held;
    const kept = this.#keeper.pieces(fromMs, Math.min(toMs, oldestMs))
      .map((rows) => rowsBefore(rows, oldestMs));
    return [...kept, ...held].filter((rows) => rows.length > 0);
  }

  /** The series of the newest scrape with their values. */
  newest(): [Series, number][] {
    return [...this.table.values()].flatMap((series) => {
      const value = this.#fineOpen.length > 0
        ? this.#fineOpen.last(series.id)
        : lastOf(this.#fine.at(-1), series.id);
      return Number.isNaN(value) ? [] : [[series, value] as [Series, number]];
    });
  }

  /** Forgets series that have no values any more. */
  #forget(): void {
    const held = new Set(this.#held().flatMap((rows) => [...rows.ids()]));
    this.table.retain((id) => held.has(id) || (this.#keeper?.holds(id) ?? false));
    for (const id of this.#counters.keys()) {
      if (this.table.get(id) === undefined) this.#counters.delete(id);
    }
  }

  /** What is in memory, oldest first. */
  #held(): (Block | OpenBlock)[] {
    return [...this.#coarse, this.#coarseOpen, ...this.#fine, this.#fineOpen]
      .filter((rows) => rows.length > 0);
  }

  /** Whether a scrape comes behind the others, of which some must go when the clock was set back. */
  #isNext(timeMs: number): boolean {
    if (timeMs < this.#newestMs - SET_BACK_MS) this.cutOff(timeMs);
    return timeMs > this.#newestMs;
  }

  #noteCounters(ids: readonly number[], values: readonly number[]): boolean {
    let fell = false;
    ids.forEach((id, index) => {
      if (!this.table.get(id)?.isCounter) return;
      const value = values[index] ?? NaN;
      if (value < (this.#counters.get(id) ?? -Infinity)) fell = true;
      this.#counters.set(id, value);
    });
    return fell;
  }

  #append(row: Row): void {
    this.#newestMs = row.timeMs;
    this.#keeper?.take(row);
    this.#fineOpen.append(row);
    if (!this.#fineOpen.isFull) return;
    this.#keep(this.#fine, this.#fineOpen.seal());
    this.#fineOpen.clear();
  }

  #keep(blocks: Block[], block: Block): void {
    blocks.push(block);
    this.#sealedBytes += block.bytes;
  }

  #thinOldest(): number {
    const block = this.#fine.shift();
    if (block === undefined) return 0;
    this.#sealedBytes -= block.bytes;
    const next = firstOf(this.#fine[0] ?? this.#fineOpen);
    const kept = thinned(block, next, COARSE_INTERVAL_MS);
    for (const row of rowsAt(block, kept, block.ids())) {
      this.#coarseOpen.append(row);
      if (!this.#coarseOpen.isFull) continue;
      this.#keep(this.#coarse, this.#coarseOpen.seal());
      this.#coarseOpen.clear();
    }
    return block.length - kept.length;
  }

  #dropOldest(): number {
    const block = this.#coarse.shift();
    if (block === undefined) return 0;
    this.#sealedBytes -= block.bytes;
    this.#forget();
    return block.length;
  }
}

function lastOf(block: Block | undefined, id: number): number {
  const column = new Float64Array(BLOCK_ROWS);
  if (block === undefined) return NaN;
  block.copy(id, column, 0);
  return column[block.length - 1] ?? NaN;
}
