/** Leaves rows out, so that what remains tells the same over longer times. */

import { BREAK, type Moment, type Rows } from "./block.ts";

/**
 * Keeps the last row of each interval, and both rows beside a break: where a counter fell, and
 * where the server went or came. So no increase of a counter is lost, and gaps stay gaps. What
 * remains are scrapes as they were, with their own times.
 */
export class Thinner<T extends Moment> {
  /** Length of the intervals in milliseconds; they begin at multiples of it since 1970. */
  readonly intervalMs: number;
  readonly #keep: (row: T) => void;
  #pending: T | undefined;

  /**
   * Begins without rows.
   *
   * @param intervalMs Length of the intervals in milliseconds.
   * @param keep Takes each row that remains, in their order.
   */
  constructor(intervalMs: number, keep: (row: T) => void) {
    this.intervalMs = intervalMs;
    this.#keep = keep;
  }

  /** Takes the next row. */
  push(row: T): void {
    const pending = this.#pending;
    this.#pending = row;
    if (pending === undefined) return;
    const isLast = Math.floor(pending.timeMs / this.intervalMs) !==
      Math.floor(row.timeMs / this.intervalMs);
    if (isLast || ((pending.flags | row.flags) & BREAK) !== 0) this.#keep(pending);
  }

  /** Forgets the row that nothing is known of yet. */
  clear(): void {
    this.#pending = undefined;
  }

  /** Keeps the row that nothing is known of yet: no other follows. */
  flush(): void {
    if (this.#pending !== undefined) this.#keep(this.#pending);
    this.#pending = undefined;
  }
}

/**
 * Finds the rows of a block that remain.
 *
 * @param rows The block.
 * @param next The row behind it; undefined when there is none.
 * @param intervalMs Length of the intervals in milliseconds.
 * @returns The indexes of those rows.
 */
export function thinned(rows: Rows, next: Moment | undefined, intervalMs: number): number[] {
  const kept: number[] = [];
  const thinner = new Thinner<Moment & { index: number }>(
    intervalMs,
    ({ index }) => kept.push(index),
  );
  rows.times.forEach((timeMs, index) => {
    thinner.push({ timeMs, flags: rows.flags[index] ?? 0, index });
  });
  if (next === undefined) thinner.flush();
  else thinner.push({ ...next, index: -1 });
  return kept;
}

/**
 * The first row of a block.
 *
 * @param rows The block.
 * @returns When it was, and its flags; undefined when the block is empty.
 */
export function firstOf(rows: Rows | undefined): Moment | undefined {
  const [timeMs] = rows?.times ?? [];
  return timeMs === undefined ? undefined : { timeMs, flags: rows?.flags[0] ?? 0 };
}
