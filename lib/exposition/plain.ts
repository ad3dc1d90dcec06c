/** Checks on bytes alone: no string, no allocation. */

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function isDigit(byte = 0): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/**
 * Finds the end of a number that every reader takes as it stands: digits with
 * at most one point, perhaps a minus before and a two-digit exponent behind.
 *
 * @param bytes The text.
 * @param start Where the number begins.
 * @param signed Whether it may be below zero.
 * @returns The index after its last byte, or -1 when it is anything else.
 */
export function plainNumberEnd(bytes: Uint8Array, start: number, signed: boolean): number {
  let at = start;
  if (bytes[at] === 0x2d && signed) at++;
  if (!isDigit(bytes[at])) return -1;
  while (isDigit(bytes[at])) at++;
  if (bytes[at] === 0x2e) {
    at++;
    while (isDigit(bytes[at])) at++;
  }
  if (at - start > 40) return -1;
  if (bytes[at] !== 0x65) return at;
  const sign = bytes[at + 1];
  if ((sign !== 0x2b && sign !== 0x2d) || !isDigit(bytes[at + 2]) || !isDigit(bytes[at + 3])) {
    return -1;
  }
  // A zero more, as Python's prometheus_client writes it: 1.2e+010.
  return isDigit(bytes[at + 4]) && bytes[at + 2] === 0x30 ? at + 5 : at + 4;
}

/** What a sample line shares with one that was read as text and could pass as it is. */
export interface PlainForm {
  /** The metric name as it stands in the text. */
  readonly name: Uint8Array;
  /** The label names in their order, each with a `=` behind. */
  readonly labels: Uint8Array;
}

/** Finds the end of a label value, at its closing quote; -1 when it needs more than a look. */
function valueEnd(line: Uint8Array, start: number): number {
  for (let at = start; at < line.length; at++) {
    const byte = line[at] ?? 0;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) {
      const next = line[++at];
      if (next !== BACKSLASH && next !== QUOTE && next !== 0x6e) return -1;
    } else if (byte < SPACE ? byte !== 0x09 : byte >= 0x80) return -1;
  }
  return -1;
}

/** Finds the end of a label block that begins behind `{`, after its `}`. */
function labelsEnd(line: Uint8Array, start: number, labels: Uint8Array): number {
  let at = start;
  for (let label = 0; label < labels.length;) {
    while (labels[label] !== EQUALS) if (line[at++] !== labels[label++]) return -1;
    if (line[at] !== EQUALS || line[at + 1] !== QUOTE) return -1;
    label++;
    at = valueEnd(line, at + 2);
    if (at < 0) return -1;
    at++;
    if (line[at] === CLOSE_BRACE) return label === labels.length ? at + 1 : -1;
    if (line[at] !== COMMA) return -1;
    at++;
  }
  return -1;
}

/**
 * Tells whether a line is a sample of the given form that every reader takes
 * as it stands: name, labels, one space, a plain number. What is not may still
 * be right; it is then read as text.
 *
 * @param line The bytes without the line feed.
 * @param form The form of a sample of the same family.
 */
export function isPlainSample(line: Uint8Array, { name, labels }: PlainForm): boolean {
  let at = 0;
  while (at < name.length && line[at] === name[at]) at++;
  if (at < name.length) return false;
  if (line[at] === OPEN_BRACE) at = labelsEnd(line, at + 1, labels);
  if (at < 0 || line[at] !== SPACE) return false;
  return plainNumberEnd(line, at + 1, true) === line.length;
}

/**
 * Finds the next line feed.
 *
 * @param bytes The text.
 * @param start Where to begin.
 * @returns Its index, or the length of the text when there is none.
 */
export function lineEnd(bytes: Uint8Array, start: number): number {
  const at = bytes.indexOf(LINE_FEED, start);
  return at < 0 ? bytes.length : at;
}
