/** The families of a server's scrapes as OTLP metrics. */

import type { Family } from "../exposition/family.ts";
import {
  AggregationTemporality,
  type HistogramDataPoint,
  type KeyValue,
  type Metric,
  type NumberDataPoint,
  type SummaryDataPoint,
} from "../otlp/gen/metrics.ts";

const { AGGREGATION_TEMPORALITY_CUMULATIVE: CUMULATIVE } = AggregationTemporality;
const CREATED = "_created";

/** The series that make up one data point: indexes into the values of its family. */
interface Group {
  readonly attributes: KeyValue[];
  value?: number;
  sum?: number;
  count?: number;
  /** Buckets by their bound, or quantiles. */
  readonly parts: { readonly at: number; readonly index: number }[];
  /** When it was first seen, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** The last scrape before it fell. */
  resetMs: number;
  last: number;
}

/** What is remembered of a family while its series stay the same. */
interface Known {
  readonly series: Family["series"];
  /** By labels. */
  readonly groups: ReadonlyMap<string, Group>;
}

/** One scrape of a server. */
interface Scrape {
  readonly timeMs: number;
  /** When the process of the server began, in milliseconds since 1970. */
  readonly processMs: number | undefined;
  /** Start times by name of the `_created` family and labels, in milliseconds since 1970. */
  readonly created: ReadonlyMap<string, number>;
}

/** An attribute with a text. */
export function attribute(key: string, value: string): KeyValue {
  return { key, value: { stringValue: value } };
}

/** Makes data points of one server's scrapes, and knows since when its counters count. */
export class PointMaker {
  readonly #instance: string | undefined;
  #known = new Map<string, Known>();
  /** When the last scrape was. */
  #timeMs = 0;

  /** Begins with the first scrape; `instance` becomes a label, as on a merged `/metrics`. */
  constructor(instance?: string) {
    this.#instance = instance;
  }

  /** Makes the metrics of a scrape; not all values are finite. */
  metrics(families: readonly Family[], timeMs: number): Metric[] {
    const before = this.#known;
    this.#known = new Map();
    const known = families.map((family): Known => {
      // A name may come again.
      let name = family.name;
      while (this.#known.has(name)) name += " ";
      const old = before.get(name);
      const groups = old?.series === family.series
        ? old.groups
        : this.#group(family, timeMs, old?.groups);
      const entry = { series: family.series, groups };
      this.#known.set(name, entry);
      return entry;
    });
    const created = new Map<string, number>();
    for (const [index, { name, values }] of families.entries()) {
      if (!name.endsWith(CREATED)) continue;
      for (const [key, { value = -1 }] of known[index]?.groups ?? []) {
        const startMs = milliseconds(values[value], timeMs);
        if (startMs !== undefined) created.set(name + key, startMs);
      }
    }
    const process = families.find(({ name }) => name === "process_start_time_seconds");
    const scrape = { timeMs, processMs: milliseconds(process?.values[0], timeMs), created };
    const metrics = families.map((family, index): Metric => {
      const { name, help: description = "" } = family;
      const data = this.#data(family, known[index]?.groups ?? new Map(), scrape);
      return { name, description, unit: "", metadata: [], ...data };
    });
    this.#timeMs = Math.max(this.#timeMs, timeMs);
    return metrics;
  }

  /** Groups the series of a family by data point; what is known of a point is kept. */
  #group(
    { name, type, series }: Family,
    timeMs: number,
    old: ReadonlyMap<string, Group> | undefined,
  ): ReadonlyMap<string, Group> {
    const groups = new Map<string, Group>();
    const part = type === "histogram" ? "le" : type === "summary" ? "quantile" : undefined;
    for (const [index, one] of series.entries()) {
      const labels = one.labels.filter(([label]) => label !== part);
      const key = JSON.stringify(labels);
      const { sinceMs = timeMs, resetMs = 0, last = -Infinity } = old?.get(key) ?? {};
      const group = groups.get(key) ??
        { attributes: this.#attributes(labels), parts: [], sinceMs, resetMs, last };
      groups.set(key, group);
      const at = one.labels.find(([label]) => label === part)?.[1];
      if (at !== undefined) group.parts.push({ at: Number(at.replace("+Inf", "Infinity")), index });
      else if (part !== undefined && one.name === `${name}_sum`) group.sum = index;
      else if (part !== undefined && one.name === `${name}_count`) group.count = index;
      else group.value = index;
    }
    for (const { parts } of groups.values()) parts.sort((one, other) => one.at - other.at);
    return groups;
  }

  #attributes(labels: Family["series"][number]["labels"]): KeyValue[] {
    if (this.#instance === undefined) return labels.map(([key, value]) => attribute(key, value));
    return [
      attribute("instance", this.#instance),
      ...labels.map(([key, value]) =>
        attribute(key === "instance" ? "exported_instance" : key, value)
      ),
    ];
  }

  #data(
    family: Family,
    groups: ReadonlyMap<string, Group>,
    scrape: Scrape,
  ): Pick<Metric, "gauge" | "sum" | "histogram" | "summary"> {
    const { values, type } = family;
    const all = <P>(make: (group: Group, start: (value: number) => string) => P): P[] =>
      Array.from(
        groups,
        ([key, group]) =>
          make(group, (value) => this.#start(family.name, key, group, value, scrape)),
      );
    const { timeMs } = scrape;
    if (type === "histogram") {
      const dataPoints = all((group, start) => histogramPoint(group, values, timeMs, start));
      return { histogram: { dataPoints, aggregationTemporality: CUMULATIVE } };
    }
    if (type === "summary") {
      return {
        summary: { dataPoints: all((group, start) => summaryPoint(group, values, timeMs, start)) },
      };
    }
    const dataPoints = all((group, start): NumberDataPoint => {
      const asDouble = values[group.value ?? -1] ?? NaN;
      const startTime = type === "counter" ? start(asDouble) : "0";
      return { ...pointAt(timeMs, group, startTime), asDouble, exemplars: [] };
    });
    return type === "counter"
      ? { sum: { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: true } }
      : { gauge: { dataPoints } };
  }

  /** Since when a counter counts; after a reset, since the last scrape before it. */
  #start(name: string, key: string, group: Group, value: number, scrape: Scrape): string {
    // Scrapes for a push and for a client may overtake each other.
    if (scrape.timeMs >= this.#timeMs) {
      if (value < group.last) group.resetMs = this.#timeMs;
      group.last = value;
    }
    const created = scrape.created.get(name.replace(/_total$/, "") + CREATED + key);
    const startMs = created ?? scrape.processMs;
    return nanoseconds(Math.max(startMs ?? (group.resetMs || group.sinceMs), group.resetMs));
  }
}

/** A time in seconds as milliseconds, if it can be that of a start. */
function milliseconds(seconds: number | undefined, nowMs: number): number | undefined {
  const timeMs = (seconds ?? 0) * 1_000;
  return timeMs > 0 && timeMs <= nowMs ? timeMs : undefined;
}

function nanoseconds(timeMs: number): string {
  return `${Math.round(timeMs * 1_000)}000`;
}

function pointAt(
  timeMs: number,
  { attributes }: Group,
  startTimeUnixNano: string,
): Omit<SummaryDataPoint, "count" | "sum" | "quantileValues"> {
  const timeUnixNano = nanoseconds(timeMs);
  return { attributes: [...attributes], startTimeUnixNano, timeUnixNano, flags: 0 };
}

/** OTLP has counts per bucket, an exposition cumulative ones. */
function histogramPoint(
  group: Group,
  values: Float64Array,
  timeMs: number,
  start: (count: number) => string,
): HistogramDataPoint {
  const explicitBounds = group.parts.map(({ at }) => at).filter((at) => at !== Infinity);
  const cumulative = group.parts.map(({ index }) => values[index] ?? NaN);
  if (explicitBounds.length === cumulative.length) {
    cumulative.push(values[group.count ?? -1] ?? NaN);
  }
  const count = cumulative.at(-1) ?? 0;
  return {
    ...pointAt(timeMs, group, start(count)),
    count: String(count),
    sum: values[group.sum ?? -1],
    bucketCounts: cumulative.map((value, index) => String(value - (cumulative[index - 1] ?? 0))),
    explicitBounds,
    exemplars: [],
  };
}

function summaryPoint(
  { parts, ...group }: Group,
  values: Float64Array,
  timeMs: number,
  start: (count: number) => string,
): SummaryDataPoint {
  const count = values[group.count ?? -1] ?? NaN;
  return {
    ...pointAt(timeMs, { ...group, parts }, start(count)),
    count: String(count),
    sum: values[group.sum ?? -1] ?? NaN,
    quantileValues: parts.map(({ at, index }) => ({ quantile: at, value: values[index] ?? NaN })),
  };
}
