/** Leaves rows out, so that what remains tells the same over longer times. */

import { BREAK, type Moment } from "./block.ts";

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

  /** Keeps the row that nothing is known of yet: no other follows. */
  flush(): void {
    if (this.#pending !== undefined) this.#keep(this.#pending);
    this.#pending = undefined;
  }
}
