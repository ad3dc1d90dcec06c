/** The service's own metrics: plain numbers that are read when somebody asks for them. */

import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Name and help of a metric; the name of a counter ends in `_total`. */
export type MetricText = Readonly<Record<"name" | "help", string>>;

/** A series of a metric with labels: the label values in the order of the names, and the value. */
export type LabelledValue = readonly [labels: readonly string[], value: number];

/** A metric with labels. */
export type LabelledMetric = MetricText & {
  readonly type: "counter" | "gauge";
  readonly labels: readonly string[];
};

/** The metrics of one process, written by prom-client. */
export class MetricsRegistry {
  readonly #registry = new Registry();

  /** All metrics as text 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Adds a gauge. */
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

  /** Adds a counter. */
  counter(metric: MetricText, read: () => number): void {
    this.labelled({ ...metric, type: "counter", labels: [] }, () => [[[], read()]]);
  }

  /** Adds a counter with one label. */
  counterBy(metric: MetricText, label: string, counts: ReadonlyMap<string, number>): void {
    this.labelled(
      { ...metric, type: "counter", labels: [label] },
      () => Array.from(counts, ([value, count]): LabelledValue => [[value], count]),
    );
  }

  /** Adds a counter or gauge with labels, whose series may come and go. */
  labelled(
    { type, labels, ...text }: LabelledMetric,
    read: () => Iterable<LabelledValue>,
  ): void {
    // A counter is read from plain numbers, so it is reset before each collection.
    new (type === "counter" ? Counter : Gauge)({
      ...text,
      labelNames: [...labels],
      registers: [this.#registry],
      collect(): void {
        this.reset();
        for (const [values, value] of read()) {
          this.inc(Object.fromEntries(labels.map((name, at) => [name, values[at] ?? ""])), value);
        }
      },
    });
  }

  /** Adds a histogram. */
  histogram(metric: MetricText, buckets: readonly number[]): (value: number) => void {
    const histogram = new Histogram({
      ...metric,
      buckets: [...buckets],
      registers: [this.#registry],
    });
    return (value) => histogram.observe(value);
  }
}

/** Adds to a count by label value. */
export function addCount(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
