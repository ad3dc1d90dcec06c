/** Lines of an exposition: HELP and TYPE lines and samples, read leniently, written as text 0.0.4. */

import type { DropReason } from "./dropped.ts";
import {
  escapeLabelValue,
  isMetricName,
  plainName,
  sanitizeLabelName,
  sanitizeTimestamp,
  sanitizeValue,
  unescapeText,
} from "./tokens.ts";
import { type Format, isMetricType, type MetricType } from "./types.ts";

/** What a HELP or TYPE line says about a family. */
export type Header =
  | { readonly kind: "help"; readonly family: string; readonly help: string }
  | { readonly kind: "type"; readonly family: string; readonly type: MetricType };

const HEADER =
  /^[ \t]*#[ \t]+(HELP|TYPE)[ \t]+(?:"((?:[^"\\]|\\[^])*)"|([^ \t"]+))(?:[ \t]+([^]*))?$/;

/** Reads a line that begins with `#`; a `"comment"` says nothing to a reader. */
export function parseHeader(line: string, format: Format): Header | "comment" | "bad_header" {
  const [, keyword, quoted, bare, rest = ""] = HEADER.exec(line) ?? [];
  if (keyword === undefined) {
    return /^[ \t]*#[ \t]+(?:HELP|TYPE)(?:[ \t]|$)/.test(line) ? "bad_header" : "comment";
  }
  const family = quoted === undefined ? bare ?? "" : plainName(unescapeText(quoted, true));
  if (!isMetricName(family)) return "bad_header";
  if (keyword === "HELP") {
    return { kind: "help", family, help: unescapeText(rest, format === "openmetrics") };
  }
  // Readers differ in what they do with another case or with text behind the word.
  const type = rest.trim().split(/[ \t]/, 1)[0]?.toLowerCase() ?? "";
  return isMetricType(type) ? { kind: "type", family, type } : "bad_header";
}

/** A label: its name as readers take it, and its value without escapes. */
export type Label = readonly [name: string, value: string];

/** A sample whose labels, value and timestamp every reader can take. */
export interface Sample {
  /** The metric name as it stood, colons included. */
  readonly name: string;
  /** The labels in the order of the text. */
  readonly labels: readonly Label[];
  /** The value as text. */
  readonly value: string;
  /** Whole milliseconds since 1970 as text, when the line had a timestamp. */
  readonly timestamp?: string;
  /** Whether the line ended with the value, unchanged and one space behind its name or labels. */
  readonly isBare: boolean;
  /** The number of the value among those of its family, if it can be put in place of another. */
  slot?: number | undefined;
}

/** Names, and where the text after the closing brace begins. */
interface Head {
  name: string;
  labels: Label[];
  rest: string;
}

const BLANKS = /[ \t]*/y;
const BARE_NAME = /[^ \t{}=,"]+/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)"/y;

/** Reads a text from left to right with sticky expressions. */
class Cursor {
  at = 0;
  constructor(readonly text: string) {}

  skipBlanks(): void {
    this.match(BLANKS);
  }

  match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.at;
    const found = expression.exec(this.text);
    if (found !== null) this.at = expression.lastIndex;
    return found;
  }

  take(character: string): boolean {
    this.skipBlanks();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }
}

/** Reads `"quoted"` or `bare` text; quoted names exist in the text format 1.0.0. */
function readName(cursor: Cursor): { text: string; quoted: boolean } | undefined {
  cursor.skipBlanks();
  const quoted = cursor.match(QUOTED)?.[1];
  if (quoted !== undefined) return { text: plainName(unescapeText(quoted, true)), quoted: true };
  const bare = cursor.match(BARE_NAME)?.[0];
  return bare === undefined ? undefined : { text: bare, quoted: false };
}

const PLAIN_START = /([a-zA-Z_:][a-zA-Z0-9_:]{0,200})(?:\{| (?=[^ \t{]))/y;
const PLAIN_LABEL = /([a-zA-Z_][a-zA-Z0-9_]{3,200}|le)="([^"\\]*)"([,}])/y;

/** Reads the start of a line as vLLM writes it: no blanks, escapes or odd names. */
function readPlainHead(line: string): Head | undefined {
  PLAIN_START.lastIndex = 0;
  const name = PLAIN_START.exec(line)?.[1];
  if (name === undefined) return undefined;
  if (line[name.length] === " ") return { name, labels: [], rest: line.slice(name.length) };
  const labels: Label[] = [];
  let at = name.length + 1;
  for (let next = ","; next === ",";) {
    PLAIN_LABEL.lastIndex = at;
    const [all, label, value, separator] = PLAIN_LABEL.exec(line) ?? [];
    if (all === undefined || label === undefined || value === undefined) return undefined;
    labels.push([label, value]);
    at += all.length;
    next = separator ?? "";
  }
  return { name, labels, rest: line.slice(at) };
}

function readHead(line: string): Head | DropReason {
  const cursor = new Cursor(line);
  cursor.skipBlanks();
  let name = cursor.match(BARE_NAME)?.[0] ?? "";
  if (name !== "" && !isMetricName(name)) return "bad_name";
  const labels: Label[] = [];
  if (cursor.take("{")) {
    while (!cursor.take("}")) {
      const read = readName(cursor);
      if (read === undefined) return "bad_label";
      if (cursor.take("=")) {
        cursor.skipBlanks();
        const value = cursor.match(QUOTED)?.[1];
        const label = sanitizeLabelName(read.text);
        if (value === undefined || label === undefined) return "bad_label";
        labels.push([label, unescapeText(value, true)]);
      } else if (read.quoted && name === "") name = read.text;
      else return "bad_label";
      if (!cursor.take(",") && line[cursor.at] !== "}") return "bad_label";
    }
  }
  return name === "" ? "bad_name" : { name, labels, rest: line.slice(cursor.at) };
}

const UNESCAPED_START = /^[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*\{/;
const LABEL_START = /(?:^|",)[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)="/g;

function skipBlanksBack(line: string, end: number): number {
  let at = end;
  while (line[at - 1] === " " || line[at - 1] === "\t") at--;
  return at;
}

/** Where a sample whose labels were not escaped has its last quote and its last brace. */
function unescapedEnd(line: string): { quote: number; brace: number } | undefined {
  let brace = line.length - 1;
  while (brace >= 0 && !'{}"'.includes(line[brace] ?? "")) brace--;
  if (line[brace] !== "}" || !/[^ \t]/.test(line.slice(brace + 1))) return undefined;
  let end = skipBlanksBack(line, brace);
  if (line[end - 1] === ",") end = skipBlanksBack(line, end - 1);
  return line[end - 1] === '"' ? { quote: end - 1, brace } : undefined;
}

/**
 * Reads a sample whose label values hold quotes, backslashes or line feeds as
 * they are, as vLLM's Rust front end writes them: a value goes on to the next
 * `",name="`, or to the last `"}`.
 */
function readUnescapedHead(line: string): Head | undefined {
  const [start, name] = UNESCAPED_START.exec(line) ?? [];
  const end = unescapedEnd(line);
  if (start === undefined || name === undefined || end === undefined) return undefined;
  const inner = line.slice(start.length, end.quote);
  const rest = line.slice(end.brace + 1);
  const starts = [...inner.matchAll(LABEL_START)];
  if (starts[0]?.index !== 0) return undefined;
  const labels = starts.map((start, index): Label => {
    const label = sanitizeLabelName(start[1] ?? "") ?? "";
    return [label, inner.slice(start.index + start[0].length, starts[index + 1]?.index)];
  });
  return { name, labels, rest };
}

/**
 * Tells whether a line that is no sample can be the first part of one: its
 * labels are open, as when a label value holds a line feed that was not escaped.
 */
export function isOpenSample(line: string): boolean {
  return /^[ \t]*[a-zA-Z_:][a-zA-Z0-9_:]*[ \t]*\{[ \t]*[a-zA-Z_:][a-zA-Z0-9_:]*="/.test(line) &&
    unescapedEnd(line) === undefined;
}

/** Whether two labels have the same name. */
function repeatsName(labels: readonly Label[]): boolean {
  if (labels.length > 8) return new Set(labels.map(([label]) => label)).size !== labels.length;
  return labels.some(([label], index) => labels.findIndex(([other]) => other === label) !== index);
}

/**
 * Reads one sample line of the Prometheus text formats or of OpenMetrics.
 * Exemplars and trailing comments are left out.
 */
export function parseSample(line: string, seconds: boolean): Sample | DropReason {
  let head = readPlainHead(line) ?? readHead(line);
  if (head === "bad_label") head = readUnescapedHead(line) ?? "bad_label";
  if (typeof head === "string") return head;
  const { name, labels, rest } = head;
  if (repeatsName(labels)) return "bad_label";
  const plain = rest.slice(1);
  if (rest.startsWith(" ") && sanitizeValue(plain) === plain) {
    return { name, labels, value: plain, isBare: true };
  }
  const comment = rest.indexOf("#");
  const [valueText, timestampText, ...more] =
    (comment < 0 ? rest : rest.slice(0, comment)).match(/[^ \t]+/g) ?? [];
  if (valueText === undefined || more.length > 0) return "bad_syntax";
  const value = sanitizeValue(valueText);
  if (value === undefined) return "bad_value";
  if (timestampText === undefined) return { name, labels, value, isBare: false };
  const timestamp = sanitizeTimestamp(timestampText, seconds);
  return timestamp === undefined
    ? "bad_timestamp"
    : { name, labels, value, timestamp, isBare: false };
}

/** Writes name and labels of a sample line of the text format 0.0.4, up to its value. */
export function formatHead(name: string, labels: readonly Label[]): string {
  let text = name;
  let separator = "{";
  for (const [label, value] of labels) {
    text += `${separator}${label}="${escapeLabelValue(value)}"`;
    separator = ",";
  }
  return labels.length === 0 ? `${text} ` : `${text}} `;
}
