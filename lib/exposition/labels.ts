/** The families of a sanitized text, and their samples with an `instance` label. */

import { type ByteBuffer, lineEnd } from "./bytes.ts";
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
/** For searching only: one character for each byte, without two-byte strings. */
const LATIN1 = new TextDecoder("latin1");

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
  /** Where its samples begin. */
  start: number;
  /** Where they end. */
  end: number;
}

/**
 * Finds the families of a text that the sanitizer has written.
 *
 * @param text The text.
 * @returns The families in the order of the text; a name may come again.
 */
export function findFamilies(text: Uint8Array): FamilyPart[] {
  const families: FamilyPart[] = [];
  let family: FamilyPart | undefined;
  let nameStart = 0;
  let nameLength = 0;
  const begin = (name: string, at: number): FamilyPart => {
    family = { name, help: undefined, type: undefined, samples: 0, start: at, end: at };
    families.push(family);
    return family;
  };
  for (let at = 0; at < text.length;) {
    const next = lineEnd(text, at) + 1;
    const isHeader = text[at] === HASH;
    const start = isHeader ? at + NAME_START : at;
    let end = start;
    while (end < next - 1 && text[end] !== SPACE && text[end] !== OPEN_BRACE) end++;
    if (isHeader) {
      const name = DECODER.decode(text.subarray(start, end));
      const own = family?.name === name && family.samples === 0 ? family : begin(name, next);
      if (text[at + 2] !== TYPE_LETTER) own.help = text.subarray(at, next);
      else {
        const word = DECODER.decode(text.subarray(end + 1, next - 1));
        own.type = isMetricType(word) ? word : undefined;
      }
      own.start = next;
      own.end = next;
    } else {
      const isKnown = family !== undefined && family.samples > 0 && end - start === nameLength &&
        sameAt(text, nameStart, start, nameLength);
      if (family === undefined || !isKnown) {
        const name = DECODER.decode(text.subarray(start, end));
        if (family === undefined || !isPart(family, name)) family = begin(name, at);
      }
      nameStart = start;
      nameLength = end - start;
      family.samples++;
      family.end = next;
    }
    at = next;
  }
  return families;
}

function sameAt(text: Uint8Array, one: number, other: number, length: number): boolean {
  for (let at = 0; at < length; at++) if (text[one + at] !== text[other + at]) return false;
  return true;
}

function isPart({ name, type = "untyped" }: FamilyPart, sampleName: string): boolean {
  return sampleName.startsWith(name) && SUFFIXES[type].includes(sampleName.slice(name.length));
}

/** Writes samples with a label `instance` in front of the others. */
export class Labeller {
  readonly #pair: Uint8Array;

  /**
   * Begins with nothing written.
   *
   * @param instance The value of the label.
   */
  constructor(instance: string) {
    this.#pair = ENCODER.encode(`{${LABEL}="${escapeLabelValue(instance)}"`);
  }

  /** About how many bytes a family takes. */
  bytesOf({ start, end, samples, help, name }: FamilyPart): number {
    return end - start + samples * (this.#pair.length + 1) + (help?.length ?? 0) + name.length + 32;
  }

  /**
   * Writes the samples of a family. A label `instance` of their own becomes `exported_instance`.
   *
   * @param text The text.
   * @param part The family.
   * @param out Where the samples go.
   */
  write(text: Uint8Array, { start, end, samples }: FamilyPart, out: ByteBuffer): void {
    if (LATIN1.decode(text.subarray(start, end)).includes(`${LABEL}="`)) {
      for (let at = start; at < end;) {
        const next = lineEnd(text, at) + 1;
        out.appendText(this.#renamed(DECODER.decode(text.subarray(at, next))));
        at = next;
      }
      return;
    }
    const pair = this.#pair;
    const room = out.room(end - start + samples * (pair.length + 1));
    let to = 0;
    // Lines are short: copying byte by byte is faster than a call.
    for (let at = start; at < end;) {
      let byte = text[at] ?? SPACE;
      while (byte !== OPEN_BRACE && byte !== SPACE) {
        room[to++] = byte;
        byte = text[++at] ?? SPACE;
      }
      for (let index = 0; index < pair.length; index++) room[to++] = pair[index] ?? 0;
      room[to++] = byte === OPEN_BRACE ? COMMA : CLOSE_BRACE;
      if (byte === OPEN_BRACE) at++;
      while (at < end) {
        byte = text[at++] ?? LINE_FEED;
        room[to++] = byte;
        if (byte === LINE_FEED) break;
      }
    }
    out.grow(to);
  }

  #renamed(line: string): string {
    const [, name = "", labels = "", rest = ""] =
      /^([^{ ]+)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?( .*\n)$/s.exec(line) ?? [];
    const pairs = [...labels.matchAll(/([^=,"]+)=("(?:[^"\\]|\\.)*")/gs)];
    const names = new Set(pairs.map(([, label = ""]) => label));
    const own = pairs.map(([, label = "", value = ""]) => {
      let free = label;
      if (label === LABEL) { do free = CLASH_PREFIX + free; while (names.has(free)); }
      return `${free}=${value}`;
    });
    return `${name}${[DECODER.decode(this.#pair), ...own].join()}}${rest}`;
  }
}
