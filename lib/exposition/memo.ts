/**
 * Remembers what families look like with their numbers blanked. A server's
 * exposition keeps its lines from scrape to scrape, so what was found out about a
 * line holds for the same line with another number.
 */

import { lineEnd } from "./bytes.ts";

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const EXPONENT = 0x65;
const ZERO = 0x30;
/** Where the name begins behind `# HELP ` and `# TYPE `. */
const NAME_START = 7;
/** `# HE`, `# TY`, `LP ` and `PE `, read as little-endian numbers. */
const HELP_START = 0x45482023;
const TYPE_START = 0x59542023;
const HELP_REST = 0x504c;
const TYPE_REST = 0x4550;

/** Bytes of all families that are remembered: about 200 servers of 63 KB. */
const MAX_BYTES = 16 * 1_048_576;
/**
 * Bytes of one family that is remembered: its output is held back until all of it has arrived. A
 * histogram of 64 engines takes 199 KB, `lora_requests_info` of 4,000 sets of adapters 1 MB.
 */
const MAX_FAMILY_BYTES = 1_048_576;
/** Families with the same first line, such as those of servers with other models. */
const MAX_VARIANTS = 64;

/** The bytes are another family's, or this one has changed. */
export const NO_MATCH: number = -1;
/** The bytes end before that can be decided. */
export const NEED_MORE: number = -2;

/** Finds the end of a number at an offset; -1 where there is none of the form that is accepted. */
export type NumberScan = (bytes: Uint8Array, start: number) => number;

/** A family as text. The line at `starts[i]` is constant up to `lengths[i]`, where its number begins. */
export interface FamilyLines {
  /** The bytes of all lines. */
  readonly bytes: Uint8Array;
  /** Where each line begins. */
  readonly starts: readonly number[];
  /** Length of each line up to its number; the whole length, line feed included, without one. */
  readonly lengths: readonly number[];
  /** How the numbers are written. */
  readonly scan: NumberScan;
}

/** A family that is remembered. */
export class Entry<T> {
  /** Hash of the first line. */
  readonly key: number;
  /** Length of the name as it stands in the text. */
  readonly nameLength: number;
  /** The bytes of all lines. */
  readonly bytes: DataView;
  /** Where each line begins. */
  readonly starts: Int32Array;
  /** How much of each line is constant. */
  readonly lengths: Int32Array;
  /** How the numbers are written. */
  readonly scan: NumberScan;
  /** What was made of the family. */
  readonly content: T;
  /** The family that followed last time. */
  next: Entry<T> | undefined;
  /** Whether it was met lately. */
  isYoung = false;

  /**
   * Remembers a family.
   *
   * @param lines The family; its bytes are copied.
   * @param content What was made of it.
   */
  constructor(lines: FamilyLines, content: T) {
    const { bytes } = lines;
    this.key = hashOf(bytes, 0, lineEnd(bytes, 0));
    this.nameLength = nameEnd(bytes, NAME_START) - NAME_START;
    this.content = content;
    this.bytes = viewOf(lines.bytes.slice());
    this.starts = Int32Array.from(lines.starts);
    this.lengths = Int32Array.from(lines.lengths);
    this.scan = lines.scan;
  }
}

/** Bounds of a {@linkcode Memo}. */
export interface MemoOptions {
  /** Bytes of all families. @default {16777216} */
  readonly maxBytes?: number;
  /** Bytes of one family. @default {1048576} */
  readonly maxFamilyBytes?: number;
}

/** The families of any number of servers, with what was made of each. */
export class Memo<T> {
  /** Bytes of the largest family that is remembered. */
  readonly maxFamilyBytes: number;
  readonly #maxBytes: number;
  /** What was met lately, and what was met before that; by the hash of the first line. */
  #young = new Map<number, Entry<T>[]>();
  #old = new Map<number, Entry<T>[]>();
  #youngBytes = 0;

  /**
   * Begins empty.
   *
   * @param options Its bounds.
   */
  constructor({ maxBytes = MAX_BYTES, maxFamilyBytes = MAX_FAMILY_BYTES }: MemoOptions = {}) {
    this.#maxBytes = maxBytes;
    this.maxFamilyBytes = maxFamilyBytes;
  }

  /** Starts to read one text beside what is remembered. */
  cursor(): MemoCursor<T> {
    return new MemoCursor(this);
  }

  /** Families that begin with a line of this hash. */
  variants(key: number): Entry<T>[] {
    return [...this.#young.get(key) ?? [], ...this.#old.get(key) ?? []];
  }

  /** Keeps a family for longer. */
  touch(entry: Entry<T>): void {
    if (entry.isYoung) return;
    const size = entry.bytes.byteLength + 8 * entry.starts.length;
    // One half is what was met lately: what is not met while it fills is forgotten.
    if (this.#youngBytes + size > this.#maxBytes / 2) {
      for (const entries of this.#old.values()) for (const each of entries) each.next = undefined;
      for (const entries of this.#young.values()) for (const each of entries) each.isYoung = false;
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    const before = this.#old.get(entry.key);
    before?.splice(before.indexOf(entry) >>> 0, 1);
    const entries = this.#young.get(entry.key) ?? [];
    if (entries.length >= MAX_VARIANTS) {
      const [oldest] = entries.splice(0, 1);
      if (oldest !== undefined) {
        oldest.isYoung = false;
        this.#youngBytes -= oldest.bytes.byteLength + 8 * oldest.starts.length;
      }
    }
    entries.push(entry);
    this.#young.set(entry.key, entries);
    entry.isYoung = true;
    this.#youngBytes += size;
  }
}

/** One text beside what is remembered. Use {@linkcode Memo.cursor}. */
export class MemoCursor<T> {
  /**
   * Where the numbers of the family that matched last begin and end, from the start of the family:
   * two entries for each line, 0 for a line without one.
   */
  numbers: Int32Array = new Int32Array(256);

  readonly #memo: Memo<T>;
  #last: Entry<T> | undefined;
  /** The family that the text is being compared with, and how far. */
  #candidate: Entry<T> | undefined;
  #others: Entry<T>[] | undefined;
  #line = 0;
  #at = 0;

  /**
   * Starts at the top of a text.
   *
   * @param memo What is remembered.
   */
  constructor(memo: Memo<T>) {
    this.#memo = memo;
  }

  /** What was made of the family that matched last. */
  get content(): T | undefined {
    return this.#last?.content;
  }

  /**
   * Looks for a family.
   *
   * @param bytes The text; when the last call needed more, the same bytes and more of them.
   * @param start Where the family begins, with a whole first line.
   * @param isFinal Whether the text ends where the bytes end.
   * @param isAllowed Whether the content of a family may be used here.
   * @returns Where the family ends, {@linkcode NO_MATCH} or {@linkcode NEED_MORE}.
   */
  match(
    bytes: Uint8Array,
    start: number,
    isFinal: boolean,
    isAllowed: (content: T) => boolean,
  ): number {
    const view = viewOf(bytes);
    this.#candidate ??= this.#last?.next ?? this.#nextCandidate(bytes, start);
    while (this.#candidate !== undefined) {
      const end = isAllowed(this.#candidate.content)
        ? this.#compare(this.#candidate, bytes, view, start, isFinal)
        : NO_MATCH;
      if (end === NEED_MORE) return end;
      if (end >= 0) {
        this.#follow(this.#candidate);
        return end;
      }
      this.#line = 0;
      this.#at = 0;
      this.#candidate = this.#nextCandidate(bytes, start);
    }
    this.#reset();
    return NO_MATCH;
  }

  /** Remembers a family that was read line by line. */
  learn(lines: FamilyLines, content: T): void {
    if (lines.bytes.length > this.#memo.maxFamilyBytes) return;
    this.#follow(new Entry(lines, content));
  }

  /** Notes that a family was read that is not remembered. */
  skip(): void {
    this.#reset();
    this.#last = undefined;
  }

  #follow(entry: Entry<T>): void {
    if (this.#last !== undefined) this.#last.next = entry;
    this.#last = entry;
    this.#memo.touch(entry);
    this.#reset();
  }

  #reset(): void {
    this.#candidate = undefined;
    this.#others = undefined;
    this.#line = 0;
    this.#at = 0;
  }

  #nextCandidate(bytes: Uint8Array, start: number): Entry<T> | undefined {
    this.#others ??= this.#memo.variants(hashOf(bytes, start, lineEnd(bytes, start)));
    return this.#others.pop();
  }

  /** Compares line by line, from where the last comparison stopped. */
  #compare(
    entry: Entry<T>,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    isFinal: boolean,
  ): number {
    const { starts, lengths, scan } = entry;
    if (this.numbers.length < 2 * starts.length) {
      const grown = new Int32Array(2 * starts.length);
      grown.set(this.numbers);
      this.numbers = grown;
    }
    const { numbers } = this;
    const short = isFinal ? NO_MATCH : NEED_MORE;
    for (; this.#line < starts.length; this.#line++) {
      const length = lengths[this.#line] ?? 0;
      const lineStart = starts[this.#line] ?? 0;
      const at = start + this.#at;
      if (at + length > bytes.length) return short;
      if (!sameBytes(entry.bytes, lineStart, view, at, length)) return NO_MATCH;
      const from = at + length;
      if (entry.bytes.getUint8(lineStart + length - 1) === LINE_FEED) {
        numbers[2 * this.#line] = 0;
        this.#at += length;
        continue;
      }
      const end = scan(bytes, from);
      if (end < 0 || bytes[end] !== LINE_FEED) {
        return lineEnd(bytes, from) === bytes.length ? short : NO_MATCH;
      }
      numbers[2 * this.#line] = from - start;
      numbers[2 * this.#line + 1] = end - start;
      this.#at = end + 1 - start;
    }
    const at = start + this.#at;
    if (isFinal && at === bytes.length) return at;
    if (at + NAME_START > bytes.length) return short;
    const follows = isHeaderAt(view, at) ? otherNameAt(entry, bytes, at + NAME_START) : NO_MATCH;
    if (follows < 0) return follows === NEED_MORE ? short : NO_MATCH;
    return at;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash;
}

/**
 * Compares eight bytes at a time, as doubles: equal doubles have equal bytes but
 * for zero, which has a sign, and text holds no NUL bytes, which zero is made of.
 */
function sameBytes(
  a: DataView,
  aStart: number,
  b: DataView,
  bStart: number,
  length: number,
): boolean {
  const last = length - 8;
  for (let at = 0; at < last; at += 8) {
    if (a.getFloat64(aStart + at, true) !== b.getFloat64(bStart + at, true)) return false;
  }
  // The last eight overlap what was compared already.
  if (last >= 0) return a.getFloat64(aStart + last, true) === b.getFloat64(bStart + last, true);
  for (let at = 0; at < length; at++) {
    if (a.getUint8(aStart + at) !== b.getUint8(bStart + at)) return false;
  }
  return true;
}

function nameEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while ((bytes[at] ?? 0) > SPACE) at++;
  return at;
}

function isHeaderAt(view: DataView, at: number): boolean {
  if (at + NAME_START > view.byteLength || view.getUint8(at + NAME_START - 1) !== SPACE) {
    return false;
  }
  const start = view.getInt32(at, true);
  const rest = view.getInt16(at + 4, true);
  return (start === HELP_START && rest === HELP_REST) ||
    (start === TYPE_START && rest === TYPE_REST);
}

/**
 * Tells whether a family begins here that can be looked for: with `# HELP name` or `# TYPE name`,
 * where the name is not another one.
 *
 * @param bytes The text.
 * @param at Where its line begins; the line is whole.
 * @param current The name of the family before, if it may go on.
 */
export function beginsFamily(bytes: Uint8Array, at: number, current: string | undefined): boolean {
  if (bytes[at] !== HASH || !isHeaderAt(viewOf(bytes), at)) return false;
  const start = at + NAME_START;
  const end = nameEnd(bytes, start);
  if (end === start || bytes[start] === QUOTE) return false;
  if (current?.length !== end - start) return true;
  for (let index = 0; index < current.length; index++) {
    if (bytes[start + index] !== current.charCodeAt(index)) return true;
  }
  return false;
}

/** Tells whether a bare name stands here that is not the family's: 0, `NO_MATCH` or `NEED_MORE`. */
function otherNameAt(
  { bytes: own, nameLength }: Entry<unknown>,
  bytes: Uint8Array,
  start: number,
): number {
  const first = bytes[start];
  if (first === undefined) return NEED_MORE;
  if (first <= SPACE || first === QUOTE) return NO_MATCH;
  for (let at = 0; at < nameLength; at++) {
    const byte = bytes[start + at];
    if (byte === undefined) return NEED_MORE;
    if (byte !== own.getUint8(NAME_START + at)) return 0;
  }
  const after = bytes[start + nameLength];
  if (after === undefined) return NEED_MORE;
  return after <= SPACE ? NO_MATCH : 0;
}

function isDigit(byte = 0): boolean {
  return byte >= ZERO && byte <= 0x39;
}

/**
 * Finds the end of a number that every reader takes as it stands: digits with at
 * most one point, perhaps a minus before and a two-digit exponent behind.
 */
function plainNumberEnd(bytes: Uint8Array, start: number, isSigned: boolean): number {
  let at = start;
  if (bytes[at] === MINUS && isSigned) at++;
  if (!isDigit(bytes[at])) return -1;
  while (isDigit(bytes[at])) at++;
  if (bytes[at] === POINT) {
    at++;
    while (isDigit(bytes[at])) at++;
  }
  if (at - start > 40) return -1;
  if (bytes[at] !== EXPONENT) return at;
  const sign = bytes[at + 1];
  if ((sign !== PLUS && sign !== MINUS) || !isDigit(bytes[at + 2]) || !isDigit(bytes[at + 3])) {
    return -1;
  }
  // A zero more, as Python's prometheus_client writes it: 1.2e+010.
  return isDigit(bytes[at + 4]) && bytes[at + 2] === ZERO ? at + 5 : at + 4;
}

/** Any plain number. */
export function scanSigned(bytes: Uint8Array, start: number): number {
  return plainNumberEnd(bytes, start, true);
}

/** A plain number that is not negative. */
export function scanUnsigned(bytes: Uint8Array, start: number): number {
  return plainNumberEnd(bytes, start, false);
}

/** A plain number that is surely below 2^64, in which Fluent Bit counts. */
export function scanCount(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isDigit(bytes[at])) at++;
  const digits = at - start;
  if (digits === 0 || digits > 19) return -1;
  if (bytes[at] === LINE_FEED) return at;
  const end = plainNumberEnd(bytes, start, false);
  while (at < end && bytes[at] !== PLUS) at++;
  if (at >= end) return end;
  // 9.9e+17 is what Python makes of 18 digits.
  const isSmall = bytes[at + 1] === ZERO || (bytes[at + 1] === ZERO + 1 && bytes[at + 2] !== 0x39);
  return digits === 1 && at + 3 === end && isSmall ? end : -1;
}

/** Whatever stands between the space and the end of the line. */
export function scanWord(bytes: Uint8Array, start: number): number {
  let at = start;
  while ((bytes[at] ?? 0) > SPACE) at++;
  return at === start ? -1 : at;
}
