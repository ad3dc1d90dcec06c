/** Metrics of prom-client that are read from plain numbers when somebody asks for them. */

import { Counter, Gauge, type Registry } from "prom-client";

/**
 * A gauge.
 *
 * @param registry Where it is listed.
 * @param name Its name.
 * @param help What it says.
 * @param read Gives its value; undefined for none yet.
 */
export function gauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number | undefined,
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect(): void {
      const value = read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
}

/**
 * A counter.
 *
 * @param registry Where it is listed.
 * @param name Its name, with `_total`.
 * @param help What it counts.
 * @param read Gives its value.
 */
export function counter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect(): void {
      this.reset();
      this.inc(read());
    },
  });
}

/**
 * A counter with one label.
 *
 * @param registry Where it is listed.
 * @param name Its name, with `_total`.
 * @param help What it counts.
 * @param label The label's name.
 * @param counts The counts by label value.
 */
export function counterBy(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  counts: ReadonlyMap<string, number>,
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect(): void {
      this.reset();
      for (const [value, count] of counts) this.inc({ [label]: value }, count);
    },
  });
}

/** Adds to a count by label value. */
export function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
