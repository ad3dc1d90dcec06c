/** The sanitizer: an exposition goes in chunk by chunk, text 0.0.4 that every reader takes comes out. */

import { Buffer } from "node:buffer";
import { MetricsError } from "../errors.ts";
import { DroppedLines } from "./dropped.ts";
import { describeForeign, detectFormat, isMarkup } from "./format.ts";
import { parseHeader } from "./lines.ts";
import { type Blanked, headerNameAt, isExact, Memo, NUMBER, withoutNumbers } from "./memo.ts";
import { Parser } from "./parser.ts";
import { followsGroup, type Format, type MetricType } from "./types.ts";
import { FamilyWriter, type NameUse, WriterContext } from "./writer.ts";

/** Longest line that is read, in bytes; vLLM's longest is about 1 KB. */
export const MAX_LINE_BYTES = 65_536;
/** Samples of one exposition. vLLM writes about 400 per engine, so this is enough for 700 engines. */
const MAX_SAMPLES = 300_000;
/** Families of one exposition; vLLM writes about 130. */
const MAX_FAMILIES = 20_000;
/** Characters without a line of an exposition after which a text counts as something else. */
const MAX_FOREIGN_LENGTH = 65_536;
/** Bytes that tell the format of a stream. */
const BEGINNING_BYTES = 65_536;
/** Characters that are looked at to say what a text is if it is no exposition. */
const HEAD_LENGTH = 1_024;
/**
 * Characters of one family that is remembered: its output is held back until all of it has arrived.
 * A histogram of 64 engines takes 199 KB, `lora_requests_info` of 4,000 sets of adapters 1 MB.
 */
const MAX_FAMILY_LENGTH = 1_048_576;

/** A label value that stays as it is. */
const LABEL_VALUE = String.raw`"(?:[\t !#-[\]-~]|\\[\\"n])*"`;

const HASH = 0x23;
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();

/** What the sanitizer made of a family whose text is remembered. */
export interface Output {
  /** The name to hand out. */
  readonly name: string;
  /** What its names are used for. */
  readonly uses: readonly (readonly [string, NameUse])[];
  /** The name of a group that the next family may be taken for a part of. */
  readonly previous: string | undefined;
  /** Its samples. */
  readonly samples: number;
  /** The text before, between and after the numbers. */
  readonly pieces: readonly string[];
  /** Which number of the input stands between two pieces. */
  readonly slots: readonly number[];
  /** What each number of the input must look like so that the text depends on nothing else of it. */
  readonly forms: readonly (RegExp | undefined)[];
}

/** What is remembered of the families of all servers, so that a known one is not parsed again. */
export class SanitizerMemo extends Memo<Output> {}

/** A number not below zero. */
const POSITIVE = /^[^-]/;
/** A number that is surely below 2^64, in which Fluent Bit counts: 9.9e+17 is Python's of 18 digits. */
const COUNT = /^\d{1,19}(?:\.\d*)?(?:e-\d+)?$|^\d(?:\.\d*)?e\+(?:0\d|1[0-8])$/;

/** How a number must be written so that the text of its family depends on nothing else of it. */
function formOf(type: MetricType, suffix: string): RegExp | undefined {
  if (type === "counter") return POSITIVE;
  const isGrouped = type === "histogram" || type === "summary";
  return isGrouped && (suffix === "_bucket" || suffix === "_count") ? COUNT : undefined;
}

function hasForms({ numbers, isSimple }: Blanked, forms: readonly (RegExp | undefined)[]): boolean {
  return forms.length === numbers.length &&
    (isSimple || numbers.every((number, slot) => forms[slot]?.test(number) !== false));
}

/** Settings of a {@linkcode Sanitizer}. */
export interface SanitizerOptions {
  /** The format of the text. */
  readonly format: Format;
  /** What is remembered; without, each family is parsed. */
  readonly memo?: SanitizerMemo | undefined;
  /** Longest line that is read, in bytes. @default {65536} */
  readonly maxLineBytes?: number;
  /** Where the text comes from: with it, what is no exposition or too large is refused. */
  readonly source?: TextSource;
}

/** Where a text comes from, for error messages. */
export interface TextSource {
  /** The server's address for people; without, it is an input of any size. */
  readonly label?: string;
  /** Whether a message may quote the text: a server may repeat a secret that it was sent. */
  readonly mayQuote: boolean;
}

/** Sanitizes one exposition. Push its chunks in order, the last one with `isFinal`. */
export class Sanitizer {
  /** The lines left out so far. */
  readonly dropped: DroppedLines = new DroppedLines();

  readonly #format: Format;
  readonly #maxLineBytes: number;
  readonly #memo: SanitizerMemo | undefined;
  readonly #source: TextSource | undefined;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #parser: Parser;
  readonly #context = new WriterContext(this.dropped);
  #writer: FamilyWriter | undefined;
  /** The first characters, to say what the text is if it is no exposition. */
  #head = "";
  #length = 0;
  /** The line that has not ended yet. */
  #rest = "";
  /** Whether it is too long. */
  #isSkipping = false;
  /** The name in the last HELP or TYPE line, and the lines from there on that are held. */
  #name: string | undefined;
  #family = "";
  #isHeld = false;
  /** What the last sample and those like it look like; the expression is made for the second one. */
  #form = "";
  #alike: RegExp | undefined;
  #forms: (RegExp | undefined)[] = [];
  #families = 0;
  #out = "";
  #samples = 0;
  #isStarted = false;
  #isRecognized = false;

  /** Begins at the top of a text. */
  constructor({ format, memo, source, maxLineBytes = MAX_LINE_BYTES }: SanitizerOptions) {
    this.#format = format;
    this.#memo = memo;
    this.#source = source;
    this.#maxLineBytes = maxLineBytes;
    this.#parser = new Parser({
      format,
      dropped: this.dropped,
      maxLineLength: maxLineBytes,
      sink: {
        begin: (family) => {
          this.#families++;
          this.#writer = new FamilyWriter(family, this.#context);
        },
        sample: (sample, suffix) => {
          const { type = "untyped" } = this.#parser.family ?? {};
          if (sample.slot !== undefined) this.#forms.push(formOf(type, suffix));
          this.#writer?.add(sample, suffix);
        },
        end: () => {
          this.#writer?.finish();
          this.#samples += this.#writer?.samples ?? 0;
          this.#writer = undefined;
        },
      },
    });
  }

  /** Samples written so far. */
  get samples(): number {
    return this.#samples + (this.#writer?.samples ?? 0);
  }

  /** Whether a line of an exposition has been read. */
  get recognized(): boolean {
    return this.#isRecognized || this.#parser.isRecognized;
  }

  /**
   * Takes the next bytes and gives the text that can be handed out.
   *
   * @throws {MetricsError} When the text is no exposition or too large, and has a source.
   */
  push(chunk: Uint8Array, isFinal: boolean): string {
    return this.write(this.#decoder.decode(chunk, { stream: !isFinal }), isFinal);
  }

  /** Does the same for text. */
  write(text: string, isFinal: boolean): string {
    if (this.#head.length < HEAD_LENGTH) {
      this.#head += text.slice(0, HEAD_LENGTH - this.#head.length);
    }
    this.#length += text.length;
    const end = text.indexOf("\n") + 1;
    if (this.#rest !== "" && end > 0 && end < text.length) {
      // Completes the line that was open: joining it to all of the text would copy this.
      this.#lines(text.slice(0, end), false);
      this.#lines(text.slice(end), isFinal);
    } else this.#lines(text, isFinal);
    if (isFinal) {
      this.#endFamily();
      this.#parser.finishFamily();
    }
    if (this.#source !== undefined) this.#check(this.#source, isFinal);
    this.#flush();
    const out = this.#out;
    this.#out = "";
    return out;
  }

  /** Splits text into lines and these into families. */
  #lines(more: string, isFinal: boolean): void {
    let text = this.#rest + more;
    if (!this.#isStarted && text !== "") {
      this.#isStarted = true;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    if (isFinal && text !== "" && !text.endsWith("\n")) text += "\n";
    let start = 0;
    let at = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", at)) {
      if (this.#isSkipping || this.#isTooLong(text, at, end)) {
        this.#take(text.slice(start, at));
        if (!this.#isSkipping) this.dropped.add("line_too_long");
        this.#isSkipping = false;
        start = end + 1;
      } else if (text.charCodeAt(at) === HASH) {
        const name = headerNameAt(text, at);
        if (name !== undefined && name !== this.#name) {
          this.#take(text.slice(start, at));
          this.#beginFamily(name, text.slice(at, end));
          start = at;
        }
      }
      at = end + 1;
    }
    this.#take(text.slice(start, at));
    this.#rest = this.#isSkipping ? "" : text.slice(at);
    if (this.#rest.length > this.#maxLineBytes) {
      this.dropped.add("line_too_long");
      this.#isSkipping = true;
      this.#rest = "";
    }
  }

  #isTooLong(text: string, start: number, end: number): boolean {
    const length = end - start;
    // A character takes up to three bytes.
    if (3 * length <= this.#maxLineBytes) return false;
    return length > this.#maxLineBytes ||
      Buffer.byteLength(text.slice(start, end)) > this.#maxLineBytes;
  }

  #beginFamily(name: string, line: string): void {
    this.#endFamily();
    this.#name = name;
    this.#isHeld = false;
    if (this.#parser.family?.rawName === name) return;
    this.#parser.finishFamily();
    if (!this.recognized) this.#isRecognized = typeof parseHeader(line, this.#format) !== "string";
    this.#isHeld = this.#memo !== undefined && this.recognized;
  }

  #take(lines: string): void {
    if (!this.#isHeld) return this.#parse(lines);
    this.#family += lines;
    if (this.#family.length <= MAX_FAMILY_LENGTH) return;
    this.#isHeld = false;
    this.#parse(this.#family);
    this.#family = "";
  }

  /** Parses lines; those like the one before are copied, which matters in a large family. */
  #parse(lines: string): void {
    for (let at = 0; at < lines.length;) {
      const [end, count] = this.#likeTheLast(lines, at);
      if (count > 0) this.#writer?.copy(lines.slice(at, end), count);
      else this.#parser.lines(lines.slice(at, end));
      at = end;
    }
  }

  /** Where the lines end that every reader takes as the one before, and how many they are. */
  #likeTheLast(lines: string, start: number): [end: number, count: number] {
    const sample = this.#parser.isWhole ? this.#writer?.plainSample : undefined;
    const pairs = sample?.labels.map(([label]) => `${label}=${LABEL_VALUE}`).join() ?? "";
    const form = `${sample?.name}${pairs === "" ? "" : `\\{${pairs}\\}`}`;
    let end = start;
    let count = 0;
    if (sample !== undefined && form === this.#form) {
      this.#alike ??= new RegExp(`${form} ${NUMBER}\n`, "y");
      this.#alike.lastIndex = start;
      for (; this.#alike.test(lines); count++) end = this.#alike.lastIndex;
    } else this.#alike = undefined;
    this.#form = form;
    return count > 0 ? [end, count] : [lines.indexOf("\n", start) + 1, 0];
  }

  /** Writes the family that is held. */
  #endFamily(): void {
    const text = this.#family;
    if (text === "" || this.#memo === undefined) return;
    this.#family = "";
    const blanked = withoutNumbers(text, this.#format);
    const known = this.#memo.get(blanked.key);
    if (known !== undefined && this.#isAllowed(known, blanked)) {
      return this.#write(known, blanked.numbers);
    }
    this.#flush();
    this.#families = 0;
    this.#forms = [];
    const before = { dropped: this.dropped.total, samples: this.samples };
    // What is remembered keeps this text only, not the chunk that it is a part of.
    const own = DECODER.decode(ENCODER.encode(text));
    this.#parser.lines(own, blanked.headLength);
    const { family, isWhole } = this.#parser;
    if (this.#families !== 1 || !isWhole || family === undefined) return;
    if (family.rawName !== this.#name) return;
    this.#parser.finishFamily();
    if (this.dropped.total !== before.dropped || !isExact(text, blanked.headLength)) return;
    const output = this.#outputOf(family.name, blanked, this.samples - before.samples);
    if (output !== undefined) this.#memo.set(blanked.key, output);
  }

  /** Whether a family can be written as it was, behind those before it. */
  #isAllowed({ name, uses, forms }: Output, blanked: Blanked): boolean {
    const { names, previous } = this.#context;
    return hasForms(blanked, forms) && !followsGroup(name, previous) &&
      !uses.some(([used]) => names.has(used));
  }

  #write({ uses, previous, samples, pieces, slots }: Output, numbers: readonly string[]): void {
    for (const [name, use] of uses) this.#context.names.set(name, use);
    this.#context.previous = previous;
    this.#samples += samples;
    let text = pieces[0] ?? "";
    for (let index = 0; index < slots.length; index++) {
      text += `${numbers[slots[index] ?? 0]}${pieces[index + 1]}`;
    }
    this.#context.text += text;
  }

  /** The output of the family that has ended, if only its numbers can make a difference to it. */
  #outputOf(
    name: string | undefined,
    blanked: Blanked,
    samples: number,
  ): Output | undefined {
    const { text, numbers: written, added: uses, previous, isDependent } = this.#context;
    const forms = this.#forms;
    const isPlain = hasForms(blanked, forms);
    if (name === undefined || isDependent || text === "" || !isPlain) return undefined;
    const pieces: string[] = [];
    let from = 0;
    for (const [at, length] of written) {
      pieces.push(text.slice(from, at));
      from = at + length;
    }
    pieces.push(text.slice(from));
    return {
      name,
      uses,
      previous,
      samples,
      pieces,
      slots: written.map(([, , slot]) => slot),
      forms,
    };
  }

  #flush(): void {
    this.#out += this.#context.text;
    this.#context.text = "";
  }

  #check({ label, mayQuote }: TextSource, isFinal: boolean): void {
    const { samples } = this;
    const families = this.#context.names.size;
    const isForeign = isFinal
      ? samples === 0
      : !this.recognized && this.#length > MAX_FOREIGN_LENGTH;
    if (isForeign || isMarkup(this.#head)) {
      const what = describeForeign(ENCODER.encode(this.#head), mayQuote);
      throw new MetricsError(
        "UPSTREAM_NOT_EXPOSITION",
        label === undefined
          ? `the input is ${what}`
          : `Cannot read "${label}": the server sent ${what}`,
        { hint: "Is this the address of vLLM's metrics, and is no login page in front of it?" },
      );
    }
    if (label === undefined || (samples <= MAX_SAMPLES && families <= MAX_FAMILIES)) return;
    const what = samples > MAX_SAMPLES
      ? `${MAX_SAMPLES} samples`
      : `${MAX_FAMILIES} metric families`;
    throw new MetricsError(
      "UPSTREAM_TOO_LARGE",
      `Cannot scrape "${label}": the server sent more than ${what}`,
      { hint: "Is this the address of vLLM's metrics? Scrape large deployments server by server." },
    );
  }
}

/** Settings of a {@linkcode SanitizerStream}. */
export interface SanitizerStreamOptions extends Omit<SanitizerOptions, "format"> {
  /** The format of the text; decided by its beginning without. */
  readonly format?: Format | undefined;
}

/** Sanitizes a stream of bytes: `body.pipeThrough(new SanitizerStream(…))`. */
export class SanitizerStream extends TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  /** The lines left out; complete at the end. */
  readonly dropped: DroppedLines;

  /** Begins at the top of a text. */
  constructor({ format, ...options }: SanitizerStreamOptions = {}) {
    const dropped = new DroppedLines();
    let sanitizer: Sanitizer | undefined;
    let beginning: Uint8Array = new Uint8Array(0);
    const push = (
      chunk: Uint8Array,
      isFinal: boolean,
      controller: TransformStreamDefaultController<Uint8Array<ArrayBuffer>>,
    ): void => {
      let bytes = chunk;
      if (sanitizer === undefined) {
        beginning = Buffer.concat([beginning, chunk]);
        if (format === undefined && !isFinal && beginning.length < BEGINNING_BYTES) return;
        sanitizer = new Sanitizer({ ...options, format: format ?? detectFormat("", beginning) });
        bytes = beginning;
      }
      const text = sanitizer.push(bytes, isFinal);
      if (text !== "") controller.enqueue(ENCODER.encode(text));
      if (!isFinal) return;
      for (const [reason, lines] of sanitizer.dropped.entries()) dropped.add(reason, lines);
    };
    super({
      transform: (chunk, controller) => push(chunk, false, controller),
      flush: (controller) => push(new Uint8Array(0), true, controller),
    });
    this.dropped = dropped;
  }
}
