/** Expositions as families of numbers, for everything that reads values. */

import { lineEnd } from "./bytes.ts";
import { DroppedLines } from "./dropped.ts";
import type { Label, Sample } from "./lines.ts";
import { beginsFamily, Memo, type MemoCursor, scanWord } from "./memo.ts";
import { type ParsedFamily, Parser } from "./parser.ts";
import type { Format, MetricType } from "./types.ts";

const LINE_FEED = 0x0a;
const POINT = 0x2e;
const ZERO = 0x30;
/** Digits that a double holds exactly. */
const EXACT_DIGITS = 15;
/** Longest line; the sanitizer writes none that is longer. */
const MAX_LINE_LENGTH = 3 * 65_536;

const DECODER = new TextDecoder();

/** One series of a family. */
export interface Series {
  /** The name of the sample, such as `vllm_request_queue_time_seconds_bucket`. */
  readonly name: string;
  /** The labels in the order of the text, without escapes. */
  readonly labels: readonly Label[];
}

/** A metric family with the values of one scrape. */
export interface Family {
  /** The name as the sanitizer hands it out, `vllm_…`. */
  readonly name: string;
  /** The type; `untyped` without a TYPE line. */
  readonly type: MetricType;
  /** The help text, without escapes. */
  readonly help: string | undefined;
  /** The series in the order of the text: the same array as before while only numbers change. */
  readonly series: readonly Series[];
  /** One value for each series. */
  readonly values: Float64Array;
}

/** What is remembered of a family: all but its values. */
export interface KnownFamily extends Omit<Family, "values"> {
  /** The line of each series. */
  readonly lines: Int32Array;
}

/** What is remembered of the families of all texts, so that only numbers are parsed of a known one. */
export class FamilyMemo extends Memo<KnownFamily> {}

/** Reads one text. */
class FamilyReader {
  readonly families: Family[] = [];
  readonly #text: Uint8Array;
  readonly #cursor: MemoCursor<KnownFamily> | undefined;
  readonly #parser: Parser;
  #family: ParsedFamily | undefined;
  #samples: { readonly name: string; readonly sample: Sample }[] = [];
  /** Where the family and each of its lines begin. */
  #start = 0;
  #starts: number[] = [];
  #at = 0;

  constructor(text: Uint8Array, format: Format, memo: FamilyMemo | undefined) {
    this.#text = text;
    this.#cursor = memo?.cursor();
    this.#parser = new Parser({
      format,
      dropped: new DroppedLines(),
      maxLineLength: MAX_LINE_LENGTH,
      sink: {
        begin: (family) => {
          this.#family = family;
          this.#samples = [];
          this.#start = this.#at;
          this.#starts = [];
        },
        sample: (sample, suffix) => this.#add(sample, suffix),
        end: () => this.#end(),
      },
    });
  }

  read(): Family[] {
    const text = this.#text;
    while (this.#at < text.length) {
      const matched = this.#match();
      if (matched >= 0) {
        this.#at = matched;
        continue;
      }
      const end = lineEnd(text, this.#at);
      // A family begins at its first line, so that the line is the first one of the new family.
      const index = this.#starts.length;
      this.#parser.line(text.subarray(this.#at, end), index);
      this.#starts.push(this.#at - this.#start);
      this.#at = end + 1;
    }
    this.#at = text.length;
    this.#parser.finishFamily();
    return this.families;
  }

  #match(): number {
    const [text, at] = [this.#text, this.#at];
    if (!beginsFamily(text, at, this.#parser.family?.rawName)) return -1;
    this.#parser.finishFamily();
    const end = this.#cursor?.match(text, at, true, () => true) ?? -1;
    const known = this.#cursor?.content;
    if (end < 0 || known === undefined) return -1;
    const { lines, ...family } = known;
    const numbers = this.#cursor?.numbers ?? new Int32Array();
    const values = Float64Array.from(lines, (line) => {
      const [from = 0, to = 0] = [numbers[2 * line], numbers[2 * line + 1]];
      return numberOf(text, at + from, at + to);
    });
    this.families.push({ ...family, values });
    return end;
  }

  #add(sample: Sample, suffix: string): void {
    const { base = "", name = base } = this.#family ?? {};
    const own = suffix === "_created" ? base : name;
    if (own !== "") this.#samples.push({ name: own + suffix, sample });
  }

  #end(): void {
    const { name, type = "untyped", help } = this.#family ?? {};
    if (name === undefined) return;
    const series = this.#samples.map(({ name, sample }) => ({ name, labels: sample.labels }));
    const values = Float64Array.from(this.#samples, ({ sample }) => parseNumber(sample.value));
    this.families.push({ name, type, help, series, values });
    const bytes = this.#text.subarray(this.#start, this.#at);
    const isKnown = this.#learn(bytes, {
      name,
      type,
      help,
      series,
      lines: new Int32Array(values.length),
    });
    if (!isKnown) this.#cursor?.skip();
  }

  /** Remembers a family if each of its samples is a line that ends with its value. */
  #learn(bytes: Uint8Array, known: KnownFamily): boolean {
    const isWhole = this.#parser.isWhole && bytes[bytes.length - 1] === LINE_FEED;
    if (this.#cursor === undefined || !isWhole || !this.#family?.isDeclared) return false;
    const starts = this.#starts;
    const lengths = starts.map((start, line) => (starts[line + 1] ?? bytes.length) - start);
    for (const [index, { sample: { isBare, line = 0, value } }] of this.#samples.entries()) {
      if (!isBare) return false;
      lengths[line] = (lengths[line] ?? 0) - value.length - 1;
      known.lines[index] = line;
    }
    this.#cursor.learn({ bytes, starts, lengths, scan: scanWord }, known);
    return true;
  }
}

function parseNumber(text: string): number {
  return Number(text.replace(/inf(?:inity)?$/i, "Infinity"));
}

/** Reads the number between two offsets. */
function numberOf(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  let scale = 0;
  let at = start;
  for (; at < end && end - start <= EXACT_DIGITS + 1; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === POINT && scale === 0) scale = 1;
    else if (byte >= ZERO && byte <= 0x39) {
      value = value * 10 + byte - ZERO;
      scale *= 10;
    } else break;
  }
  // Both are exact, so that the quotient is the double that is nearest to the text.
  if (at === end && (scale > 0 || end - start <= EXACT_DIGITS)) {
    return scale > 1 ? value / scale : value;
  }
  return parseNumber(DECODER.decode(bytes.subarray(start, end)));
}

/**
 * Reads an exposition: what the sanitizer wrote, or what a server sent.
 *
 * @param text All of it.
 * @param memo What is remembered of other texts.
 * @param format The format. @default {"text"}
 * @returns The families in the order of the text; a name may come again.
 */
export function parseFamilies(
  text: Uint8Array,
  memo?: FamilyMemo,
  format: Format = "text",
): Family[] {
  return new FamilyReader(text, format, memo).read();
}
