/** Samples that are copied without a string: those of families too large to remember. */

import type { Sample } from "./lines.ts";
import { scanSigned } from "./memo.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const ENCODER = new TextEncoder();

/** The name and label names of lines that need no more than `_` for each colon of the name. */
export interface PlainForm {
  /** The metric name as it stands in the text. */
  readonly name: Uint8Array;
  /** The label names in their order, each with a `=` behind. */
  readonly labels: Uint8Array;
}

/** Finds the closing quote of a label value; -1 when the value must be parsed. */
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
 * Tells whether a line is a sample of the given form that every reader takes as it
 * stands: name, labels, one space, a plain number. Other lines are parsed.
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
  return scanSigned(line, at + 1) === line.length;
}

/** The form of a sample that was parsed. */
export function plainFormOf({ name, labels }: Sample): PlainForm {
  return {
    name: ENCODER.encode(name),
    labels: ENCODER.encode(labels.map(([label]) => `${label}=`).join("")),
  };
}
