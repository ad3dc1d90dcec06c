/** The series of one server, and the reader of their values. */

import { type FamilyMemo, parseFamilies, type Series as Exposed } from "../exposition/family.ts";
import { sampleName } from "./names.ts";

/** One series. */
export interface Series {
  /** Its id among those of its server. */
  readonly id: number;
  /** Its current name, such as `time_to_first_token_seconds_bucket`. */
  readonly name: string;
  /** The family it belongs to. */
  readonly family: string;
  /** Its labels, `instance` among them; without `le`. */
  readonly labels: Readonly<Record<string, string>>;
  /** The upper bound of a bucket; NaN of other series. */
  readonly le: number;
  /** Whether it falls only when the server restarts. */
  readonly isCounter: boolean;
}

/** What an exposed series is in the history. */
export interface Place {
  /** The series. */
  readonly series: Series;
  /** Whether its name is one that newer versions of vLLM have replaced. */
  readonly isOld: boolean;
}

/** Memory of a series besides its text, in bytes: its object, labels and map entries. */
const BYTES_PER_SERIES = 640;
/** Memory of a character of its name and labels, in bytes. */
const BYTES_PER_CHARACTER = 4;

/** Longest name with labels of a series; vLLM's are under 300 characters, LoRA adapters aside. */
const MAX_KEY_LENGTH = 4_096;

const ENCODER = new TextEncoder();

function escape(text: string): string {
  return text.replace(/[\\"\n]/g, (letter) => letter === "\n" ? "\\n" : `\\${letter}`);
}

/** The front ends of vLLM write a bound as `1`, `1.0` or `1e0`. */
function boundOf(text: string | undefined): number {
  if (text === undefined) return NaN;
  return text === "+Inf" || text === "Inf" ? Infinity : Number(text);
}

/** All series of one server. */
export class SeriesTable {
  /** The server's name, which is the label `instance` of its series. */
  readonly instance: string;
  /** Memory used, in bytes; an estimate. */
  bytes = 0;
  /** In the order of their ids. */
  readonly #all = new Map<number, { readonly series: Series; readonly key: string }>();
  /** What exposed families of earlier scrapes are. */
  #known = new WeakMap<readonly Exposed[], readonly (Place | undefined)[]>();
  readonly #byKey = new Map<string, Series>();
  readonly #byName = new Map<string, Series[]>();
  /** When each was last seen, in milliseconds since 1970. */
  readonly #lastMs = new Map<number, number>();
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
  values(): Series[] {
    return Array.from(this.#all.values(), ({ series }) => series);
  }

  /** Name and labels of a series, ordered; undefined when there is no such id. */
  keyOf(id: number): string | undefined {
    return this.#all.get(id)?.key;
  }

  /** A series by its id. */
  get(id: number): Series | undefined {
    return this.#all.get(id)?.series;
  }

  /** The series with a name. */
  named(name: string): readonly Series[] {
    return this.#byName.get(name) ?? [];
  }

  /**
   * Finds or adds the series of a family.
   *
   * @param exposed The series as the exposition has them.
   * @param mayAdd Whether one more series may be added.
   * @returns What each is; undefined for one that is not kept, "dropped" for one without room.
   */
  placesOf(
    exposed: readonly Exposed[],
    mayAdd: () => boolean,
  ): readonly (Place | "dropped" | undefined)[] {
    const known = this.#known.get(exposed);
    if (known !== undefined) return known;
    const places = exposed.map((series) => this.#place(series, mayAdd));
    const found = places.filter((place) => place !== "dropped");
    if (found.length === places.length) this.#known.set(exposed, found);
    return places;
  }

  /** Notes that series were seen. */
  touch(ids: readonly number[], timeMs: number): void {
    for (const id of ids) this.#lastMs.set(id, timeMs);
  }

  /** Adds a series of a file, unless this version does not keep it; in the order of their ids. */
  restore({ id, key, lastMs }: {
    readonly id: number;
    readonly key: string;
    readonly lastMs: number;
  }): void {
    this.#nextId = id;
    for (const { series } of parseFamilies(ENCODER.encode(`vllm_${key} 0\n`))) {
      this.placesOf(series, () => true);
    }
    this.#lastMs.set(id, lastMs);
    this.#nextId = id + 1;
  }

  /** Removes the series last seen before a time, in milliseconds since 1970. */
  dropBefore(timeMs: number): void {
    this.retain(({ id }) => (this.#lastMs.get(id) ?? Infinity) >= timeMs);
  }

  /** Removes the series added last. */
  dropNewest(count: number): void {
    const [first = Infinity] = [...this.#all.keys()].slice(-count);
    this.retain(({ id }) => id < first);
  }

  /** Removes all series but some. */
  retain(isKept: (series: Series) => boolean): void {
    const sizeBefore = this.size;
    for (const [id, { series, key }] of this.#all) {
      if (isKept(series)) continue;
      this.#all.delete(id);
      this.#byKey.delete(key);
      this.#lastMs.delete(id);
      this.#byName.set(series.name, this.named(series.name).filter((other) => other !== series));
      this.bytes -= bytesOf(key);
    }
    if (this.size < sizeBefore) this.#known = new WeakMap();
  }

  #place({ name, labels }: Exposed, mayAdd: () => boolean): Place | "dropped" | undefined {
    const sample = sampleName(name);
    if (sample === undefined) return undefined;
    const sorted = labels.toSorted(([one], [other]) => one < other ? -1 : 1);
    const le = boundOf(sorted.find(([label]) => label === "le")?.[1]);
    const key = `${sample.name}{${
      sorted.map(([label, value]) => `${label}="${label === "le" ? le : escape(value)}"`).join()
    }}`;
    const known = this.#byKey.get(key);
    if (known === undefined && (key.length > MAX_KEY_LENGTH || !mayAdd())) return "dropped";
    const series = known ?? this.#add(key, {
      id: this.#nextId,
      name: sample.name,
      family: sample.family,
      labels: Object.fromEntries([
        ...sorted.filter(([label, value]) => label !== "le" && value !== ""),
        ["instance", this.instance],
      ]),
      le,
      isCounter: sample.isCounter,
    });
    return { series, isOld: sample.isOld };
  }

  #add(key: string, series: Series): Series {
    this.#nextId = series.id + 1;
    this.#all.set(series.id, { series, key });
    this.#byKey.set(key, series);
    const others = this.#byName.get(series.name);
    if (others === undefined) this.#byName.set(series.name, [series]);
    else others.push(series);
    this.bytes += bytesOf(key);
    return series;
  }
}

function bytesOf(key: string): number {
  return BYTES_PER_SERIES + BYTES_PER_CHARACTER * key.length;
}

/** The values of one scrape. */
export interface Reading {
  /** The ids of the series, each at most once. */
  readonly ids: number[];
  /** One value per series. */
  readonly values: number[];
  /** Samples of kept families that were left out: too many series, or too long a name. */
  readonly dropped: number;
}

/** vLLM never forgets a set of adapters that was running; the value is when it was. */
const LORA = "lora_requests_info";

/**
 * Reads an exposition. Of a family exposed under its old and its new name, the new one counts; of
 * `lora_requests_info`, the newest series. A NaN counts as absent, and so does an infinite counter,
 * which would hide all later increases.
 *
 * @param bytes The whole text.
 * @param table The series of the server; new ones are added.
 * @param mayAdd Whether one more series may be added.
 * @param memo What earlier texts looked like.
 */
export function readExposition(
  bytes: Uint8Array,
  table: SeriesTable,
  mayAdd: () => boolean,
  memo?: FamilyMemo,
): Reading {
  const found = new Map<number, number>();
  const old: [Place, number][] = [];
  const families = new Set<string>();
  let dropped = 0;
  for (const { name, series, values } of parseFamilies(bytes, memo)) {
    if (!name.startsWith("vllm")) continue;
    const newest = name.endsWith(LORA) ? indexOfHighest(values) : -1;
    const kept = newest < 0 ? series : series.slice(newest, newest + 1);
    for (const [index, place] of table.placesOf(kept, mayAdd).entries()) {
      const value = values[newest < 0 ? index : newest] ?? NaN;
      if (place === "dropped") dropped++;
      else if (place !== undefined && isUsable(value, place)) {
        if (newest >= 0) table.retain((each) => each.family !== LORA || each === place.series);
        if (place.isOld) old.push([place, value]);
        else {
          families.add(place.series.family);
          found.set(place.series.id, value);
        }
      }
    }
  }
  for (const [{ series }, value] of old) {
    if (!families.has(series.family)) found.set(series.id, value);
  }
  return { ids: [...found.keys()], values: [...found.values()], dropped };
}

function indexOfHighest(values: Float64Array): number {
  return values.reduce((best, value, at) => value > (values[best] ?? -Infinity) ? at : best, 0);
}

function isUsable(value: number, { series }: Place): boolean {
  return series.isCounter ? Number.isFinite(value) : !Number.isNaN(value);
}
