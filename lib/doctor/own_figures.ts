/** What a running service counts, read from its `/-/metrics`. */

/** A sample: its labels as they stand, and its value. */
interface Sample {
  readonly labels: string;
  readonly value: number;
}

/** A label and its value; the values of our own labels hold no quotes. */
const LABEL = /(\w+)="([^"]*)"/g;

/** The service's own metrics. */
export class OwnFigures {
  readonly #samples = new Map<string, Sample[]>();

  /**
   * Reads them.
   *
   * @param text What `/-/metrics` answered.
   */
  constructor(text: string) {
    for (const [, name = "", labels = "", value] of text.matchAll(/^(\w+)(\{.*\})? (\S+)$/gm)) {
      const samples = this.#samples.get(name) ?? [];
      samples.push({ labels, value: Number(value) });
      this.#samples.set(name, samples);
    }
  }

  /** Adds up the samples of a metric. */
  sum(name: string): number {
    return [...this.by(name, "").values()].reduce((sum, value) => sum + value, 0);
  }

  /** The samples of a metric by one of its labels; all under one key where it has no such label. */
  by(name: string, label: string): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const { labels, value } of this.#samples.get(name) ?? []) {
      const pair = [...labels.matchAll(LABEL)].find(([, each]) => each === label);
      const key = pair?.[2] ?? "";
      sums.set(key, (sums.get(key) ?? 0) + value);
    }
    return sums;
  }

  /** The samples of a counter that are above zero, such as `3 of them bad_value`. */
  reasons(name: string, label: string): string {
    return [...this.by(name, label)].filter(([, count]) => count > 0)
      .map(([reason, count]) => `${count} ${reason}`).join(", ");
  }
}
