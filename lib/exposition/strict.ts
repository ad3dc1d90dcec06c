/** The line by line way: every line is read, mended or left out. */

import { ByteBuffer } from "./byte_buffer.ts";
import type { DroppedLines } from "./dropped.ts";
import { Family, type FamilyContext } from "./family.ts";
import { type Format, parseHeader } from "./header.ts";
import { isOpenSample, parseSample } from "./sample.ts";
import { isPlainSample } from "./plain.ts";

const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const UNDERSCORE = 0x5f;

/** Lines that a sample with an unescaped line feed may spread over. */
const MAX_OPEN_LINES = 16;

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
  /** Bytes of the family's sample name when its lines can pass as bytes. */
  #plainName: Uint8Array | undefined;
  #open: string | undefined;
  #openLines = 0;

  /**
   * @param format The format that is read.
   * @param dropped Counts the lines left out.
   * @param seen Names of the families that were written already.
   * @param maxLineBytes Bound on a line that is put together from several.
   */
  constructor(format: Format, dropped: DroppedLines, seen: Set<string>, maxLineBytes: number) {
    this.#context = { format, dropped, seen, out: this.out };
    this.#maxLineBytes = maxLineBytes;
  }

  /** Whether a line was met that is one of an exposition. */
  recognized = false;

  /** The family whose lines are being read. */
  get family(): Family | undefined {
    return this.#family;
  }

  /**
   * Tells whether a HELP or TYPE line is one more of the family being read.
   *
   * @param bytes The text.
   * @param at Where the line begins; its name begins seven bytes on.
   */
  isOwnHeader(bytes: Uint8Array, at: number): boolean {
    const name = this.#family?.rawName;
    if (name === undefined) return false;
    for (let index = 0; index < name.length; index++) {
      if (bytes[at + 7 + index] !== name.charCodeAt(index)) return false;
    }
    const after = bytes[at + 7 + name.length];
    return after === undefined || after <= SPACE;
  }

  /**
   * Reads one line.
   *
   * @param line The bytes without the line feed; they are not changed nor kept.
   */
  line(line: Uint8Array): void {
    if (this.#plainName !== undefined && this.#open === undefined) {
      if (isPlainSample(line, this.#plainName)) return this.#copy(line, this.#plainName.length);
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
    this.#plainName = undefined;
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
    this.#family?.add(sample, suffix);
    if (this.#family?.isPlain && suffix === "") this.#plainName = ENCODER.encode(sample.name);
    return undefined;
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
    if (header === "bad_header") return this.#context.dropped.add("bad_header");
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
