/** One server's sanitised exposition with an `instance` label in each sample, and its families found. */

import { lineEnd } from "./bytes.ts";
import { escapeLabelValue } from "./tokens.ts";
import { isMetricType, type MetricType, SUFFIXES } from "./types.ts";

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const HASH = 0x23;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
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

/** Reads a text line by line; what is short is copied byte by byte, which is faster than a call. */
class Labeller {
  readonly families: FamilyPart[] = [];
  readonly #text: Uint8Array;
  readonly #pair: Uint8Array;
  /** Whether some sample may have such a label already. */
  readonly #mayClash: boolean;
  #out: Bytes;
  /** Where the next byte goes. */
  #at = 0;
  #family: FamilyPart | undefined;
  /** Where the name of the sample before stands in the output. */
  #nameStart = 0;
  #nameEnd = 0;

  constructor(text: Uint8Array, instance: string) {
    this.#text = text;
    this.#pair = ENCODER.encode(`{${LABEL}="${escapeLabelValue(instance)}"`);
    this.#mayClash = LATIN1.decode(text).includes(`${LABEL}="`);
    this.#out = new Uint8Array(text.length + (text.length >> 1));
  }

  run(): LabelledText {
    const text = this.#text;
    for (let at = 0; at < text.length;) {
      if (text[at] === HASH) {
        const end = lineEnd(text, at) + 1;
        this.#header(at, end);
        at = end;
      } else {
        // As much as there is left, and a label.
        this.#reserve(text.length - at + this.#pair.length + 1);
        at = this.#sample(at);
      }
    }
    return { bytes: this.#out, families: this.families };
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#out.length) return;
    const grown = new Uint8Array(this.#at + more + (this.#out.length >> 1));
    grown.set(this.#out.subarray(0, this.#at));
    this.#out = grown;
  }

  #header(start: number, end: number): void {
    const text = this.#text;
    const isType = text[start + 2] === TYPE_LETTER;
    let nameEnd = start + NAME_START;
    while (nameEnd < end - 1 && text[nameEnd] !== SPACE) nameEnd++;
    const name = DECODER.decode(text.subarray(start + NAME_START, nameEnd));
    const family = this.#family;
    const isOwn = family?.name === name && family.samples === 0;
    const part = isOwn ? family : this.#begin(name, this.#at);
    if (!isType) part.help = text.subarray(start, end);
    else {
      const word = DECODER.decode(text.subarray(nameEnd + 1, end - 1));
      part.type = isMetricType(word) ? word : undefined;
    }
  }

  /** Writes a sample with its label; gives where the next line begins. */
  #sample(start: number): number {
    const text = this.#text;
    const out = this.#out;
    const line = this.#at;
    let at = start;
    let to = line;
    let byte = text[at] ?? SPACE;
    while (byte !== OPEN_BRACE && byte !== SPACE) {
      out[to++] = byte;
      byte = text[++at] ?? SPACE;
    }
    const part = this.#partOf(line, to);
    this.#nameStart = line;
    this.#nameEnd = to;
    part.samples++;
    const end = this.#mayClash ? lineEnd(text, start) + 1 : 0;
    if (end > 0 && this.#clashes(start, end)) {
      this.#rename(start, end);
      part.end = this.#at;
      return end;
    }
    for (let index = 0; index < this.#pair.length; index++) out[to++] = this.#pair[index] ?? 0;
    out[to++] = byte === OPEN_BRACE ? COMMA : CLOSE_BRACE;
    if (byte === OPEN_BRACE) at++;
    while (at < text.length) {
      byte = text[at++] ?? LINE_FEED;
      out[to++] = byte;
      if (byte === LINE_FEED) break;
    }
    this.#at = to;
    part.end = to;
    return at;
  }

  /** The family that a sample belongs to: the one at hand, or a new one without HELP and TYPE. */
  #partOf(start: number, end: number): FamilyPart {
    const family = this.#family;
    if (family !== undefined && family.samples > 0 && this.#isNameBefore(start, end)) return family;
    const name = DECODER.decode(this.#out.subarray(start, end));
    if (family !== undefined && name.startsWith(family.name)) {
      const suffix = name.slice(family.name.length);
      if (SUFFIXES[family.type ?? "untyped"].includes(suffix)) return family;
    }
    return this.#begin(name, start);
  }

  /** Whether the sample before had the same name. */
  #isNameBefore(start: number, end: number): boolean {
    const before = this.#nameStart;
    if (end - start !== this.#nameEnd - before) return false;
    for (let at = 0; at < end - start; at++) {
      if (this.#out[start + at] !== this.#out[before + at]) return false;
    }
    return true;
  }

  #begin(name: string, at: number): FamilyPart {
    const part = { name, help: undefined, type: undefined, samples: 0, start: at, end: at };
    this.#family = part;
    this.families.push(part);
    return part;
  }

  #clashes(start: number, end: number): boolean {
    return LATIN1.decode(this.#text.subarray(start, end)).includes(`${LABEL}="`);
  }

  /** Writes a line with the label in it, one of the server's own of that name being renamed. */
  #rename(start: number, end: number): void {
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
    const all = [DECODER.decode(this.#pair), ...own].join();
    const renamed = ENCODER.encode(`${name}${all}}${rest}`);
    this.#reserve(renamed.length);
    this.#out.set(renamed, this.#at);
    this.#at += renamed.length;
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
