/** An exposition on its way through, chunk by chunk: bytes in, text 0.0.4 out. */

import { ByteBuffer } from "./byte_buffer.ts";
import { DroppedLines } from "./dropped.ts";
import type { Family } from "./family.ts";
import { followsGroup } from "./family_context.ts";
import type { Format } from "./header.ts";
import { lineEnd } from "./plain.ts";
import { isHeaderAt, NAME_START, nameEnd, NEED_MORE, NO_MATCH, viewOf } from "./shape.ts";
import type { ShapeMemory, ShapeWalk } from "./shape_memory.ts";
import { StrictSanitizer } from "./strict.ts";

/** Longest line that is read, in bytes; vLLM's longest is about 1 KB. */
export const MAX_LINE_BYTES = 65_536;

const EMPTY = new Uint8Array(0);

type Bytes = Uint8Array<ArrayBuffer>;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const QUOTE = 0x22;

/** What a {@linkcode Sanitizer} is told. */
export interface SanitizerOptions {
  /** The format of the text. */
  readonly format: Format;
  /** What is remembered of the server the text comes from; nothing is remembered without. */
  readonly memory?: ShapeMemory;
  /** Longest line that is read, in bytes. @default {65536} */
  readonly maxLineBytes?: number;
}

/**
 * Turns one exposition into text 0.0.4 that every reader takes. Push its chunks
 * in their order, the last one with `final`.
 */
export class Sanitizer {
  /** The lines left out so far. */
  readonly dropped: DroppedLines = new DroppedLines();

  readonly #walk: ShapeWalk | undefined;
  readonly #strict: StrictSanitizer;
  readonly #maxLineBytes: number;
  readonly #maxFamilyBytes: number;
  readonly #pieces: Bytes[] = [];
  /** Families that matched one behind the other: they are handed out as one piece. */
  #run: { readonly bytes: Bytes; readonly start: number; end: number } | undefined;
  /** The family being read line by line, as it came: what its shape is learned from. */
  readonly #family = new ByteBuffer();
  #learning = false;
  #learned: Family | undefined;
  #carry: Bytes = EMPTY;
  #skipping = false;
  #started = false;
  #matchedSamples = 0;
  #matchedAny = false;
  #finished = false;

  /** Whether a remembered family cannot pass as it stands, because of those before it. */
  readonly #isBarred = (name: string): boolean => {
    const { names, previous } = this.#strict.context;
    return names.has(name) || followsGroup(name, previous.name);
  };

  /**
   * Begins at the top of a text.
   *
   * @param options Format, memory and bound.
   */
  constructor(options: SanitizerOptions) {
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES;
    this.#maxFamilyBytes = options.memory?.maxFamilyBytes ?? 0;
    // The shapes are of text; OpenMetrics does not keep its bytes.
    this.#walk = options.format === "text" ? options.memory?.walk() : undefined;
    this.#strict = new StrictSanitizer(
      options.format,
      this.dropped,
      this.#maxLineBytes,
    );
  }

  /** Samples written so far. */
  get samples(): number {
    return this.#matchedSamples + this.#strict.samples + (this.#strict.family?.samples ?? 0);
  }

  /** Families written so far, and names of samples that are families of their own for readers. */
  get families(): number {
    return this.#strict.context.names.size;
  }

  /** Whether the last bytes were pushed. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Whether a line was met that is one of an exposition. */
  get recognized(): boolean {
    return this.#matchedAny || this.#strict.recognized;
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk The bytes; they may be edited in place and be part of the answer.
   * @param final Whether these are the last ones.
   * @returns What can be handed out, perhaps nothing.
   */
  push(chunk: Uint8Array<ArrayBuffer>, final: boolean): Uint8Array<ArrayBuffer> {
    const bytes = this.#withCarry(chunk);
    let at = this.#skipByteOrderMark(bytes, final);
    if (at >= 0) {
      const view = viewOf(bytes);
      while (at < bytes.length) {
        const next = this.#atFamily(bytes, view, at, final)
          ? this.#match(bytes, view, at, final)
          : NO_MATCH;
        if (next === NEED_MORE) break;
        const end = next === NO_MATCH ? this.#line(bytes, at, final) : next;
        if (end < 0) break;
        at = end;
      }
      this.#carry = at < bytes.length ? bytes.slice(at) : EMPTY;
    }
    if (final) this.#finish();
    else if (!this.#learning) this.#takeStrict();
    return this.#takePieces();
  }

  #withCarry(chunk: Bytes): Bytes {
    if (this.#carry.length === 0) return chunk;
    const bytes = new Uint8Array(this.#carry.length + chunk.length);
    bytes.set(this.#carry);
    bytes.set(chunk, this.#carry.length);
    return bytes;
  }

  /** Where the text begins; -1 when there are too few bytes to tell. */
  #skipByteOrderMark(bytes: Uint8Array, final: boolean): number {
    if (this.#started) return 0;
    const marked = BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte);
    const open = bytes.length < 3 && BYTE_ORDER_MARK.slice(0, bytes.length)
      .every((byte, index) => bytes[index] === byte);
    if (open && !final) {
      this.#carry = bytes.slice();
      return -1;
    }
    this.#started = true;
    return marked ? 3 : 0;
  }

  /** Whether a family begins here that can be looked for: not the one being read, as far as can be told. */
  #atFamily(bytes: Uint8Array, view: DataView, at: number, final: boolean): boolean {
    if (this.#walk === undefined || this.#skipping || !isHeaderAt(view, at)) return false;
    if (this.#strict.isIdle) return true;
    const start = at + NAME_START;
    const end = nameEnd(bytes, start);
    if (end === start || bytes[start] === QUOTE || (end === bytes.length && !final)) return false;
    return !this.#strict.isOwnName(bytes, start, end);
  }

  #match(bytes: Bytes, view: DataView, at: number, final: boolean): number {
    this.#finishFamily();
    const end = this.#walk?.match(bytes, view, at, final, this.#isBarred) ?? NO_MATCH;
    // The first line of a remembered family is a header of an exposition, however long the family is.
    if (end === NEED_MORE && lineEnd(bytes, at) < bytes.length) this.#matchedAny = true;
    if (end >= 0) {
      this.#matchedAny = true;
      const { name = "", samples = 0, signed = true } = this.#walk?.matched ?? {};
      const { names, previous } = this.#strict.context;
      names.set(name, samples > 0 ? "declared" : "header");
      previous.name = signed ? undefined : name;
      this.#matchedSamples += samples;
      if (this.#run?.bytes === bytes && this.#run.end === at) this.#run.end = end;
      else {
        this.#endRun();
        this.#run = { bytes, start: at, end };
      }
    } else if (end === NO_MATCH) {
      this.#learning = true;
    }
    return end;
  }

  /** Reads one line the strict way; gives where the next begins, -1 when the line is not whole. */
  #line(bytes: Uint8Array, at: number, final: boolean): number {
    const end = lineEnd(bytes, at);
    const whole = end < bytes.length || final;
    const tooLong = end - at > this.#maxLineBytes;
    if (!whole && !tooLong && !this.#skipping) return -1;
    const next = Math.min(end + 1, bytes.length);
    if (this.#skipping || tooLong) {
      if (!this.#skipping) this.dropped.add("line_too_long");
      this.#skipping = !whole;
      this.#stopLearning();
      return next;
    }
    this.#strict.line(bytes.subarray(at, end));
    this.#keep(bytes.subarray(at, next));
    return next;
  }

  /** Keeps the line to learn the family's shape from, if it is not too large for that. */
  #keep(line: Uint8Array): void {
    if (!this.#learning) return;
    this.#learned ??= this.#strict.family;
    this.#family.append(line);
    const isOther = this.#strict.family !== this.#learned;
    if (isOther || this.#family.length > this.#maxFamilyBytes) this.#stopLearning();
  }

  #stopLearning(): void {
    this.#learning = false;
    this.#learned = undefined;
    this.#family.clear();
  }

  #finishFamily(): void {
    const family = this.#strict.family;
    this.#strict.finishFamily();
    if (this.#learning && family?.name !== undefined) {
      this.#walk?.learn({
        name: family.name,
        signed: family.isSigned,
        before: this.#family.view(),
        after: this.#strict.out.view(),
      });
    }
    this.#stopLearning();
    this.#takeStrict();
  }

  #finish(): void {
    this.#finished = true;
    this.#finishFamily();
    this.#walk?.finish();
  }

  #takeStrict(): void {
    if (this.#strict.out.length === 0) return;
    this.#endRun();
    this.#pieces.push(this.#strict.out.take());
  }

  #endRun(): void {
    if (this.#run !== undefined) {
      this.#pieces.push(this.#run.bytes.subarray(this.#run.start, this.#run.end));
    }
    this.#run = undefined;
  }

  /** One array of all that is ready; a single piece is handed out as it is. */
  #takePieces(): Bytes {
    this.#endRun();
    const pieces = this.#pieces.splice(0);
    const [first = EMPTY] = pieces;
    if (pieces.length < 2) return first;
    const joined = new ByteBuffer();
    for (const piece of pieces) joined.append(piece);
    return joined.take();
  }
}
