/** A histogram as Prometheus has them. */

/** Counts of values by upper bounds. */
export class Histogram {
  /** The upper bounds without the last, infinite one; ascending. */
  readonly bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  /**
   * Makes an empty one.
   *
   * @param bounds The upper bounds without the infinite one; ascending.
   */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** How many values were seen. */
  get count(): number {
    return this.#count;
  }

  /** The sum of all values. */
  get sum(): number {
    return this.#sum;
  }

  /** Adds a value, once or so many times; it belongs to the first bound that is not below it. */
  observe(value: number, times = 1): void {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.bounds[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    this.#counts[low] = (this.#counts[low] ?? 0) + times;
    this.#sum += value * times;
    this.#count += times;
  }

  /** How many values were at most the bound of this index; the index behind the last counts all. */
  cumulative(index: number): number {
    let total = 0;
    for (let each = 0; each <= index; each++) total += this.#counts[each] ?? 0;
    return total;
  }
}
