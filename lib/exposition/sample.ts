/** One sample line as a value: read from text, mended where it can be, written as text 0.0.4. */

import type { DropReason } from "./dropped.ts";
import { isMetricName, plainName, sanitizeLabelName } from "./names.ts";
import { sanitizeTimestamp, sanitizeValue } from "./numbers.ts";
import { escapeLabelValue, unescapeText } from "./text.ts";

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
 *
 * @param line A line that {@linkcode parseSample} refused.
 * @returns Whether the lines that follow may complete it.
 */
export function isOpenSample(line: string): boolean {
  return /^[ \t]*[a-zA-Z_:][a-zA-Z0-9_:]*[ \t]*\{[ \t]*[a-zA-Z_:][a-zA-Z0-9_:]*="/.test(line) &&
    unescapedEnd(line) === undefined;
}

/**
 * Reads one sample line of the Prometheus text formats or of OpenMetrics.
 * Exemplars and trailing comments are left out.
 *
 * @param line The line without its line end.
 * @param seconds Whether whole timestamps mean seconds, as in OpenMetrics.
 * @returns The sample, or why it cannot be read.
 */
export function parseSample(line: string, seconds: boolean): Sample | DropReason {
  let head = readHead(line);
  if (head === "bad_label") head = readUnescapedHead(line) ?? "bad_label";
  if (typeof head === "string") return head;
  const { name, labels, rest } = head;
  if (new Set(labels.map(([label]) => label)).size !== labels.length) return "bad_label";
  const comment = rest.indexOf("#");
  const [valueText, timestampText, ...more] =
    (comment < 0 ? rest : rest.slice(0, comment)).match(/[^ \t]+/g) ?? [];
  if (valueText === undefined || more.length > 0) return "bad_syntax";
  const value = sanitizeValue(valueText);
  if (value === undefined) return "bad_value";
  if (timestampText === undefined) return { name, labels, value };
  const timestamp = sanitizeTimestamp(timestampText, seconds);
  return timestamp === undefined ? "bad_timestamp" : { name, labels, value, timestamp };
}

/**
 * Writes a sample line of the text format 0.0.4.
 *
 * @param name The metric name to hand out.
 * @param sample Labels, value and timestamp.
 * @returns The line with its line feed.
 */
export function formatSample(name: string, sample: Sample): string {
  const labels = sample.labels.map(([label, value]) => `${label}="${escapeLabelValue(value)}"`);
  const block = labels.length === 0 ? "" : `{${labels.join(",")}}`;
  const time = sample.timestamp === undefined ? "" : ` ${sample.timestamp}`;
  return `${name}${block} ${sample.value}${time}\n`;
}
