/** Metrics that are plain numbers until somebody asks for them: counting costs no look-up. */

import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Name and help of a metric. */
export interface MetricText {
  /** The name; of a counter with `_total`. */
  readonly name: string;
  /** What it says, in one sentence. */
  readonly help: string;
}

/** The metrics of one process, written by prom-client. */
export class MetricsRegistry {
  readonly #registry = new Registry();

  /** All of them as text 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /**
   * Adds a gauge.
   *
   * @param metric Name and help.
   * @param read Gives its value; undefined for none yet.
   */
  gauge(metric: MetricText, read: () => number | undefined): void {
    new Gauge({
      ...metric,
      registers: [this.#registry],
      collect(): void {
        const value = read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  }

  /**
   * Adds a gauge that is always 1 and says something by its labels.
   *
   * @param metric Name and help.
   * @param labels The labels.
   */
  info(metric: MetricText, labels: Readonly<Record<string, string>>): void {
    new Gauge({ ...metric, labelNames: Object.keys(labels), registers: [this.#registry] })
      .set({ ...labels }, 1);
  }

  /**
   * Adds a counter.
   *
   * @param metric Name and help.
   * @param read Gives its value.
   */
  counter(metric: MetricText, read: () => number): void {
    new Counter({
      ...metric,
      registers: [this.#registry],
      collect(): void {
        this.reset();
        this.inc(read());
      },
    });
  }

  /**
   * Adds a counter with one label.
   *
   * @param metric Name and help.
   * @param label The label's name.
   * @param counts The counts by label value.
   */
  counterBy(metric: MetricText, label: string, counts: ReadonlyMap<string, number>): void {
    new Counter({
      ...metric,
      labelNames: [label],
      registers: [this.#registry],
      collect(): void {
        this.reset();
        for (const [value, count] of counts) this.inc({ [label]: value }, count);
      },
    });
  }

  /**
   * Adds a histogram.
   *
   * @param metric Name and help.
   * @param buckets The upper bounds of its buckets.
   * @returns A function that takes an observation.
   */
  histogram(metric: MetricText, buckets: readonly number[]): (value: number) => void {
    const histogram = new Histogram({
      ...metric,
      buckets: [...buckets],
      registers: [this.#registry],
    });
    return (value) => histogram.observe(value);
  }
}

/**
 * Adds to a count by label value.
 *
 * @param counts The counts.
 * @param key The label value.
 * @param count How much to add.
 */
export function addCount(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
