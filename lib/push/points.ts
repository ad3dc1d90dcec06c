/** The families of a server's scrapes as OTLP metrics. */

import type { Family } from "../exposition/family.ts";
import type {
  HistogramDataPoint,
  KeyValue,
  Metric,
  NumberDataPoint,
  SummaryDataPoint,
} from "../otlp/gen/metrics.ts";

/** `AGGREGATION_TEMPORALITY_CUMULATIVE`. */
const CUMULATIVE = 2;
const CREATED = "_created";

/** What all points of a metric have in common. */
type Point = Pick<
  NumberDataPoint,
  "attributes" | "startTimeUnixNano" | "timeUnixNano" | "exemplars" | "flags"
>;

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
  readonly groups: ReadonlyMap<string, Group>;
}

/** One scrape of a server. */
interface Scrape {
  readonly timeMs: number;
  /** When the process of the server began, in milliseconds since 1970. */
  readonly processMs: number | undefined;
  /** Start times by `_created` family and labels, in milliseconds since 1970. */
  readonly created: ReadonlyMap<string, (key: string) => number | undefined>;
}

/** An attribute with a text. */
export function attribute(key: string, value: string): KeyValue {
  return { key, value: { value: { $case: "stringValue", value } } };
}

/** Makes data points of one server's scrapes, and knows since when its counters count. */
export class PointMaker {
  /** Points left out: a value that is not finite, or counts that no histogram can have. */
  dropped = 0;
  readonly #instance: string | undefined;
  #known = new Map<string, Known>();
  /** When the last scrape was. */
  #timeMs = 0;

  /** Begins with the first scrape; `instance` becomes a label, as on a merged `/metrics`. */
  constructor(instance?: string) {
    this.#instance = instance;
  }

  /** Makes the metrics of a scrape, of the families that are wanted. */
  metrics(
    families: readonly Family[],
    timeMs: number,
    keeps: (name: string) => boolean,
  ): Metric[] {
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
    const created = new Map<string, (key: string) => number | undefined>();
    for (const [index, { name, values }] of families.entries()) {
      if (!name.endsWith(CREATED)) continue;
      const groups = known[index]?.groups;
      created.set(name, (key) => milliseconds(values[groups?.get(key)?.value ?? -1], timeMs));
    }
    const process = families.find(({ name }) => name === "process_start_time_seconds");
    const scrape = { timeMs, processMs: milliseconds(process?.values[0], timeMs), created };
    const metrics = families.flatMap((family, index) => {
      if (!keeps(family.name)) return [];
      const data = this.#data(family, known[index]?.groups ?? new Map(), scrape);
      return data === undefined
        ? []
        : [{ name: family.name, description: family.help ?? "", unit: "", data, metadata: [] }];
    });
    this.#timeMs = timeMs;
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
  ): Metric["data"] {
    /** The points of the groups that have one. */
    const points = <P>(make: (group: Group, key: string) => P | undefined): P[] =>
      Array.from(groups, ([key, group]) => make(group, key)).filter((point) => {
        if (point === undefined) this.dropped++;
        return point !== undefined;
      });
    const started = (key: string, group: Group, value: number): bigint =>
      this.#start(family.name, key, group, value, scrape);
    const { values, type } = family;
    if (type === "histogram") {
      const dataPoints = points((group, key) =>
        histogramPoint(group, values, (count) => pointAt(scrape, group, started(key, group, count)))
      );
      return dataPoints.length === 0
        ? undefined
        : { $case: type, value: { dataPoints, aggregationTemporality: CUMULATIVE } };
    }
    if (type === "summary") {
      const dataPoints = points((group, key) =>
        summaryPoint(group, values, (count) => pointAt(scrape, group, started(key, group, count)))
      );
      return dataPoints.length === 0 ? undefined : { $case: type, value: { dataPoints } };
    }
    const isCounter = type === "counter";
    const dataPoints = points((group, key): NumberDataPoint | undefined => {
      const value = values[group.value ?? -1] ?? NaN;
      if (!Number.isFinite(value)) return undefined;
      const start = isCounter ? started(key, group, value) : 0n;
      return { ...pointAt(scrape, group, start), value: { $case: "asDouble", value } };
    });
    if (dataPoints.length === 0) return undefined;
    return isCounter
      ? {
        $case: "sum",
        value: { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: true },
      }
      : { $case: "gauge", value: { dataPoints } };
  }

  /** Since when a counter counts; after a reset, since the last scrape before it. */
  #start(name: string, key: string, group: Group, value: number, scrape: Scrape): bigint {
    if (value < group.last) group.resetMs = this.#timeMs;
    group.last = value;
    const created = scrape.created.get(name.replace(/_total$/, "") + CREATED)?.(key);
    const startMs = created ?? scrape.processMs;
    return nanoseconds(Math.max(startMs ?? (group.resetMs || group.sinceMs), group.resetMs));
  }
}

/** A time in seconds as milliseconds, if it can be that of a start. */
function milliseconds(seconds: number | undefined, nowMs: number): number | undefined {
  const timeMs = (seconds ?? 0) * 1_000;
  return timeMs > 0 && timeMs <= nowMs ? timeMs : undefined;
}

function nanoseconds(timeMs: number): bigint {
  return BigInt(Math.round(timeMs * 1_000)) * 1_000n;
}

function pointAt({ timeMs }: Scrape, { attributes }: Group, startTimeUnixNano: bigint): Point {
  const timeUnixNano = nanoseconds(timeMs);
  return { attributes, startTimeUnixNano, timeUnixNano, exemplars: [], flags: 0 };
}

/** OTLP has counts per bucket, an exposition cumulative ones. */
function histogramPoint(
  { parts, sum, count }: Group,
  values: Float64Array,
  point: (count: number) => Point,
): HistogramDataPoint | undefined {
  const bounds = parts.map(({ at }) => at).filter((at) => at !== Infinity);
  const cumulative = parts.map(({ index }) => values[index] ?? NaN);
  if (bounds.length === parts.length) cumulative.push(values[count ?? -1] ?? NaN);
  const counts = cumulative.map((value, index) => value - (cumulative[index - 1] ?? 0));
  const isPossible = bounds.every(Number.isFinite) &&
    counts.every((value) => Number.isSafeInteger(value) && value >= 0);
  if (!isPossible) return undefined;
  const total = cumulative[cumulative.length - 1] ?? 0;
  const sumValue = values[sum ?? -1];
  return {
    ...point(total),
    count: BigInt(total),
    ...(Number.isFinite(sumValue) ? { sum: sumValue } : {}),
    bucketCounts: counts.map(BigInt),
    explicitBounds: bounds,
  };
}

function summaryPoint(
  { parts, sum, count }: Group,
  values: Float64Array,
  point: (count: number) => Point,
): SummaryDataPoint | undefined {
  const total = values[count ?? -1] ?? NaN;
  const sumValue = values[sum ?? -1] ?? NaN;
  if (!Number.isSafeInteger(total) || total < 0 || !Number.isFinite(sumValue)) return undefined;
  const quantileValues = parts
    .map(({ at, index }) => ({ quantile: at, value: values[index] ?? NaN }))
    .filter(({ value }) => Number.isFinite(value));
  const { exemplars: _, ...rest } = point(total);
  return { ...rest, count: BigInt(total), sum: sumValue, quantileValues };
}
