/** The series of one server, by id, name and the lines of an exposition. */

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

/** What a line of an exposition belongs to. */
export interface Place {
  /** The series. */
  readonly series: Series;
  /** Whether the line has a name that newer versions of vLLM have replaced. */
  readonly isOld: boolean;
}

/** Memory of a series besides its text, in bytes: its object, labels and map entries. */
const BYTES_PER_SERIES = 640;
/** Memory of a character, in bytes: in the key, in the labels and twice in a line. */
const BYTES_PER_CHARACTER = 4;

/** Longest name with labels of a series; vLLM's are under 300 characters, LoRA adapters aside. */
const MAX_KEY_LENGTH = 4_096;

const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

function unescape(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(.)/g, (_, letter: string) => letter === "n" ? "\n" : letter);
}

function escape(text: string): string {
  return text.replace(/[\\"\n]/g, (letter) => letter === "\n" ? "\\n" : `\\${letter}`);
}

/** A copy of a text: a substring keeps the whole text in memory. */
function detached(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
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
  #seriesBytes = 0;
  #lineBytes = 0;
  /** In the order of their ids. */
  readonly #all = new Map<number, { readonly series: Series; readonly key: string }>();
  readonly #byLine = new Map<string, Place>();
  readonly #byKey = new Map<string, Series>();
  readonly #byName = new Map<string, Series[]>();
  /** When each was last seen, in milliseconds since 1970. */
  readonly #lastMs = new Map<number, number>();
  #nextId = 1;

  /** Makes an empty table. */
  constructor(instance: string) {
    this.instance = instance;
  }

  /** Memory used, in bytes; an estimate. */
  get bytes(): number {
    return this.#seriesBytes + this.#lineBytes;
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

  /** What a line seen before belongs to, by the text before its value. */
  known(head: string): Place | undefined {
    return this.#byLine.get(head);
  }

  /**
   * Finds the series of a line, or adds it.
   *
   * @returns What it belongs to; undefined when the family is not kept, or the text is too long.
   */
  place(head: string): Place | undefined {
    if (head.length > MAX_KEY_LENGTH) return undefined;
    const brace = head.indexOf("{");
    const sample = sampleName(brace < 0 ? head : head.slice(0, brace));
    if (sample === undefined) return undefined;
    const line = detached(head);
    const labels = [...line.matchAll(LABEL)]
      .map(([, name = "", value = ""]) => [name, unescape(value)] as const)
      .toSorted(([one], [other]) => one < other ? -1 : 1);
    const le = boundOf(labels.find(([name]) => name === "le")?.[1]);
    const key = `${sample.name}{${
      labels.map(([name, value]) => `${name}="${name === "le" ? le : escape(value)}"`).join()
    }}`;
    const series = this.#byKey.get(key) ?? this.#add(key, {
      id: this.#nextId,
      name: sample.name,
      family: sample.family,
      labels: Object.fromEntries([
        ...labels.filter(([name, value]) => name !== "le" && value !== ""),
        ["instance", this.instance],
      ]),
      le,
      isCounter: sample.isCounter,
    });
    const place = { series, isOld: sample.isOld };
    // Labels in an ever-changing order would make new lines of known series without end.
    if (this.#lineBytes > this.#seriesBytes) this.#forgetLines();
    this.#byLine.set(line, place);
    this.#lineBytes += line.length;
    return place;
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
    this.place(`vllm_${key}`);
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
      this.#seriesBytes -= bytesOf(key);
    }
    if (this.size < sizeBefore) this.#forgetLines();
  }

  #forgetLines(): void {
    this.#byLine.clear();
    this.#lineBytes = 0;
  }

  #add(key: string, series: Series): Series {
    this.#nextId = series.id + 1;
    this.#all.set(series.id, { series, key });
    this.#byKey.set(key, series);
    const others = this.#byName.get(series.name);
    if (others === undefined) this.#byName.set(series.name, [series]);
    else others.push(series);
    this.#seriesBytes += bytesOf(key);
    return series;
  }
}

function bytesOf(key: string): number {
  return BYTES_PER_SERIES + BYTES_PER_CHARACTER * key.length;
}
