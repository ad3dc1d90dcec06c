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

/** A name with labels, and the text behind them. */
interface Head {
  readonly name: string;
  readonly labels: readonly Label[];
  readonly rest: string;
}

const QUOTED = String.raw`"((?:[^"\\]|\\[^])*)"`;
const NAME = /[ \t]*([^ \t{}=,"]*)/y;
const OPEN = /[ \t]*\{/y;
const CLOSE = /[ \t]*\}/y;
/** A label, or the quoted name of the metric, which exists in the text format 1.0.0. */
const LABEL = new RegExp(
  String.raw`[ \t]*(?:${QUOTED}|([^ \t{}=,"]+))(?:[ \t]*=[ \t]*${QUOTED})?[ \t]*(?:,|(?=\}))`,
  "y",
);

/** Whether an expression matches at an index; its own index is then behind the match. */
function isAt(expression: RegExp, line: string, at: number): boolean {
  expression.lastIndex = at;
  return expression.test(line);
}

function readHead(line: string): Head | DropReason {
  NAME.lastIndex = 0;
  let name = NAME.exec(line)?.[1] ?? "";
  if (name !== "" && !isMetricName(name)) return "bad_name";
  let at = NAME.lastIndex;
  const labels: Label[] = [];
  if (isAt(OPEN, line, at)) {
    at = OPEN.lastIndex;
    while (!isAt(CLOSE, line, at)) {
      LABEL.lastIndex = at;
      const [all, quoted, bare = "", value] = LABEL.exec(line) ?? [];
      at = LABEL.lastIndex;
      const text = quoted === undefined ? bare : plainName(unescapeText(quoted, true));
      const label = sanitizeLabelName(text);
      if (all === undefined) return "bad_label";
      if (value !== undefined && label !== undefined) {
        labels.push([label, unescapeText(value, true)]);
      } else if (value === undefined && quoted !== undefined && name === "") name = text;
      else return "bad_label";
    }
    at = CLOSE.lastIndex;
  }
  return name === "" ? "bad_name" : { name, labels, rest: line.slice(at) };
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
  let head = readHead(line);
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
