/** The line by line way: every line is read, mended or left out. */

import { ByteBuffer } from "./byte_buffer.ts";
import type { DroppedLines } from "./dropped.ts";
import { Family } from "./family.ts";
import type { FamilyContext } from "./family_context.ts";
import { type Format, parseHeader } from "./header.ts";
import { isPlainSample, type PlainForm } from "./plain.ts";
import { isOpenSample, parseSample, type Sample } from "./sample.ts";

const CARRIAGE_RETURN = 0x0d;
const COLON = 0x3a;
const UNDERSCORE = 0x5f;

/** Lines that a sample with an unescaped line feed may spread over. */
const MAX_OPEN_LINES = 16;

const HEADER_NAME = /^[ \t]*#[ \t]+(?:HELP|TYPE)[ \t]+([^ \t]+)/;

const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();

/** Reads lines one after the other and writes text 0.0.4, family by family. */
export class StrictSanitizer {
  /** The text written since it was last taken. */
  readonly out: ByteBuffer = new ByteBuffer();
  /** Samples written in families that are finished. */
  samples = 0;

  readonly #context: FamilyContext;
  readonly #maxLineBytes: number;
  #family: Family | undefined;
  /** The form of the family's lines that can pass as bytes, if any. */
  #plain: PlainForm | undefined;
  #open: string | undefined;
  #openLines = 0;

  /**
   * Begins at the top of a text.
   *
   * @param format The format that is read.
   * @param dropped Counts the lines left out.
   * @param maxLineBytes Bound on a line that is put together from several.
   */
  constructor(format: Format, dropped: DroppedLines, maxLineBytes: number) {
    this.#context = {
      format,
      dropped,
      out: this.out,
      names: new Map(),
      previous: {},
    };
    this.#maxLineBytes = maxLineBytes;
  }

  /** Whether a line was met that is one of an exposition. */
  recognized = false;

  /** Whether no line that was read waits for the next. */
  get isIdle(): boolean {
    return this.#family === undefined && this.#open === undefined;
  }

  /** The family whose lines are being read. */
  get family(): Family | undefined {
    return this.#family;
  }

  /**
   * Tells whether a name is that of the family being read.
   *
   * @param bytes The text.
   * @param start Where the name begins.
   * @param end Where it ends.
   */
  isOwnName(bytes: Uint8Array, start: number, end: number): boolean {
    const name = this.#family?.rawName;
    if (name?.length !== end - start) return false;
    for (let index = 0; index < name.length; index++) {
      if (bytes[start + index] !== name.charCodeAt(index)) return false;
    }
    return true;
  }

  /** What the families written so far mean for the next ones. */
  get context(): FamilyContext {
    return this.#context;
  }

  /**
   * Reads one line.
   *
   * @param line The bytes without the line feed; they are not changed nor kept.
   */
  line(line: Uint8Array): void {
    if (this.#plain !== undefined && this.#open === undefined && isPlainSample(line, this.#plain)) {
      return this.#copy(line, this.#plain.name.length);
    }
    const end = line[line.length - 1] === CARRIAGE_RETURN ? line.length - 1 : line.length;
    this.#text(DECODER.decode(line.subarray(0, end)));
  }

  /** Ends the family, as at the end of the text. */
  finishFamily(): void {
    this.#closeOpen();
    this.#family?.finish();
    this.samples += this.#family?.samples ?? 0;
    this.#family = undefined;
    this.#plain = undefined;
  }

  /** A line that is a sample of the family, with its number and labels in plain form. */
  #copy(line: Uint8Array, nameBytes: number): void {
    const start = this.out.length;
    this.out.append(line);
    const written = this.out.view();
    for (let at = start; at < start + nameBytes; at++) {
      if (written[at] === COLON) written[at] = UNDERSCORE;
    }
    this.out.appendText("\n");
    this.#family?.addWritten();
  }

  #text(line: string): void {
    if (this.#open !== undefined && this.#continue(line)) return;
    if (/^[ \t]*$/.test(line)) return;
    if (/^[ \t]*#/.test(line)) return this.#header(line);
    if (this.#sample(line) !== "bad_label" || !isOpenSample(line)) return;
    this.#open = line;
    this.#openLines = 1;
  }

  /** Reads a line as a sample; the reason is counted unless the line may go on. */
  #sample(line: string): string | undefined {
    const sample = parseSample(line, this.#context.format === "openmetrics");
    if (typeof sample === "string") {
      if (sample !== "bad_label" || !isOpenSample(line)) this.#context.dropped.add(sample);
      return sample;
    }
    this.recognized = true;
    let suffix = this.#family?.suffixOf(sample.name);
    if (suffix === undefined) {
      if (this.#family?.rawName === sample.name) {
        // Fluent Bit loses the scrape on `h 1` below `# TYPE h histogram`.
        this.#context.dropped.add("bad_syntax");
        return undefined;
      }
      this.finishFamily();
      this.#family = new Family(sample.name, false, this.#context);
      suffix = "";
    }
    const written = this.#family?.add(sample, suffix) ?? false;
    if (!this.#family?.isPlain) this.#plain = undefined;
    else if (written && suffix === "") this.#setPlain(sample);
    return undefined;
  }

  /** Remembers the form of a sample whose name needs no more than `_` for each colon. */
  #setPlain({ name, labels }: Sample): void {
    if (name.replaceAll(":", "_") !== this.#family?.name) return;
    this.#plain = {
      name: ENCODER.encode(name),
      labels: ENCODER.encode(labels.map(([label]) => `${label}=`).join("")),
    };
  }

  /** Adds a line to the open sample; false when it stands for itself and the sample is lost. */
  #continue(line: string): boolean {
    const joined = `${this.#open}\n${line}`;
    const standsAlone = /^[ \t]*#[ \t]+(?:HELP|TYPE)[ \t]/.test(line) ||
      typeof parseSample(line, false) !== "string";
    if (standsAlone) {
      this.#closeOpen();
      return false;
    }
    if (isOpenSample(joined)) {
      this.#open = joined;
      this.#openLines++;
      if (this.#openLines > MAX_OPEN_LINES || joined.length > this.#maxLineBytes) this.#closeOpen();
      return true;
    }
    this.#open = undefined;
    this.#sample(joined);
    return true;
  }

  #closeOpen(): void {
    if (this.#open !== undefined) this.#context.dropped.add("bad_label", this.#openLines);
    this.#open = undefined;
    this.#openLines = 0;
  }

  #header(line: string): void {
    const header = parseHeader(line, this.#context.format);
    if (header === "comment") return;
    if (header === "bad_header") {
      this.#context.dropped.add("bad_header");
      // Whatever it was to say, what follows is another family's.
      if (HEADER_NAME.exec(line)?.[1] !== this.#family?.rawName) this.finishFamily();
      return;
    }
    this.recognized = true;
    if (this.#family?.rawName !== header.family) {
      this.finishFamily();
      this.#family = new Family(header.family, true, this.#context);
    }
    const taken = header.kind === "help"
      ? this.#family?.setHelp(header.help)
      : this.#family?.setType(header.type);
    if (taken === false) this.#context.dropped.add("bad_header");
  }
}
