/** A family as it looked at an earlier scrape: its lines, each but for its number. */

import { lineEnd, plainNumberEnd } from "./plain.ts";

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const COLON = 0x3a;
const UNDERSCORE = 0x5f;
const CLOSE_BRACE = 0x7d;
/** Where the name begins in a HELP or TYPE line of the form that is remembered. */
export const NAME_START = 7;
/** `# HE`, `# TY`, `LP ` and `PE `, read as little-endian numbers. */
const HELP_START = 0x45482023;
const TYPE_START = 0x59542023;
const HELP_REST = 0x504c;
const TYPE_REST = 0x4550;

/** The bytes are another family's, or this one has changed. */
export const NO_MATCH: number = -1;
/** The bytes end before that can be told. */
export const NEED_MORE: number = -2;

/** What is remembered of one family. Its arrays have one entry a line. */
export interface Shape {
  /** The family's name as it is handed out. */
  readonly name: string;
  /** Whether its numbers may be below zero. */
  readonly signed: boolean;
  /** Length of its name as it came. */
  readonly nameLength: number;
  /** Its sample lines. */
  readonly samples: number;
  /** Its bytes as they came. */
  readonly bytes: DataView;
  /** Where each line begins in `bytes`. */
  readonly starts: Int32Array;
  /** Length of each line up to its number; of a header line all of it, line feed included. */
  readonly lengths: Int32Array;
  /** Where the one colon to edit is, from the start of its line; -1 for none. */
  readonly colons: Int32Array;
  /** Where the line was found in the text at hand: scratch of {@linkcode matchShape}. */
  readonly found: Int32Array;
}

/** A family that was read line by line, to be remembered. */
export interface FamilyBytes {
  /** The name as it is handed out. */
  readonly name: string;
  /** Whether its numbers may be below zero. */
  readonly signed: boolean;
  /** Its bytes as they came. */
  readonly before: Uint8Array;
  /** Its bytes as they are handed out. */
  readonly after: Uint8Array;
}

/** Views bytes as words. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Compares eight bytes at a time, as doubles: equal doubles have equal bytes but
 * for zero, which has a sign, and no shape holds the NUL bytes that zero is made of.
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

/** The length of a sample line up to its number; -1 when the line has a timestamp or no number. */
function prefixLength(bytes: Uint8Array, start: number, end: number): number {
  let at = end - 1;
  while (at > start && bytes[at] !== SPACE) at--;
  if (at === start) return -1;
  const spaceBefore = bytes.subarray(start, at).includes(SPACE);
  return spaceBefore && bytes[at - 1] !== CLOSE_BRACE ? -1 : at + 1 - start;
}

/** The one colon that was edited between two offsets; -1 for none, -2 when more differs. */
function editedColon({ before, after }: FamilyBytes, start: number, end: number): number {
  let colon = -1;
  for (let at = start; at < end; at++) {
    if (before[at] === after[at]) continue;
    if (before[at] !== COLON || after[at] !== UNDERSCORE || colon !== -1) return -2;
    colon = at - start;
  }
  return colon;
}

/**
 * Describes a family that came out as it went in but for one colon a line, and
 * whose samples have no timestamps.
 *
 * @param family The family before and after.
 * @returns Its shape, or undefined when it is of another kind.
 */
export function describeShape(family: FamilyBytes): Shape | undefined {
  const { before, after } = family;
  if (before.length !== after.length || before[before.length - 1] !== LINE_FEED) return undefined;
  const starts: number[] = [];
  const lengths: number[] = [];
  const colons: number[] = [];
  let samples = 0;
  for (let start = 0; start < before.length;) {
    const end = lineEnd(before, start);
    const isHeader = before[start] === HASH;
    const length = isHeader ? end + 1 - start : prefixLength(before, start, end);
    const colon = editedColon(family, start, end);
    if (length < 0 || colon === -2) return undefined;
    if (!isHeader) samples++;
    starts.push(start);
    lengths.push(length);
    colons.push(colon);
    start = end + 1;
  }
  return {
    name: family.name,
    signed: family.signed,
    nameLength: nameEnd(before, NAME_START) - NAME_START,
    samples,
    bytes: viewOf(before.slice()),
    starts: Int32Array.from(starts),
    lengths: Int32Array.from(lengths),
    colons: Int32Array.from(colons),
    found: new Int32Array(starts.length),
  };
}

/** Finds the end of a name: the next byte that is blank or a control character. */
export function nameEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while ((bytes[at] ?? 0) > SPACE) at++;
  return at;
}

/** Tells whether a HELP or TYPE line begins here, in the one form that is remembered. */
export function isHeaderAt(view: DataView, at: number): boolean {
  if (at + 7 > view.byteLength || view.getUint8(at + 6) !== SPACE) return false;
  const start = view.getInt32(at, true);
  const rest = view.getInt16(at + 4, true);
  return (start === HELP_START && rest === HELP_REST) ||
    (start === TYPE_START && rest === TYPE_REST);
}

/**
 * Tells whether a family may begin here: its first line stands here, as far as the bytes go.
 *
 * @param shape The family.
 * @param view The text.
 * @param at Where to look.
 */
export function beginsHere(shape: Shape, view: DataView, at: number): boolean {
  const length = Math.min(shape.lengths[0] ?? 0, view.byteLength - at);
  return sameBytes(shape.bytes, 0, view, at, length);
}

/** Tells whether a bare name stands here that is not the shape's: 0, `NO_MATCH` or `NEED_MORE`. */
function otherNameAt(shape: Shape, bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first === undefined) return NEED_MORE;
  if (first <= SPACE || first === QUOTE) return NO_MATCH;
  for (let at = 0; at < shape.nameLength; at++) {
    const byte = bytes[start + at];
    if (byte === undefined) return NEED_MORE;
    if (byte !== shape.bytes.getUint8(NAME_START + at)) return 0;
  }
  const after = bytes[start + shape.nameLength];
  if (after === undefined) return NEED_MORE;
  return after <= SPACE ? NO_MATCH : 0;
}

/**
 * Compares a family with the text, line by line, and edits its colons in place
 * when all of it stands there with plain numbers and another family follows.
 *
 * @param shape The family.
 * @param bytes The text; changed only when the family matches.
 * @param view The same bytes.
 * @param start Where the family begins.
 * @param final Whether the text ends where the bytes end.
 * @returns Where the family ends, {@linkcode NO_MATCH} or {@linkcode NEED_MORE}.
 */
export function matchShape(
  shape: Shape,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  final: boolean,
): number {
  const { starts, lengths, found } = shape;
  const short = final ? NO_MATCH : NEED_MORE;
  let at = start;
  for (let line = 0; line < starts.length; line++) {
    const length = lengths[line] ?? 0;
    const lineStart = starts[line] ?? 0;
    if (at + length > bytes.length) return short;
    if (!sameBytes(shape.bytes, lineStart, view, at, length)) return NO_MATCH;
    found[line] = at;
    at += length;
    if (shape.bytes.getUint8(lineStart) === HASH) continue;
    const end = plainNumberEnd(bytes, at, shape.signed);
    if (end < 0 || bytes[end] !== LINE_FEED) {
      return lineEnd(bytes, at) === bytes.length ? short : NO_MATCH;
    }
    at = end + 1;
  }
  if (!(final && at === bytes.length)) {
    if (at + NAME_START > bytes.length) return short;
    const follows = isHeaderAt(view, at) ? otherNameAt(shape, bytes, at + NAME_START) : NO_MATCH;
    if (follows < 0) return follows === NEED_MORE ? short : NO_MATCH;
  }
  for (let line = 0; line < starts.length; line++) {
    const colon = shape.colons[line] ?? -1;
    if (colon >= 0) bytes[(found[line] ?? 0) + colon] = UNDERSCORE;
  }
  return at;
}
