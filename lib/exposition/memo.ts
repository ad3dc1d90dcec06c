/** Families as text, and what is remembered of them while only their numbers change. */

/** Characters of all families that are remembered: about 200 servers of 63 KB. */
const MAX_CHARACTERS = 16 * 1_048_576;

/**
 * A number, at the end of a line, that every reader takes as it stands. Python's prometheus_client
 * may write three digits in an exponent: 1.2e+010.
 */
export const NUMBER: string = String.raw`(-?\d{1,20}(?:\.\d{0,20})?(?:e[+-]0?\d\d)?|NaN|[+-]Inf)`;
/** Matches a line, without its line feed, that ends with such a number. */
export const NUMBERED_LINE: RegExp = new RegExp(` ${NUMBER}$`);
/** More than the longest of them, with its blank. */
const MAX_TAIL = 50;
/** Longest number that is surely below 2^64. */
const MAX_DIGITS = 19;

const SPACE = 0x20;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const HASH = 0x23;
const HEADER_NAME = /# (?:HELP|TYPE) ([!#-\uffff][!-\uffff]*)/y;

/** The bare name in a HELP or TYPE line, spelt the usual way, that begins at an index. */
export function headerNameAt(text: string, at: number): string | undefined {
  if (text.charCodeAt(at) !== HASH) return undefined;
  HEADER_NAME.lastIndex = at;
  return HEADER_NAME.exec(text)?.[1];
}

/** The text of one family: from a HELP or TYPE line up to that of another name. */
export interface FamilyText {
  /** Its name as it stands there; undefined for lines before the first HELP or TYPE line. */
  readonly name: string | undefined;
  /** Whole lines. */
  readonly text: string;
}

/** Splits an exposition into its families. */
export function* familyTexts(text: string): Generator<FamilyText> {
  let name: string | undefined;
  let start = 0;
  for (let at = 0; at < text.length;) {
    const other = headerNameAt(text, at);
    if (other !== undefined && other !== name) {
      if (at > start) yield { name, text: text.slice(start, at) };
      name = other;
      start = at;
    }
    const next = text.indexOf("\n#", at);
    at = next < 0 ? text.length : next + 1;
  }
  if (start < text.length) yield { name, text: text.slice(start) };
}

/** A family's text apart from its numbers. */
export interface Blanked {
  /** The text without the numbers. */
  readonly key: string;
  /** The numbers in the order of the text. */
  readonly numbers: readonly string[];
  /** Whether all of them are digits, perhaps with a point, and below 2^64. */
  readonly isSimple: boolean;
  /** Length of the HELP and TYPE lines, whose numbers are left alone. */
  readonly headLength: number;
}

/** Takes the numbers at the ends of lines out of a text that ends with a line feed. */
export function withoutNumbers(text: string, prefix = ""): Blanked {
  let headLength = 0;
  while (text.charCodeAt(headLength) === HASH) headLength = text.indexOf("\n", headLength) + 1;
  const numbers: string[] = [];
  let key = prefix;
  let isSimple = true;
  let from = 0;
  for (let end = text.indexOf("\n", headLength); end >= 0; end = text.indexOf("\n", end + 1)) {
    let start = simpleNumberStart(text, end);
    if (start < 0) {
      const tail = text.slice(Math.max(end - MAX_TAIL, headLength), end);
      const [, number] = NUMBERED_LINE.exec(tail) ?? [];
      if (number === undefined) continue;
      start = end - number.length;
      isSimple = false;
    }
    numbers.push(text.slice(start, end));
    key += text.slice(from, start);
    from = end;
  }
  return { key: key + text.slice(from), numbers, isSimple, headLength };
}

/** Where digits with at most one point begin that end at an index; -1 for anything else. */
function simpleNumberStart(text: string, end: number): number {
  let at = end - 1;
  let points = 0;
  for (let code = text.charCodeAt(at); code !== SPACE; code = text.charCodeAt(--at)) {
    if (code === POINT) points++;
    else if (!(code >= ZERO && code <= NINE)) return -1;
  }
  const length = end - at - 1;
  const isNumber = length > points && length <= MAX_DIGITS && points < 2 &&
    text.charCodeAt(at + 1) !== POINT;
  return isNumber ? at + 1 : -1;
}

/** Whether a key stands for texts like this one only: it marks numbers by blanks before line feeds. */
export function isExact(text: string, headLength: number): boolean {
  return !text.includes(" \n", headLength);
}

/** Remembers values by texts; what was not met for long is forgotten. */
export class Memo<T> {
  readonly #maxCharacters: number;
  /** What was met lately, and what was met before that. */
  #young = new Map<string, T>();
  #old = new Map<string, T>();
  #characters = 0;

  /** Begins empty; the bound is on the characters of all keys. */
  constructor(maxCharacters: number = MAX_CHARACTERS) {
    this.#maxCharacters = maxCharacters;
  }

  /** What is remembered by this key. */
  get(key: string): T | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const older = this.#old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  /** Remembers a value. */
  set(key: string, value: T): void {
    if (this.#characters + key.length > this.#maxCharacters / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#characters = 0;
    }
    this.#young.set(key, value);
    this.#characters += key.length;
  }
}
