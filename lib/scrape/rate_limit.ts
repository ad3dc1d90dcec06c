/** A bound on how often something starts. */

/** How far starts may run ahead of an even pace, in milliseconds. */
const BURST_MS = 1_000;

/** Lets a burst of one second's worth start at once, then spaces the others evenly. */
export class RateLimit {
  readonly #spacingMs: number;
  readonly #now: () => number;
  #paceMs = -Infinity;

  /**
   * Starts with a full burst.
   *
   * @param perSecond How many may start in a second, at least one; `Infinity` for no bound.
   * @param now The time in milliseconds; only differences are used.
   */
  constructor(perSecond: number, now: () => number) {
    this.#spacingMs = 1_000 / perSecond;
    this.#now = now;
  }

  /**
   * Reserves the next start.
   *
   * @returns How long to wait for it, in milliseconds; usually 0.
   */
  reserve(): number {
    const now = this.#now();
    // Bounded above as well, so that a clock set back holds nothing up.
    const paceMs = Math.min(Math.max(this.#paceMs, now), now + BURST_MS) + this.#spacingMs;
    this.#paceMs = paceMs;
    return Math.max(paceMs - BURST_MS - now, 0);
  }
}
