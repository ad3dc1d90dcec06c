/** One server's sanitised exposition with an `instance` label in each sample, and its families found. */

import { HEADER_TYPES, SUFFIXES } from "./metric_types.ts";
import type { MetricType } from "./header.ts";
import { lineEnd } from "./plain.ts";
import { escapeLabelValue } from "./text.ts";

const SPACE = 0x20;
const HASH = 0x23;
const OPEN_BRACE = 0x7b;
/** Where the name begins behind `# HELP ` and `# TYPE `. */
const NAME_START = 7;
/** The second letter of the keyword tells `HELP` from `TYPE`. */
const TYPE_LETTER = 0x54;

/** The label that tells servers apart, as Prometheus calls it. */
const LABEL = "instance";
/** What Prometheus puts before a label of the server's own that has such a name. */
const CLASH_PREFIX = "exported_";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
/** For looking only: one character a byte, no copy into two-byte strings. */
const LATIN1 = new TextDecoder("latin1");

type Bytes = Uint8Array<ArrayBuffer>;

/** A family in one text. */
export interface FamilyPart {
  /** Its name. */
  readonly name: string;
  /** The HELP line with its line feed, if there is one. */
  help: Uint8Array | undefined;
  /** The word of the TYPE line, if there is one. */
  type: MetricType | undefined;
  /** How many samples it has. */
  samples: number;
  /** Where its samples begin in {@linkcode LabelledText.bytes}. */
  start: number;
  /** Where they end. */
  end: number;
}

/** A text with its labels put in. */
export interface LabelledText {
  /** The sample lines, and between them whatever: only what a family points to counts. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The families in the order of the text; a name may come again. */
  readonly families: readonly FamilyPart[];
}

/** Bytes that are written one behind the other into room that is large enough. */
class Writer {
  at = 0;
  constructor(readonly bytes: Bytes) {}

  write(piece: Uint8Array): void {
    this.bytes.set(piece, this.at);
    this.at += piece.length;
  }
}

/** Reads a text line by line. */
class Labeller {
  readonly families: FamilyPart[] = [];
  readonly #text: Uint8Array;
  readonly #pair: Uint8Array;
  readonly #pairBeforeMore: Uint8Array;
  readonly #block: Uint8Array;
  /** Whether some sample may have such a label already. */
  readonly #mayClash: boolean;
  readonly #out: Writer;
  #family: FamilyPart | undefined;
  #nameBytes: Uint8Array = new Uint8Array(0);

  constructor(text: Uint8Array, instance: string) {
    const pair = `${LABEL}="${escapeLabelValue(instance)}"`;
    this.#text = text;
    this.#pair = ENCODER.encode(pair);
    this.#pairBeforeMore = ENCODER.encode(`${pair},`);
    this.#block = ENCODER.encode(`{${pair}}`);
    this.#mayClash = LATIN1.decode(text).includes(`${LABEL}="`);
    this.#out = new Writer(new Uint8Array(this.#roomFor()));
  }

  run(): LabelledText {
    const text = this.#text;
    for (let at = 0; at < text.length;) {
      const end = lineEnd(text, at) + 1;
      if (text[at] === HASH) this.#header(at, end);
      else this.#sample(at, end);
      at = end;
    }
    return { bytes: this.#out.bytes, families: this.families };
  }

  /** The size of the text with all labels in it. */
  #roomFor(): number {
    const text = this.#text;
    let lines = 0;
    for (let at = 0; at < text.length; at = lineEnd(text, at) + 1) lines++;
    // A label of the server's own becomes longer once or, in the worst case, several times.
    const clash = this.#mayClash ? text.length : 0;
    return text.length + clash + lines * (this.#block.length + CLASH_PREFIX.length);
  }

  #header(start: number, end: number): void {
    const text = this.#text;
    const isType = text[start + 2] === TYPE_LETTER;
    let nameEnd = start + NAME_START;
    while (nameEnd < end - 1 && text[nameEnd] !== SPACE) nameEnd++;
    const name = DECODER.decode(text.subarray(start + NAME_START, nameEnd));
    const family = this.#family;
    const isOwn = family?.name === name && family.samples === 0;
    const part = isOwn ? family : this.#begin(name);
    if (!isType) part.help = text.subarray(start, end);
    else part.type = HEADER_TYPES.get(DECODER.decode(text.subarray(nameEnd + 1, end - 1)));
  }

  #sample(start: number, end: number): void {
    const text = this.#text;
    let nameEnd = start;
    while (nameEnd < end && text[nameEnd] !== OPEN_BRACE && text[nameEnd] !== SPACE) nameEnd++;
    const part = this.#partOf(start, nameEnd);
    if (this.#mayClash && this.#clashes(start, end)) {
      this.#out.write(ENCODER.encode(this.#renamed(start, end)));
    } else if (text[nameEnd] === OPEN_BRACE) {
      this.#out.write(text.subarray(start, nameEnd + 1));
      this.#out.write(this.#pairBeforeMore);
      this.#out.write(text.subarray(nameEnd + 1, end));
    } else {
      this.#out.write(text.subarray(start, nameEnd));
      this.#out.write(this.#block);
      this.#out.write(text.subarray(nameEnd, end));
    }
    part.samples++;
    part.end = this.#out.at;
  }

  /** The family that a sample belongs to: the one at hand, or a new one without HELP and TYPE. */
  #partOf(start: number, nameEnd: number): FamilyPart {
    const family = this.#family;
    if (family !== undefined && this.#isOwnSample(family, start, nameEnd)) return family;
    return this.#begin(DECODER.decode(this.#text.subarray(start, nameEnd)));
  }

  #isOwnSample(family: FamilyPart, start: number, nameEnd: number): boolean {
    const name = this.#nameBytes;
    const more = nameEnd - start - name.length;
    if (more < 0) return false;
    for (let at = 0; at < name.length; at++) {
      if (this.#text[start + at] !== name[at]) return false;
    }
    if (more === 0 && family.type !== "histogram") return true;
    const suffix = DECODER.decode(this.#text.subarray(nameEnd - more, nameEnd));
    return SUFFIXES[family.type ?? "untyped"].includes(suffix);
  }

  #begin(name: string): FamilyPart {
    const { at } = this.#out;
    const part = { name, help: undefined, type: undefined, samples: 0, start: at, end: at };
    this.#family = part;
    this.#nameBytes = ENCODER.encode(name);
    this.families.push(part);
    return part;
  }

  #clashes(start: number, end: number): boolean {
    return LATIN1.decode(this.#text.subarray(start, end)).includes(`${LABEL}="`);
  }

  /** The line with the label in it, one of the server's own of that name being renamed. */
  #renamed(start: number, end: number): string {
    const line = DECODER.decode(this.#text.subarray(start, end));
    const [, name = "", labels = "", rest = ""] =
      /^([^{ ]+)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?( .*\n)$/s.exec(line) ?? [];
    const pairs = [...labels.matchAll(/([^=,"]+)=("(?:[^"\\]|\\.)*")/gs)];
    const names = new Set(pairs.map(([, label = ""]) => label));
    const own = pairs.map(([, label = "", value = ""]) => {
      if (label !== LABEL) return `${label}=${value}`;
      let free = CLASH_PREFIX + label;
      while (names.has(free)) free = CLASH_PREFIX + free;
      return `${free}=${value}`;
    });
    return `${name}{${[DECODER.decode(this.#pair), ...own].join()}}${rest}`;
  }
}

/**
 * Puts a label into each sample of a text that the sanitiser has written, as the
 * first one of each sample, and finds the families.
 *
 * @param text Sanitised text 0.0.4; it is not changed.
 * @param instance The label's value, without escapes.
 * @returns The labelled samples. A label `instance` that was there is `exported_instance` in them.
 */
export function labelText(text: Uint8Array, instance: string): LabelledText {
  return new Labeller(text, instance).run();
}
