/** The tokens of an exposition: names, label values, help texts, numbers, and keys made of them. */

import { createHash } from "node:crypto";

/** Metric names of the text format 0.0.4. */
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Label names of the text format 0.0.4, and those with a colon in them, which we repair. */
const LABEL_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Longest metric or label name, in characters; vLLM's longest has 60. */
const MAX_NAME_LENGTH = 1_024;
/** Names that Fluent Bit reads as a number. */
const NUMBER_WORD = /^(?:inf|nan)$/i;

/** Tells whether a name is one of the text format 0.0.4 and so can be renamed. */
export function isMetricName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && METRIC_NAME.test(name);
}

/**
 * Renames what every reader must be able to take: a run of colons and
 * underscores with a colon in it becomes one `_`, and none is left over at
 * either end, since Fluent Bit drops a leading one, halves a double one and
 * loses the whole scrape on a trailing one (facts of Fluent Bit 5.1.1, section 2.2).
 */
export function sanitizeMetricName(name: string): string | undefined {
  const joined = name.replace(/[_:]+/g, (run: string, at: number) => {
    if (!run.includes(":")) return run;
    return at === 0 ? "" : "_";
  });
  let end = joined.length;
  while (joined[end - 1] === "_") end--;
  const result = joined.slice(0, end);
  if (result === "") return undefined;
  return /^[0-9]/.test(result) || NUMBER_WORD.test(result) ? `_${result}` : result;
}

/** Renames a label name. */
export function sanitizeLabelName(name: string): string | undefined {
  if (name.length > MAX_NAME_LENGTH || !LABEL_NAME.test(name)) return undefined;
  const result = name.replaceAll(":", "_");
  return NUMBER_WORD.test(result) ? `_${result}` : result;
}

/**
 * Turns a quoted UTF-8 name of the text format 1.0.0 into a plain one, each
 * character that a plain name cannot have becoming `_` (the "underscores"
 * escaping scheme of Prometheus).
 */
export function plainName(name: string): string {
  const result = name.replace(/[^a-zA-Z0-9_:]/gu, "_");
  return /^[0-9]/.test(result) ? `_${result}` : result;
}

/** What most label values have nothing of. */
const NEEDS_ESCAPE = /[\0\r\n\\"]/;

/** NUL ends a text for readers in C, and CR makes Fluent Bit exit: neither has an escape. */
function withoutControl(text: string): string {
  return text.replaceAll("\0", "\uFFFD").replace(/\r\n?/g, "\n");
}

/**
 * Reads escapes the lenient way: `\\`, `\n` and `\"` as the formats define
 * them, any other backslash as itself.
 */
export function unescapeText(text: string, quotes: boolean): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([\\n"])/g, (whole, character: string) => {
    if (character === "n") return "\n";
    return character === '"' && !quotes ? whole : character;
  });
}

/** Escapes a label value for the text format 0.0.4. */
export function escapeLabelValue(value: string): string {
  if (!NEEDS_ESCAPE.test(value)) return value;
  return withoutControl(value).replace(
    /[\\\n"]/g,
    (character) => character === "\n" ? "\\n" : `\\${character}`,
  );
}

/** Escapes a help text for the text format 0.0.4. */
export function escapeHelp(help: string): string {
  return withoutControl(help).replace(
    /[\\\n]/g,
    (character) => character === "\n" ? "\\n" : "\\\\",
  );
}

/**
 * Smallest number that is not denormal; Fluent Bit refuses smaller ones (strtod's ERANGE), also
 * when they round to this one.
 */
const SMALLEST_NORMAL = 2.2250738585072014e-308;
/** Longest number that Fluent Bit reads, in characters. */
const LONGEST_NUMBER = 62;
/** Latest timestamp whose nanoseconds fit 64 bits, in milliseconds since 1970. */
const LATEST_TIMESTAMP_MS = 18_446_744_073_709;

/** Numbers that need no second look: neither too long, nor too large, nor too small. */
const PLAIN = /^-?[0-9]{1,15}(?:\.[0-9]{1,17})?$/;
const DECIMAL = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([+-]?[0-9]+)$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;
const NOT_A_NUMBER = /^[+-]?nan$/i;

/** Writes a double as text that reads back as the same double and that every reader takes. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return Math.abs(value) < SMALLEST_NORMAL ? "0" : String(value);
}

function hexadecimal(text: string): number | undefined {
  const [, sign, whole, fraction = "", exponent] = HEXADECIMAL.exec(text) ?? [];
  if (sign === undefined || whole === undefined) return undefined;
  const digits = whole + fraction;
  if (digits === "" || digits.length > 13) return undefined; // 13 digits are 52 bits: exact
  const magnitude = parseInt(digits, 16) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === "-" ? -magnitude : magnitude;
}

/**
 * Reads a sample value and gives the text that every reader takes: unchanged
 * when it can stay, `+Inf` or `0` when it is beyond a double, rounded to a
 * double when it is longer than 62 characters, decimal when it was hexadecimal.
 */
export function sanitizeValue(text: string): string | undefined {
  if (PLAIN.test(text)) return text;
  if (DECIMAL.test(text)) {
    const value = Number(text);
    const plain = Number.isFinite(value) &&
      (Math.abs(value) > SMALLEST_NORMAL || !/[1-9]/.test(text.replace(/[eE].*/, "")));
    return plain && text.length <= LONGEST_NUMBER ? text : numberText(value);
  }
  if (NOT_A_NUMBER.test(text)) return "NaN";
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === "-" ? "-Inf" : "+Inf";
  const value = hexadecimal(text);
  return value === undefined ? undefined : numberText(value);
}

/** Gives a timestamp in whole milliseconds since 1970; one in whole `seconds` is of OpenMetrics. */
export function sanitizeTimestamp(text: string, seconds: boolean): string | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const whole = /^[+-]?[0-9]+$/.test(text);
  const milliseconds = whole && !seconds ? Number(text) : Math.round(Number(text) * 1_000);
  if (!(Math.abs(milliseconds) <= LATEST_TIMESTAMP_MS)) return undefined;
  return String(milliseconds === 0 ? 0 : milliseconds);
}

/**
 * Longest text that is a key itself. V8 hashes texts of more than 16,383 characters by their
 * length alone, so that many of one length would be compared with one another.
 */
const MAX_KEY_LENGTH = 1_024;

/** Makes a key for a set of labels. */
export function labelsKey(labels: ReadonlyArray<readonly [string, string]>): string {
  const text = JSON.stringify(labels.toSorted());
  if (text.length <= MAX_KEY_LENGTH) return text;
  return createHash("sha256").update(text).digest("base64");
}
