/** The series of one server, and the reader of their values. */

import { type FamilyMemo, parseFamilies, type Series as Exposed } from "../exposition/family.ts";
import type { MetricType } from "../exposition/types.ts";
import {
  engineOf,
  type FamilyKind,
  familyOf,
  knownKind,
  type SampleName,
  sampleName,
} from "./names.ts";

/** One series. */
export interface Series extends Pick<SampleName, "name" | "family" | "kind"> {
  /** Its id among those of its server. */
  readonly id: number;
  /** Name and labels, ordered. */
  readonly key: string;
  /** Its labels, `instance` among them; without `le`. */
  readonly labels: Readonly<Record<string, string>>;
  /** The upper bound of a bucket; NaN of other series. */
  readonly le: number;
  /** When it was last seen, in milliseconds since 1970. */
  lastMs: number;
}

/** What an exposed series is in the history. */
interface Place {
  readonly series: Series;
  readonly isOld: boolean;
}

/** Memory of a series besides its text, in bytes: its object, labels and map entries. */
const BYTES_PER_SERIES = 640;
/** Memory of a character of its name and labels, in bytes. */
const BYTES_PER_CHARACTER = 4;
/** Longest name with labels of a series; vLLM's are under 300 characters, LoRA adapters aside. */
const MAX_KEY_LENGTH = 4_096;
/** vLLM never forgets a set of adapters that was running; the value is when it was. */
const LORA = "lora_requests_info";

function escape(text: string): string {
  return text.replace(/[\\"\n]/g, (letter) => letter === "\n" ? "\\n" : `\\${letter}`);
}

/** The front ends of vLLM write a bound as `1`, `1.0` or `1e0`. */
function boundOf(text: string | undefined): number {
  if (text === undefined) return NaN;
  return text === "+Inf" || text === "Inf" ? Infinity : Number(text);
}

function bytesOf({ key }: Series): number {
  return BYTES_PER_SERIES + BYTES_PER_CHARACTER * key.length;
}

/** All series of one server. */
export class SeriesTable {
  /** The server's name, which is the label `instance` of its series. */
  readonly instance: string;
  /** The engine's name, such as `SGLang`; undefined before its first series. */
  engine: string | undefined;
  /** Memory used, in bytes; an estimate. */
  bytes = 0;
  /** In the order of their ids. */
  readonly #all = new Map<number, Series>();
  readonly #byKey = new Map<string, Series>();
  readonly #byName = new Map<string, Series[]>();
  /** What exposed families of earlier scrapes are. */
  #known = new WeakMap<readonly Exposed[], readonly (Place | undefined)[]>();
  #nextId = 1;

  /** Makes an empty table. */
  constructor(instance: string) {
    this.instance = instance;
  }

  /** Number of series. */
  get size(): number {
    return this.#all.size;
  }

  /** All series. */
  values(): Iterable<Series> {
    return this.#all.values();
  }

  /** A series by its id. */
  get(id: number): Series | undefined {
    return this.#all.get(id);
  }

  /** The series with a name. */
  named(name: string): readonly Series[] {
    return this.#byName.get(name) ?? [];
  }

  /** Adds a series of a file; in the order of their ids. A file of 0.1.0 has no kinds. */
  restore(id: number, key: string, stored: string, lastMs: number): void {
    const [exposed] = parseFamilies(`${key} 0\n`).flatMap(({ series }) => series);
    if (exposed === undefined) return;
    const kind = (["gauge", "counter", "histogram"] as const)
      .find((each) => each === stored) ?? knownKind(exposed.name);
    this.#nextId = id;
    if (kind !== undefined) {
      const { name } = exposed;
      this.#add(exposed, { name, kind, family: familyOf(name, kind) }, key).lastMs = lastMs;
    }
    this.#nextId = id + 1;
  }

  /** Removes the series last seen before a time, in milliseconds since 1970. */
  dropBefore(timeMs: number): void {
    this.#retain(({ lastMs }) => lastMs >= timeMs);
  }

  /** Removes the series added last. */
  dropNewest(count: number): void {
    const [first = Infinity] = [...this.#all.keys()].slice(-count);
    this.#retain(({ id }) => id < first);
  }

  /**
   * Reads an exposition. Of a family exposed under its old and its new name, the new one counts; of
   * `lora_requests_info`, the newest series. A NaN counts as absent, and so does an infinite
   * counter, which would hide all later increases.
   */
  read(
    text: string | Uint8Array,
    timeMs: number,
    mayAdd: (isKnown: boolean) => boolean,
    memo?: FamilyMemo,
  ): { readonly values: Map<number, number>; readonly dropped: number } {
    const found = new Map<number, number>();
    const keep = (series: Series, value: number): void => {
      found.set(series.id, value);
      series.lastMs = timeMs;
    };
    const old: [Series, number][] = [];
    const families = new Set<string>();
    let dropped = 0;
    for (const { name, type, series, values } of parseFamilies(text, memo)) {
      const newest = name.endsWith(LORA) ? indexOfHighest(values) : -1;
      const kept = newest < 0 ? series : series.slice(newest, newest + 1);
      for (const [index, place] of this.#placesOf(kept, type, mayAdd).entries()) {
        const value = values[newest < 0 ? index : newest] ?? NaN;
        if (place === "dropped") dropped++;
        else if (place !== undefined && isUsable(value, place.series)) {
          if (newest >= 0) this.#retain((each) => each.family !== LORA || each === place.series);
          if (place.isOld) old.push([place.series, value]);
          else {
            families.add(place.series.family);
            keep(place.series, value);
          }
        }
      }
    }
    for (const [series, value] of old) if (!families.has(series.family)) keep(series, value);
    return { values: found, dropped };
  }

  /** What each exposed series is; undefined for one that is not kept, "dropped" for one without room. */
  #placesOf(
    exposed: readonly Exposed[],
    type: MetricType,
    mayAdd: (isKnown: boolean) => boolean,
  ): readonly (Place | "dropped" | undefined)[] {
    const known = this.#known.get(exposed);
    if (known !== undefined) return known;
    const places = exposed.map((series) => this.#place(series, type, mayAdd));
    const found = places.filter((place) => place !== "dropped");
    if (found.length === places.length) this.#known.set(exposed, found);
    return places;
  }

  #place(
    exposed: Exposed,
    type: MetricType,
    mayAdd: (isKnown: boolean) => boolean,
  ): Place | "dropped" | undefined {
    // vLLM's router has the engines' families a second time, by server.
    const isRouters = exposed.labels.some(([label]) => label === "server");
    const sample = sampleName(isRouters ? `router_${exposed.name}` : exposed.name, type);
    if (sample === undefined) return undefined;
    const { name, isKnown, isOld } = sample;
    if (!isRouters) this.engine ??= engineOf(exposed.name)?.title;
    const labels = exposed.labels.toSorted(([one], [other]) => one < other ? -1 : 1)
      .map(([label, value]) => `${label}="${label === "le" ? boundOf(value) : escape(value)}"`);
    const key = `${name}{${labels.join()}}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return { series: known, isOld };
    if (key.length > MAX_KEY_LENGTH || !mayAdd(isKnown)) return isKnown ? "dropped" : undefined;
    return { series: this.#add(exposed, sample, key), isOld };
  }

  #add(
    { labels }: Exposed,
    { name, family, kind }: Pick<SampleName, "name" | "family" | "kind">,
    key: string,
  ): Series {
    const series: Series = {
      id: this.#nextId++,
      key,
      name,
      family,
      kind,
      labels: Object.fromEntries([
        ...labels.filter(([label, value]) => label !== "le" && value !== "")
          // SGLang's word for an engine of several.
          .map(([label, value]) => [label === "dp_rank" ? "engine" : label, value]),
        ["instance", this.instance],
      ]),
      le: boundOf(labels.find(([label]) => label === "le")?.[1]),
      lastMs: Infinity,
    };
    this.#all.set(series.id, series);
    this.#byKey.set(key, series);
    const others = this.#byName.get(name);
    if (others === undefined) this.#byName.set(name, [series]);
    else others.push(series);
    this.bytes += bytesOf(series);
    return series;
  }

  #retain(isKept: (series: Series) => boolean): void {
    const sizeBefore = this.size;
    for (const [id, series] of this.#all) {
      if (isKept(series)) continue;
      this.#all.delete(id);
      this.#byKey.delete(series.key);
      this.#byName.set(series.name, this.named(series.name).filter((other) => other !== series));
      this.bytes -= bytesOf(series);
    }
    if (this.size < sizeBefore) this.#known = new WeakMap();
  }
}

function indexOfHighest(values: Float64Array): number {
  return values.reduce((best, value, at) => value > (values[best] ?? -Infinity) ? at : best, 0);
}

function isUsable(value: number, { kind }: { readonly kind: FamilyKind }): boolean {
  return kind === "gauge" ? !Number.isNaN(value) : Number.isFinite(value);
}
