/** HELP and TYPE lines. */

import { isMetricName, plainName } from "./names.ts";
import { unescapeText } from "./text.ts";

/** The formats that are read: Prometheus text (0.0.4 and 1.0.0) and OpenMetrics 1.0. */
export type Format = "text" | "openmetrics";

/** The types of both formats, as words of a TYPE line. */
export type MetricType =
  | "counter"
  | "gauge"
  | "histogram"
  | "summary"
  | "untyped"
  | "unknown"
  | "info"
  | "stateset"
  | "gaugehistogram";

/** What a HELP or TYPE line says about a family. */
export type Header =
  | { readonly kind: "help"; readonly family: string; readonly help: string }
  | { readonly kind: "type"; readonly family: string; readonly type: MetricType };

const TYPES: readonly string[] = [
  "counter",
  "gauge",
  "histogram",
  "summary",
  "untyped",
  "unknown",
  "info",
  "stateset",
  "gaugehistogram",
] satisfies MetricType[];

function isMetricType(word: string): word is MetricType {
  return TYPES.includes(word);
}

const HEADER =
  /^[ \t]*#[ \t]+(HELP|TYPE)[ \t]+(?:"((?:[^"\\]|\\[^])*)"|([^ \t"]+))(?:[ \t]+([^]*))?$/;

/**
 * Reads a comment line.
 *
 * @param line A line whose first character after blanks is `#`, without its line end.
 * @param format The format it stands in: `\"` is an escape in OpenMetrics help texts only.
 * @returns What it says; `"comment"` for a line that says nothing to a reader;
 *   `"bad_header"` for a HELP or TYPE line that cannot be read.
 */
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
