/** Repeatable random numbers. */

const TWO_TO_32 = 2 ** 32;
/** The golden ratio times 2^32: keeps the states of neighboring seeds apart. */
const STEP = 0x9e3779b9;

/** A log-normal distribution of lengths, as in real traffic: many short ones, few very long ones. */
export interface LogNormal {
  /** Half are shorter. */
  readonly median: number;
  /** Standard deviation of the logarithm; 0 always gives the median. */
  readonly sigma: number;
  /** Upper limit. */
  readonly max: number;
}

/** A stream of random numbers; equal seeds give equal streams. */
export class Random {
  #state: number;

  /** Only the lowest 32 bits of the seed count. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next number, 0 to below 1. SplitMix32, period 2^32: weeks of load. */
  next(): number {
    this.#state = (this.#state + STEP) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / TWO_TO_32;
  }

  /** Time to the next event of a Poisson process; infinite when the rate is 0. */
  exponential(rate: number): number {
    return rate > 0 ? -Math.log(1 - this.next()) / rate : Infinity;
  }

  /** A whole number, 1 to `max`. */
  logNormal({ median, sigma, max }: LogNormal): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
    return Math.min(max, Math.max(1, Math.round(median * Math.exp(sigma * normal))));
  }

  /** A new stream, seeded with the next number of this one. */
  fork(): Random {
    return new Random(Math.floor(this.next() * TWO_TO_32));
  }
}
