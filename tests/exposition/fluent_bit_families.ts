/** How Fluent Bit 5.1.1 turns the lines of a family into data points. */

import { readCount, readDouble, readTime } from "./fluent_bit_numbers.ts";
import { ProcessExit, ScrapeLost } from "./fluent_bit_tokens.ts";

/** What a sample is within its family; `lost` is what quantiles become behind a finished summary. */
export type SampleRole = "plain" | "bucket" | "sum" | "count" | "lost";

/** A data point as the outputs of Fluent Bit get it. */
export interface Point {
  /** The name, with the underscores that Fluent Bit leaves out of it. */
  readonly name: string;
  /** `counter`, `gauge`, `untyped`, `histogram` or `summary`. */
  readonly type: string;
  /** The help text; empty when there was none. */
  readonly help: string;
  /** Label values by name. */
  readonly labels: ReadonlyMap<string, string>;
  /** The value, of all but histograms and summaries. */
  readonly value?: number;
  /** Upper bound or quantile, and count or value. */
  readonly parts?: ReadonlyArray<readonly [number, number]>;
  /** Sum of a histogram or summary. */
  readonly sum?: number;
  /** Count of a histogram or summary. */
  readonly count?: number;
  /** Milliseconds since 1970, if given. */
  readonly timestamp?: number;
}

/** A sample as the grammar fills it in. */
export interface RawSample {
  role: SampleRole;
  labels: Map<string, string>;
  value: string;
  time: string;
}

/** A histogram or summary that further label sets are added to. */
interface Instance {
  readonly type: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly bounds: readonly number[];
  readonly points: Map<string, Point>;
}

/** Which label set or family a name of a histogram or summary goes to. */
export type Next =
  | "other family"
  | "same"
  | { readonly role: SampleRole; readonly startsGroup: boolean };

const MAX_LABEL_NAMES = 128;

/** The name in the outputs: underscores are lost around its first two parts. */
export function outputName(name: string): string {
  const [first = "", ...more] = name.split("_");
  if (more.length === 0) return name;
  const [second = "", ...rest] = more;
  const last = rest.length === 0 ? second : rest.join("_");
  if (last === "") throw new ScrapeLost(`"${name}" ends with an underscore`);
  const parts = rest.length === 0 ? [first, second] : [first, second, last];
  return parts.filter((part) => part !== "").join("_");
}

/** The lines of one family, or of one label set of a histogram or summary. */
export class FluentBitFamily {
  help = "";
  type = "untyped";
  role: SampleRole = "plain";

  readonly #labelNames: string[] = [];
  readonly #samples: RawSample[] = [];
  #instance: { current: Instance | undefined } = { current: undefined };

  constructor(readonly name: string, before?: FluentBitFamily) {
    if (before === undefined) return;
    this.help = before.help;
    this.type = before.type;
    this.#instance = before.#instance;
  }

  /** Whether several sample names belong to it. */
  get isGrouped(): boolean {
    return this.type === "histogram" || this.type === "summary";
  }

  /** Where a name goes that follows. */
  roleOf(name: string): Next {
    const has = (role: SampleRole): boolean => this.#samples.some((sample) => sample.role === role);
    const complete = has("sum") && has("count");
    if (!name.startsWith(this.name)) return "other family";
    switch (name.slice(this.name.length)) {
      case "":
        return complete ? { role: "lost", startsGroup: true } : "same";
      case "_bucket": {
        const last = this.#samples.at(-1)?.role;
        const hasParts = this.#samples.some(({ role }) => role !== "sum" && role !== "count");
        const startsGroup = complete && hasParts && (last === "sum" || last === "count");
        return { role: "bucket", startsGroup };
      }
      case "_sum":
        return { role: "sum", startsGroup: has("sum") };
      case "_count":
        return { role: "count", startsGroup: has("count") };
      default:
        return "other family";
    }
  }

  /** Begins a sample of the role that its name gave it. */
  startSample(): RawSample {
    const sample: RawSample = { role: this.role, labels: new Map(), value: "", time: "" };
    this.#samples.push(sample);
    return sample;
  }

  /** Takes note of a label name. */
  addLabelName(name: string): void {
    if (this.#labelNames.length >= MAX_LABEL_NAMES) throw new ScrapeLost("too many labels");
    if (!this.#labelNames.includes(name)) this.#labelNames.push(name);
  }

  /** Turns the samples into points. */
  finish(points: Point[]): void {
    if (this.#samples.length === 0) return;
    if (this.type === "histogram") this.#finishHistogram(points);
    else if (this.type === "summary") this.#finishSummary(points);
    else this.#finishSimple(points);
  }

  #finishSimple(points: Point[]): void {
    const name = outputName(this.name);
    const values = new Map<string, Point>();
    for (const { labels, value: text, time } of this.#samples) {
      const value = readDouble(text);
      if (value === undefined) throw new ScrapeLost(`"${text}" is no value`);
      const timestamp = readTime(time);
      const key = this.#keyOf(this.#labelNames, labels);
      const before = values.get(key)?.value ?? 0;
      if (this.type === "counter" && before > value) throw new ScrapeLost(`${name} falls`);
      values.set(key, { ...this.#point(this.#sorted(labels), timestamp), value });
    }
    points.push(...values.values());
  }

  #finishHistogram(points: Point[]): void {
    const size = this.#samples.length - 3;
    if (size < 0) throw new ScrapeLost("not enough samples for a histogram");
    if (!this.#labelNames.includes("le")) throw new ScrapeLost("no label le");
    const names = this.#labelNames.filter((name) => name !== "le");
    const bounds: number[] = [];
    const counts = new Array<number>(size + 1).fill(0);
    let sum = 0;
    let count = 0;
    for (const { role, labels, value } of this.#samples) {
      if (role === "bucket" && bounds.length < size) {
        const bound = readDouble(labels.get("le") ?? "");
        if (bound === undefined) throw new ScrapeLost(`"${labels.get("le")}" is no bound`);
        counts[bounds.length] = readCount(value);
        bounds.push(bound);
      } else if (role === "sum") sum = this.#sumOf(value);
      else if (role === "count") {
        count = readCount(value);
        counts[bounds.length] = count;
      }
    }
    const timestamp = this.#groupTime();
    const instance = this.#instanceOf(names, () => {
      if (size < 1) throw new ScrapeLost("a histogram without bounds");
      // What no line filled in is zero.
      const all = [...bounds, ...new Array<number>(size - bounds.length).fill(0)];
      if (all.some((bound, index) => bound < (all[index - 1] ?? -Infinity))) {
        throw new ScrapeLost("bounds fall");
      }
      return all;
    });
    if (instance.bounds.length > size) throw new ProcessExit("reads beyond the counts");
    const parts = [...instance.bounds, Infinity].map((bound, index) =>
      [bound, counts[index] ?? 0] as const
    );
    this.#addGroup(points, instance, names, timestamp, { parts, sum, count });
  }

  #finishSummary(points: Point[]): void {
    const size = this.#samples.length - 2;
    if (size < 0) throw new ScrapeLost("not enough samples for a summary");
    const end = this.#labelNames.indexOf("quantile");
    const names = end < 0 ? this.#labelNames : this.#labelNames.slice(0, end);
    const part = this.#labelNames[Math.max(end, 0)] ?? "";
    const quantiles: number[] = [];
    const values: number[] = [];
    let sum = 0;
    let count = 0;
    for (const { role, labels, value } of this.#samples) {
      if (role === "plain") {
        const text = labels.get(part);
        if (text === undefined) throw new ProcessExit("reads a quantile that is not there");
        const quantile = readDouble(text);
        const number = readDouble(value);
        if (quantile === undefined || number === undefined) throw new ScrapeLost("no quantile");
        if (quantiles.length === size) throw new ProcessExit("writes beyond the quantiles");
        quantiles.push(quantile);
        values.push(number);
      } else if (role === "sum") sum = this.#sumOf(value);
      else if (role === "count") count = readCount(value);
    }
    const timestamp = this.#groupTime();
    const instance = this.#instanceOf(
      names,
      () => [...quantiles, ...new Array<number>(size - quantiles.length).fill(0)],
    );
    if (instance.bounds.length > size) throw new ProcessExit("reads beyond the quantiles");
    const parts = instance.bounds.map((quantile, index) => [quantile, values[index] ?? 0] as const);
    this.#addGroup(points, instance, names, timestamp, { parts, sum, count });
  }

  #sumOf(text: string): number {
    const sum = readDouble(text);
    if (sum === undefined) throw new ScrapeLost(`"${text}" is no sum`);
    return sum;
  }

  /** The first timestamp that is not zero. */
  #groupTime(): number | undefined {
    const part = this.type === "histogram" ? "bucket" : "plain";
    // The last bucket is not looked at, for it is taken for the one of +Inf.
    let parts = part === "bucket" ? this.#samples.length - 3 : Infinity;
    for (const { role, time } of this.#samples) {
      if (role !== "sum" && role !== "count" && (role !== part || parts-- <= 0)) continue;
      const timestamp = readTime(time);
      if (timestamp !== undefined && timestamp !== 0) return timestamp;
    }
    return undefined;
  }

  /** The histogram or summary at hand if its label names are as many, or a new one. */
  #instanceOf(names: readonly string[], bounds: () => number[]): Instance {
    const { current } = this.#instance;
    if (current !== undefined && current.type !== this.type) {
      throw new ProcessExit(`reads a ${current.type} as a ${this.type}`);
    }
    if (current?.labelNames.length === names.length) return current;
    outputName(this.name);
    const instance: Instance = {
      type: this.type,
      help: this.help,
      labelNames: names.slice(),
      bounds: bounds(),
      points: new Map(),
    };
    this.#instance.current = instance;
    return instance;
  }

  /** Label values come from the first line of the set, by position. */
  #addGroup(
    points: Point[],
    instance: Instance,
    names: readonly string[],
    timestamp: number | undefined,
    group: Pick<Point, "parts" | "sum" | "count">,
  ): void {
    const first = this.#samples[0]?.labels ?? new Map<string, string>();
    const labels = new Map<string, string>();
    names.forEach((name, index) => {
      const value = first.get(name);
      if (value !== undefined) labels.set(instance.labelNames[index] ?? "", value);
    });
    const key = this.#keyOf(instance.labelNames, labels);
    const point = { ...this.#point(labels, timestamp), ...group, help: instance.help };
    const before = instance.points.get(key);
    if (before === undefined) points.push(point);
    else points[points.indexOf(before)] = point;
    instance.points.set(key, point);
  }

  /** Labels in the order in which the family has them. */
  #sorted(labels: ReadonlyMap<string, string>): Map<string, string> {
    const sorted = new Map<string, string>();
    for (const name of this.#labelNames) {
      const value = labels.get(name);
      if (value !== undefined) sorted.set(name, value);
    }
    return sorted;
  }

  #keyOf(names: readonly string[], labels: ReadonlyMap<string, string>): string {
    return JSON.stringify(names.map((name) => labels.get(name) ?? null));
  }

  #point(labels: ReadonlyMap<string, string>, timestamp: number | undefined): Point {
    const { help, type } = this;
    const name = outputName(this.name);
    return { name, type, help, labels, ...timestamp === undefined ? {} : { timestamp } };
  }
}
