/** Checks on bytes alone: no string, no allocation. */

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Labels of a line that is checked on bytes; lines with more are read as text. */
const MAX_PLAIN_LABELS = 16;

function isDigit(byte = 0): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** A letter or an underscore. */
function isNameStart(byte = 0): boolean {
  const lower = byte | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || byte === 0x5f;
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

/** Where each label name of the line begins and ends: scratch of `labelsEnd`. */
const NAMES = new Int32Array(2 * MAX_PLAIN_LABELS);

function repeatsName(line: Uint8Array, count: number): boolean {
  const start = NAMES[2 * count] ?? 0;
  const length = (NAMES[2 * count + 1] ?? 0) - start;
  for (let other = 0; other < count; other++) {
    const otherStart = NAMES[2 * other] ?? 0;
    if ((NAMES[2 * other + 1] ?? 0) - otherStart !== length) continue;
    let at = 0;
    while (at < length && line[start + at] === line[otherStart + at]) at++;
    if (at === length) return true;
  }
  return false;
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
function labelsEnd(line: Uint8Array, start: number): number {
  let at = start;
  for (let count = 0; count < MAX_PLAIN_LABELS; count++) {
    const nameStart = at;
    if (!isNameStart(line[at])) return -1;
    while (isNameStart(line[at]) || isDigit(line[at])) at++;
    // Three letters may spell `inf` or `nan`, which Fluent Bit reads as a number.
    if (line[at] !== EQUALS || line[at + 1] !== QUOTE || at - nameStart === 3) return -1;
    NAMES[2 * count] = nameStart;
    NAMES[2 * count + 1] = at;
    if (repeatsName(line, count)) return -1;
    at = valueEnd(line, at + 2);
    if (at < 0) return -1;
    at++;
    if (line[at] === CLOSE_BRACE) return at + 1;
    if (line[at] !== COMMA) return -1;
    at++;
  }
  return -1;
}

/**
 * Tells whether a line is a sample of the given name that every reader takes
 * as it stands: name, labels, one space, a plain number. What is not may still
 * be right; it is then read as text.
 *
 * @param line The bytes without the line feed.
 * @param name The metric name as it stands in the text.
 */
export function isPlainSample(line: Uint8Array, name: Uint8Array): boolean {
  let at = 0;
  while (at < name.length && line[at] === name[at]) at++;
  if (at < name.length) return false;
  if (line[at] === OPEN_BRACE) at = labelsEnd(line, at + 1);
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
