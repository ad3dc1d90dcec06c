/** What came: which of the formats, or something that is no exposition at all. */

import type { Format } from "./types.ts";

/** TYPE words and comments that only OpenMetrics has. */
const OPENMETRICS_LINE =
  /^# (?:EOF[ \t]*$|UNIT |TYPE \S+ (?:unknown|info|stateset|gaugehistogram)\b)/m;
const COUNTER_TYPE = /^# TYPE (\S{1,1024}) counter/gm;
const TOTAL_SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]{0,1023}?)_total[ \t{]/gm;

/** Characters of a foreign text that are shown to the operator. */
const MAX_SHOWN = 40;

function decode(head: Uint8Array): string {
  return new TextDecoder().decode(head);
}

/** OpenMetrics names a counter's family without the `_total` of its samples. */
function hasBareCounter(text: string): boolean {
  const families = new Set<string>();
  for (const [, family = ""] of text.matchAll(COUNTER_TYPE)) {
    if (!family.endsWith("_total")) families.add(family);
  }
  if (families.size === 0) return false;
  return text.matchAll(TOTAL_SAMPLE).some(([, family = ""]) => families.has(family));
}

/**
 * Tells the format of an exposition, by its Content-Type and, when that does
 * not say, by what stands in it.
 */
export function detectFormat(contentType: string, head: Uint8Array): Format {
  const type = contentType.toLowerCase();
  if (/^\s*application\/openmetrics-text\b/.test(type)) return "openmetrics";
  if (/^\s*text\/plain\b.*;\s*version=/.test(type)) return "text";
  const text = decode(head);
  return OPENMETRICS_LINE.test(text) || hasBareCounter(text) ? "openmetrics" : "text";
}

/** Says what a body is that is no exposition, to complete "the server sent …"; it may hold a secret. */
export function describeForeign(head: Uint8Array, quote: boolean): string {
  const text = decode(head).replace(/^\uFEFF/, "").trimStart();
  if (text === "") return "an empty body";
  if (text.startsWith("<")) return "an HTML or XML page";
  if (/^[{[]/.test(text)) return "JSON";
  if (!quote) return "text without a sample";
  const line = text.split(/[\r\n]/, 1)[0] ?? "";
  const shown = line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line;
  return `text without a sample, which begins with ${JSON.stringify(shown)}`;
}

/** Whether a text can be no exposition, whatever follows: HTML may hold lines that look like samples. */
export function isMarkup(head: string): boolean {
  return /^[^!-\x7f]*</.test(head);
}
