/** The series of one server: who they are, and how a line of an exposition finds its own. */

import { sampleName } from "./names.ts";

/** One series. */
export interface Series {
  /** Its number among those of its server. */
  readonly id: number;
  /** The sample's name of today, such as `time_to_first_token_seconds_bucket`. */
  readonly name: string;
  /** The family it belongs to. */
  readonly family: string;
  /** Its labels, `instance` among them; without `le`. */
  readonly labels: Readonly<Record<string, string>>;
  /** The upper bound of a bucket; NaN of all else. */
  readonly le: number;
  /** Whether it only falls when the server begins anew. */
  readonly isCounter: boolean;
}

/** Where the value of a line goes. */
export interface Place {
  /** The series. */
  readonly series: Series;
  /** Whether the line has a name that vLLM has given up. */
  readonly isOld: boolean;
}

/** A series as it is written to a file. */
export interface StoredSeries {
  /** Its number among those of its server. */
  readonly id: number;
  /** The series as a line begins, name and labels in order. */
  readonly key: string;
}

/** What one series costs beside its text, in bytes: its object, labels and three entries of maps. */
const BYTES_A_SERIES = 640;
/** Bytes of a character of a key, which is kept as it came and in order. */
const BYTES_A_CHARACTER = 4;

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

/** A text of its own: a part of a larger text keeps all of that in memory. */
function detached(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

/** Bounds are written as `1`, `1.0` or `1e0` by one front end and another. */
function boundOf(text: string | undefined): number {
  if (text === undefined) return NaN;
  return text === "+Inf" || text === "Inf" ? Infinity : Number(text);
}

/** All series of one server. */
export class SeriesTable {
  #seriesBytes = 0;
  #lineBytes = 0;
  readonly #instance: string;
  readonly #all = new Map<number, Series>();
  readonly #byLine = new Map<string, Place>();
  readonly #keys = new Map<number, string>();
  readonly #byKey = new Map<string, Series>();
  readonly #byName = new Map<string, Series[]>();
  #nextId = 1;

  /**
   * Begins without series.
   *
   * @param instance The server's name, which becomes their label `instance`.
   */
  constructor(instance: string) {
    this.#instance = instance;
  }

  /** Text and objects, in bytes; an estimate. */
  get bytes(): number {
    return this.#seriesBytes + this.#lineBytes;
  }

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /** All of them. */
  values(): Iterable<Series> {
    return this.#all.values();
  }

  /** A series as it is written to a file; undefined when there is none of that number. */
  keyOf(id: number): string | undefined {
    return this.#keys.get(id);
  }

  /** A series by its number. */
  get(id: number): Series | undefined {
    return this.#all.get(id);
  }

  /** The series of a sample's name. */
  named(name: string): readonly Series[] {
    return this.#byName.get(name) ?? [];
  }

  /** The place of a line seen before, by all that stands before its value. */
  known(head: string): Place | undefined {
    return this.#byLine.get(head);
  }

  /**
   * Finds or makes the series of a line.
   *
   * @param head All that stands before the value: name and labels.
   * @returns Its place; undefined when the family is not kept, or the head is too long.
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
    const series = this.#byKey.get(key) ?? this.#add(this.#nextId, key, {
      name: sample.name,
      family: sample.family,
      labels: Object.fromEntries([
        ...labels.filter(([name, value]) => name !== "le" && value !== ""),
        ["instance", this.#instance],
      ]),
      le,
      isCounter: sample.isCounter,
    });
    const place = { series, isOld: sample.isOld };
    // Labels whose order changes give new lines for known series, without end.
    if (this.#lineBytes > this.#seriesBytes) this.#forgetLines();
    this.#byLine.set(line, place);
    this.#lineBytes += line.length;
    return place;
  }

  /**
   * Takes series from a file, before any other. One that this version does not keep is left out.
   *
   * @param stored Numbers and keys.
   */
  restore(stored: Iterable<StoredSeries>): void {
    for (const { id, key } of stored) {
      this.#nextId = id;
      this.place(`vllm_${key}`);
    }
    this.#nextId = Math.max(0, ...this.#all.keys()) + 1;
    this.#forgetLines();
  }

  /**
   * Forgets all series but some.
   *
   * @param isKept Whether a series has values somewhere.
   */
  retain(isKept: (id: number) => boolean): void {
    for (const [key, series] of this.#byKey) {
      if (isKept(series.id)) continue;
      this.#byKey.delete(key);
      this.#all.delete(series.id);
      this.#keys.delete(series.id);
      this.#byName.set(series.name, this.named(series.name).filter((other) => other !== series));
      this.#seriesBytes -= bytesOf(key);
    }
    this.#forgetLines();
  }

  /**
   * Forgets the series that came last.
   *
   * @param count How many.
   */
  dropNewest(count: number): void {
    const ids = [...this.#all.keys()].slice(-count);
    const [first = Infinity] = ids;
    this.retain((id) => id < first);
  }

  #forgetLines(): void {
    this.#byLine.clear();
    this.#lineBytes = 0;
  }

  #add(id: number, key: string, rest: Omit<Series, "id">): Series {
    const series: Series = { id, ...rest };
    this.#nextId = id + 1;
    this.#all.set(id, series);
    this.#byKey.set(key, series);
    this.#keys.set(id, key);
    const others = this.#byName.get(series.name);
    if (others === undefined) this.#byName.set(series.name, [series]);
    else others.push(series);
    this.#seriesBytes += bytesOf(key);
    return series;
  }
}

function bytesOf(key: string): number {
  return BYTES_A_SERIES + BYTES_A_CHARACTER * key.length;
}
