/** The sanitizer: an exposition goes in chunk by chunk, text 0.0.4 that every reader takes comes out. */

import { MetricsError } from "../errors.ts";
import { ByteBuffer, lineEnd } from "./bytes.ts";
import { DroppedLines } from "./dropped.ts";
import { FamilyWriter, type NameUse, WriterContext } from "./family_writer.ts";
import { describeForeign, detectFormat, isMarkup } from "./format.ts";
import {
  beginsFamily,
  Memo,
  type MemoCursor,
  NEED_MORE,
  NO_MATCH,
  type NumberScan,
  scanCount,
  scanSigned,
  scanUnsigned,
} from "./memo.ts";
import { Parser } from "./parser.ts";
import { isPlainSample, type PlainForm, plainFormOf } from "./plain.ts";
import { followsGroup, type Format, HELD_TYPES, type MetricType } from "./types.ts";

/** Longest line that is read, in bytes; vLLM's longest is about 1 KB. */
export const MAX_LINE_BYTES = 65_536;
/** Samples of one exposition. vLLM writes about 400 per engine, so this is enough for 700 engines. */
const MAX_SAMPLES = 300_000;
/** Families of one exposition; vLLM writes about 130. */
const MAX_FAMILIES = 20_000;
/** Bytes without a line of an exposition after which a text counts as something else. */
const MAX_FOREIGN_BYTES = 65_536;
/** Bytes of a text that are looked at to say what it is if it is no exposition. */
const HEAD_BYTES = 1_024;

/** More than the longest number of a family that is remembered. */
const MAX_NUMBER_BYTES = 48;

const LINE_FEED = 0x0a;
const COLON = 0x3a;
const UNDERSCORE = 0x5f;
const EMPTY = new Uint8Array(0);
const NO_NUMBERS = new Int32Array(0);
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

type Bytes = Uint8Array<ArrayBuffer>;

/** What the sanitizer made of a family whose lines are remembered. */
export interface Output {
  /** The name to hand out. */
  readonly name: string;
  /** What its names are used for. */
  readonly uses: readonly (readonly [string, NameUse])[];
  /** The name of a group that the next family may be taken for a part of. */
  readonly previous: string | undefined;
  /** Its samples. */
  readonly samples: number;
  /** The text, without numbers that lines have. */
  readonly text: Uint8Array<ArrayBuffer>;
  /** Where in `text` each number goes, and the line that it is on: two entries for each. */
  readonly values: Int32Array;
  /**
   * If the text differs from the input only by `_` for colons, where these are: an index into the
   * numbers of the match (-1 for the start of the family), and the distance from there.
   */
  readonly colons: Int32Array | undefined;
}

/** What is remembered of the families of all servers, so that a known one is not parsed again. */
export class SanitizerMemo extends Memo<Output> {}

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
  /** Its address for people. */
  readonly label: string;
  /** Whether a message may quote the text: a server may repeat a secret that it was sent. */
  readonly mayQuote: boolean;
}

/** A family as it is read line by line, to remember what becomes of it. */
class FamilyRecord {
  readonly bytes = new ByteBuffer();
  readonly starts: number[] = [];
  readonly lengths: number[] = [];

  constructor(readonly dropped: number) {}
}

/** Sanitizes one exposition. Push its chunks in order, the last one with `isFinal`. */
export class Sanitizer {
  /** The lines left out so far. */
  readonly dropped: DroppedLines = new DroppedLines();

  readonly #maxLineBytes: number;
  readonly #maxFamilyBytes: number;
  readonly #cursor: MemoCursor<Output> | undefined;
  readonly #parser: Parser;
  readonly #in = new ByteBuffer();
  readonly #out = new ByteBuffer();
  /** What is written of the families before the one that is to be remembered. */
  readonly #ready = new ByteBuffer();
  readonly #source: TextSource | undefined;
  /** The first bytes, to say what the text is if it is no exposition. */
  readonly #head = new ByteBuffer();
  #bytes = 0;
  readonly #context = new WriterContext(this.#out, this.dropped);
  #writer: FamilyWriter | undefined;
  #record: FamilyRecord | undefined;
  /** The form of the family's lines that can be copied. */
  #plain: PlainForm | undefined;
  #samples = 0;
  #isSkipping = false;
  #isStarted = false;
  #isMatched = false;
  #isFinished = false;

  /**
   * Begins at the top of a text.
   *
   * @param options Format, memo and bound.
   */
  constructor({ format, memo, source, maxLineBytes = MAX_LINE_BYTES }: SanitizerOptions) {
    this.#source = source;
    this.#maxLineBytes = maxLineBytes;
    this.#maxFamilyBytes = memo?.maxFamilyBytes ?? 0;
    this.#cursor = memo?.cursor();
    this.#parser = new Parser({
      format,
      dropped: this.dropped,
      maxLineLength: maxLineBytes,
      sink: {
        begin: (family) => this.#writer = new FamilyWriter(family, this.#context),
        sample: (sample, suffix) => this.#writer?.add(sample, suffix),
        end: () => this.#endFamily(),
      },
    });
  }

  /** Samples written so far. */
  get samples(): number {
    return this.#samples + (this.#writer?.samples ?? 0);
  }

  /** Families written so far, and names of samples that are families of their own for readers. */
  get families(): number {
    return this.#context.names.size;
  }

  /** Whether the last bytes were pushed. */
  get finished(): boolean {
    return this.#isFinished;
  }

  /** Whether a line of an exposition has been read. */
  get recognized(): boolean {
    return this.#isMatched || this.#parser.isRecognized;
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk The bytes; they are neither changed nor kept.
   * @param isFinal Whether these are the last ones.
   * @returns What can be handed out, perhaps nothing.
   * @throws {MetricsError} When the text is no exposition or too large, and has a source.
   */
  push(chunk: Uint8Array, isFinal: boolean): Uint8Array<ArrayBuffer> {
    if (this.#head.length < HEAD_BYTES) {
      this.#head.append(chunk, 0, Math.min(chunk.length, HEAD_BYTES - this.#head.length));
    }
    this.#bytes += chunk.length;
    this.#sanitize(chunk, isFinal);
    if (this.#source !== undefined) this.#check(this.#source);
    // The output of a family that is to be remembered is needed until its end.
    if (this.#record !== undefined) return this.#ready.take();
    if (this.#ready.length === 0) return this.#out.take();
    this.#ready.append(this.#out.view());
    this.#out.clear();
    return this.#ready.take();
  }

  #sanitize(chunk: Uint8Array, isFinal: boolean): void {
    const isFirst = this.#in.length === 0;
    if (!isFirst) this.#in.append(chunk);
    const bytes = isFirst ? chunk : this.#in.view();
    // The output is about as long as the input.
    this.#out.room(chunk.length);
    let at = this.#skipByteOrderMark(bytes, isFinal);
    while (at >= 0 && at < bytes.length) {
      const end = lineEnd(bytes, at);
      const isWhole = end < bytes.length || isFinal;
      const isTooLong = end - at > this.#maxLineBytes;
      if (!isWhole && !isTooLong && !this.#isSkipping) break;
      const next = Math.min(end + 1, bytes.length);
      if (this.#isSkipping || isTooLong) {
        if (!this.#isSkipping) this.dropped.add("line_too_long");
        this.#isSkipping = !isWhole;
        this.#record = undefined;
        at = next;
        continue;
      }
      const matched = this.#match(bytes, at, isFinal);
      if (matched === NEED_MORE) break;
      if (matched !== NO_MATCH) at = matched;
      else {
        this.#line(bytes.subarray(at, next), end - at);
        at = next;
      }
    }
    if (isFirst) this.#in.append(chunk, Math.max(at, 0));
    else this.#in.drop(Math.max(at, 0));
    if (isFinal) {
      this.#isFinished = true;
      this.#parser.finishFamily();
    }
  }

  #check({ label, mayQuote }: TextSource): void {
    const { samples, families } = this;
    const head = this.#head.view();
    const isForeign = this.#isFinished
      ? samples === 0
      : !this.recognized && this.#bytes > MAX_FOREIGN_BYTES;
    if (isForeign || isMarkup(head)) {
      throw new MetricsError(
        "UPSTREAM_NOT_EXPOSITION",
        `Cannot read "${label}": the server sent ${describeForeign(head, mayQuote)}`,
        { hint: "Is this the address of vLLM's metrics, and is no login page in front of it?" },
      );
    }
    if (samples <= MAX_SAMPLES && families <= MAX_FAMILIES) return;
    const what = samples > MAX_SAMPLES
      ? `${MAX_SAMPLES} samples`
      : `${MAX_FAMILIES} metric families`;
    throw new MetricsError(
      "UPSTREAM_TOO_LARGE",
      `Cannot scrape "${label}": the server sent more than ${what}`,
      { hint: "Is this the address of vLLM's metrics? Scrape large deployments server by server." },
    );
  }

  /** Where the text begins; -1 when there are too few bytes to tell. */
  #skipByteOrderMark(bytes: Uint8Array, isFinal: boolean): number {
    if (this.#isStarted) return 0;
    const isOpen = bytes.length < 3 &&
      bytes.every((byte, index) => byte === BYTE_ORDER_MARK[index]);
    if (isOpen && !isFinal) return -1;
    this.#isStarted = true;
    return BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte) ? 3 : 0;
  }

  /** Writes a family that is remembered. */
  #match(bytes: Uint8Array, at: number, isFinal: boolean): number {
    const cursor = this.#cursor;
    if (cursor === undefined) return NO_MATCH;
    if (!beginsFamily(bytes, at, this.#parser.family?.rawName)) {
      return NO_MATCH;
    }
    this.#parser.finishFamily();
    const end = cursor.match(bytes, at, isFinal, (output) => this.#isAllowed(output));
    if (end >= 0 && cursor.content !== undefined) this.#write(cursor.content, bytes, at, end);
    // A remembered family begins with a header, however long it takes to arrive.
    if (end !== NO_MATCH) this.#isMatched = true;
    else {
      this.#ready.append(this.#out.view());
      this.#out.clear();
      this.#record = new FamilyRecord(this.dropped.total);
    }
    return end;
  }

  /** Whether a family can be written as it was, behind those before it. */
  #isAllowed({ name, uses }: Output): boolean {
    const { names, previous } = this.#context;
    return !followsGroup(name, previous) && !uses.some(([used]) => names.has(used));
  }

  #write(output: Output, bytes: Uint8Array, start: number, end: number): void {
    const numbers = this.#cursor?.numbers ?? NO_NUMBERS;
    const { text, values, colons, uses, previous, samples } = output;
    for (const [name, use] of uses) this.#context.names.set(name, use);
    this.#context.previous = previous;
    this.#samples += samples;
    if (colons !== undefined) {
      const out = this.#out.room(end - start);
      out.set(bytes.subarray(start, end));
      for (let index = 0; index < colons.length; index += 2) {
        out[(numbers[colons[index] ?? 0] ?? 0) + (colons[index + 1] ?? 0)] = UNDERSCORE;
      }
      return this.#out.grow(end - start);
    }
    const out = this.#out.room(text.length + MAX_NUMBER_BYTES * values.length);
    let to = 0;
    let from = 0;
    for (let index = 0; index < values.length; index += 2) {
      const place = values[index] ?? 0;
      out.set(text.subarray(from, place), to);
      to += place - from;
      from = place;
      const line = 2 * (values[index + 1] ?? 0);
      const stop = start + (numbers[line + 1] ?? 0);
      for (let at = start + (numbers[line] ?? 0); at < stop; at++) out[to++] = bytes[at] ?? 0;
    }
    out.set(text.subarray(from), to);
    this.#out.grow(to + text.length - from);
  }

  /** Copies a sample that is like the one before it; false for any other line. */
  #copy(line: Uint8Array): boolean {
    const form = this.#plain;
    if (form === undefined || this.#writer === undefined || !isPlainSample(line, form)) {
      return false;
    }
    const room = this.#out.room(line.length + 1);
    room.set(line);
    for (let at = 0; at < form.name.length; at++) if (room[at] === COLON) room[at] = UNDERSCORE;
    room[line.length] = LINE_FEED;
    this.#out.grow(line.length + 1);
    this.#writer.samples++;
    return true;
  }

  /** Parses one line, line feed included. */
  #line(line: Uint8Array, length: number): void {
    const record = this.#record;
    if (record === undefined && this.#copy(line.subarray(0, length))) return;
    this.#parser.line(line.subarray(0, length), record?.starts.length);
    if (record === undefined) {
      const sample = this.#parser.isWhole ? this.#writer?.plainSample : undefined;
      this.#plain = sample && plainFormOf(sample);
    }
    if (record === undefined || record !== this.#record) return;
    record.starts.push(record.bytes.length);
    record.lengths.push(line.length);
    record.bytes.append(line);
    const isKnown = this.#parser.family !== undefined && this.#parser.isWhole;
    if (!isKnown || record.bytes.length > this.#maxFamilyBytes) this.#record = undefined;
  }

  #endFamily(): void {
    const writer = this.#writer;
    writer?.finish();
    const samples = writer?.samples ?? 0;
    this.#samples += samples;
    this.#writer = undefined;
    this.#plain = undefined;
    if (this.#record === undefined || !this.#learn(this.#record, samples)) this.#cursor?.skip();
    this.#record = undefined;
  }

  /** Remembers the family that has ended, if only numbers can make a difference to its text. */
  #learn(record: FamilyRecord, samples: number): boolean {
    const { name, type = "untyped" } = this.#parser.family ?? {};
    const { isDependent, values, added: uses, previous } = this.#context;
    const isClean = this.dropped.total === record.dropped && !isDependent;
    const bytes = record.bytes.view();
    if (name === undefined || !isClean || this.#out.length === 0) return false;
    if (bytes[bytes.length - 1] !== LINE_FEED) return false;
    const scan = scanOf(type);
    const out = this.#out.view();
    const text = new ByteBuffer();
    const places: number[] = [];
    let from = 0;
    for (let index = 0; index < values.length; index += 3) {
      const [start = 0, end = 0, line = 0] = values.slice(index, index + 3);
      const lineStop = record.starts[line + 1] ?? bytes.length;
      const numberStart = lineStop - 1 - (end - start);
      // Another number is part of the line.
      if (scan(bytes, numberStart) !== lineStop - 1) continue;
      record.lengths[line] = numberStart - (record.starts[line] ?? 0);
      text.append(out, from, start);
      places.push(text.length, line);
      from = end;
    }
    text.append(out, from, out.length);
    const lines = { bytes, starts: record.starts, lengths: record.lengths, scan };
    this.#cursor?.learn(lines, {
      name,
      uses,
      previous,
      samples,
      text: text.take(),
      values: Int32Array.from(places),
      colons: colonsOf(record, out, places),
    });
    return true;
  }
}

/** Finds the colons by which alone a family and its text differ; undefined when more differs. */
function colonsOf(
  { bytes, starts, lengths }: FamilyRecord,
  out: Uint8Array,
  places: readonly number[],
): Int32Array | undefined {
  const input = bytes.view();
  if (input.length !== out.length) return undefined;
  const numbered = new Set(places.filter((_, index) => index % 2 === 1));
  const colons: number[] = [];
  // The line of the number before: what stands behind it moves with its end.
  let before = -1;
  for (const [line, start] of starts.entries()) {
    const end = starts[line + 1] ?? input.length;
    const isNumbered = numbered.has(line);
    const moved = before < 0 ? 0 : (starts[before + 1] ?? 0) - 1;
    const base = isNumbered ? start + (lengths[line] ?? 0) : moved;
    for (let at = start; at < end; at++) {
      if (input[at] === out[at]) continue;
      if (input[at] !== COLON || out[at] !== UNDERSCORE) return undefined;
      colons.push(isNumbered ? 2 * line : before < 0 ? -1 : 2 * before + 1, at - base);
    }
    if (isNumbered) before = line;
  }
  return Int32Array.from(colons);
}

/** How the numbers of a family must be written so that its text depends on nothing else of them. */
function scanOf(type: MetricType): NumberScan {
  if (HELD_TYPES.includes(type)) return scanCount;
  return type === "counter" ? scanUnsigned : scanSigned;
}

/** Settings of a {@linkcode SanitizerStream}. */
export interface SanitizerStreamOptions extends Omit<SanitizerOptions, "format"> {
  /** The format of the text; decided by its Content-Type and its beginning without. */
  readonly format?: Format;
  /** The Content-Type that came with it. */
  readonly contentType?: string;
}

/** Sanitizes a stream of bytes: `body.pipeThrough(new SanitizerStream(…))`. */
export class SanitizerStream extends TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  #sanitizer: Sanitizer | undefined;

  /**
   * Begins at the top of a text.
   *
   * @param options What the text is, and its bounds.
   */
  constructor({ format, contentType = "", ...options }: SanitizerStreamOptions = {}) {
    const push = (
      chunk: Uint8Array,
      isFinal: boolean,
      controller: TransformStreamDefaultController<Uint8Array<ArrayBuffer>>,
    ): void => {
      this.#sanitizer ??= new Sanitizer({
        ...options,
        format: format ?? detectFormat(contentType, chunk),
      });
      const bytes = this.#sanitizer.push(chunk, isFinal);
      if (bytes.length > 0) controller.enqueue(bytes);
    };
    super({
      transform: (chunk, controller) => push(chunk, false, controller),
      flush: (controller) => push(EMPTY, true, controller),
    });
  }

  /** Samples written so far. */
  get samples(): number {
    return this.#sanitizer?.samples ?? 0;
  }

  /** The lines left out so far. */
  get dropped(): DroppedLines {
    return this.#sanitizer?.dropped ?? new DroppedLines();
  }

  /** Whether a line of an exposition has been read. */
  get recognized(): boolean {
    return this.#sanitizer?.recognized ?? false;
  }
}
