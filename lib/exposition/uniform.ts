/** Whether samples of several servers can stand one behind the other as they are. */

import { lineEnd } from "./bytes.ts";
import type { MetricType } from "./types.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CLOSE_BRACE = 0x7d;
const EQUALS = 0x3d;

/** Label names of one line up to which Fluent Bit's limit of 128 a family is not looked at. */
const MAX_LABELS = 100;
/** An empty label: perhaps one by which the sanitiser tells one layout of a histogram from another. */
const EMPTY_LABEL = /(?:^|[{,])bounds_*=""/;
/** The label of a histogram whose value belongs to the form. */
const BOUND = /(?:^|[{,])le="/;

const DECODER = new TextDecoder();

/** A line of the first label set, to which those of the others are held. */
interface Form {
  /** Its bytes up to the end of its labels. */
  readonly bytes: Uint8Array;
  /** Where the value of its bound begins, or past its end. */
  readonly boundAt: number;
}

/** Finds the closing quote behind `start`. */
function valueEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

function formOf(line: Uint8Array): Form | undefined {
  const bytes = line.subarray(0, labelsEnd(line));
  const text = DECODER.decode(bytes);
  if (EMPTY_LABEL.test(text) || bytes.filter((byte) => byte === EQUALS).length > MAX_LABELS) {
    return undefined;
  }
  const bound = BOUND.exec(text);
  if (bound === null) return { bytes, boundAt: Infinity };
  // In bytes: what stands before it need not be ASCII.
  const before = new TextEncoder().encode(text.slice(0, bound.index + bound[0].length));
  return { bytes, boundAt: before.length };
}

/** Where the name and the labels of a line end. */
function labelsEnd(line: Uint8Array): number {
  let at = 0;
  while (at < line.length && line[at] !== SPACE && line[at] !== CLOSE_BRACE) {
    at = line[at] === QUOTE ? valueEnd(line, at + 1) + 1 : at + 1;
  }
  return line[at] === CLOSE_BRACE ? at + 1 : at;
}

/** Whether the line has the form's name, label names in the same order, and bound. */
function hasForm(line: Uint8Array, start: number, { bytes: form, boundAt }: Form): boolean {
  let at = start;
  for (let index = 0; index < form.length;) {
    const byte = form[index];
    if (line[at] !== byte) return false;
    at++;
    index++;
    if (byte !== QUOTE) continue;
    const isBound = index === boundAt;
    const formEnd = valueEnd(form, index);
    const end = valueEnd(line, at);
    if (isBound) {
      if (end - at !== formEnd - index) return false;
      for (let back = 1; back <= end - at; back++) {
        if (line[end - back] !== form[formEnd - back]) return false;
      }
    }
    index = formEnd + 1;
    at = end + 1;
    if (line[end] !== QUOTE) return false;
  }
  return line[at] === SPACE;
}

/** The lines of the first label set; undefined when that cannot be told by their forms. */
function firstSet(piece: Uint8Array, isGrouped: boolean): Form[] | undefined {
  const forms: Form[] = [];
  for (let at = 0; at < piece.length;) {
    const [first] = forms;
    if (first !== undefined && (!isGrouped || hasForm(piece, at, first))) break;
    const end = lineEnd(piece, at);
    const form = formOf(piece.subarray(at, end));
    if (form === undefined) return undefined;
    forms.push(form);
    at = end + 1;
  }
  return forms;
}

/** How many of the lines tell a count, of which each label set has one. */
function countLines(forms: readonly Form[], name: string): number {
  const count = `${name}_count`;
  return forms.filter(({ bytes }) => {
    const text = DECODER.decode(bytes.subarray(0, count.length + 1));
    return text.slice(0, count.length) === count && /^[{]?$/.test(text.slice(count.length));
  }).length;
}

/**
 * Tells whether the samples of a family, sanitised and labelled server by server,
 * need nothing done to them when they follow one another: all label sets have the
 * same label names in the same order, and in a histogram the same bounds. What
 * does not look so may still be right; the sanitiser then reads it.
 *
 * @param name The family's name.
 * @param type Its type.
 * @param pieces The samples, whole lines, a piece a server.
 * @returns Whether they can pass.
 */
export function isUniform(name: string, type: MetricType, pieces: readonly Uint8Array[]): boolean {
  const [piece] = pieces;
  if (piece === undefined) return true;
  const isGrouped = type === "histogram" || type === "summary";
  const forms = firstSet(piece, isGrouped);
  if (forms === undefined || (isGrouped && countLines(forms, name) !== 1)) return false;
  let line = 0;
  for (const bytes of pieces) {
    for (let at = 0; at < bytes.length; at = lineEnd(bytes, at) + 1) {
      const form = forms[line % forms.length];
      if (form === undefined || !hasForm(bytes, at, form)) return false;
      line++;
    }
    if (line % forms.length !== 0) return false;
  }
  // Fluent Bit takes several label sets of a summary only when they have no quantiles.
  return type !== "summary" || line === forms.length || forms.length === 2;
}
