/** Expositions as families of numbers, for everything that reads values. */

import { DroppedLines } from "./dropped.ts";
import type { Label } from "./lines.ts";
import { familyTexts, isExact, Memo, withoutNumbers } from "./memo.ts";
import { Parser } from "./parser.ts";
import type { Format, MetricType } from "./types.ts";

/** Longest line; the sanitizer writes none that is longer. */
const MAX_LINE_LENGTH = 3 * 65_536;

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();

/** One series of a family. */
export interface Series {
  /** The name of the sample, such as `vllm_request_queue_time_seconds_bucket`. */
  readonly name: string;
  /** The labels in the order of the text, without escapes. */
  readonly labels: readonly Label[];
}

/** A metric family with the values of one scrape. */
export interface Family {
  /** The name as the sanitizer hands it out, `vllm_…`. */
  readonly name: string;
  /** The type; `untyped` without a TYPE line. */
  readonly type: MetricType;
  /** The help text, without escapes. */
  readonly help: string | undefined;
  /** The series in the order of the text: the same array as before while only numbers change. */
  readonly series: readonly Series[];
  /** One value for each series. */
  readonly values: Float64Array;
}

/** What is remembered of the families of all texts, so that only numbers are parsed of a known one. */
export class FamilyMemo extends Memo<Omit<Family, "values">> {}

function numberOf(text: string): number {
  const value = Number(text);
  return Number.isNaN(value) ? Number(text.replace(/inf(?:inity)?$/i, "Infinity")) : value;
}

/** Reads an exposition: what the sanitizer wrote, or what a server sent. A name may come again. */
export function parseFamilies(
  input: Uint8Array | string,
  memo?: FamilyMemo,
  format: Format = "text",
): Family[] {
  const families: Family[] = [];
  let series: Series[] = [];
  let values: number[] = [];
  let slots = 0;
  const parser: Parser = new Parser({
    format,
    dropped: new DroppedLines(),
    maxLineLength: MAX_LINE_LENGTH,
    sink: {
      begin: () => {
        series = [];
        values = [];
        slots = 0;
      },
      sample: ({ labels, value, slot }, suffix) => {
        const { base = "", name = base } = parser.family ?? {};
        const own = suffix === "_created" ? base : name;
        if (own === "") return;
        series.push({ name: own + suffix, labels });
        values.push(numberOf(value));
        if (slot !== undefined) slots++;
      },
      end: () => {
        const { name, type = "untyped", help } = parser.family ?? {};
        if (name === undefined) return;
        families.push({ name, type, help, series, values: Float64Array.from(values) });
      },
    },
  });
  const all = typeof input === "string" ? input : DECODER.decode(input);
  for (const { name, text } of familyTexts(all)) {
    const isNew = name !== undefined && parser.family?.rawName !== name;
    if (isNew) parser.finishFamily();
    const isKnowable = memo !== undefined && isNew && text.endsWith("\n");
    const { key, numbers, headLength } = isKnowable
      ? withoutNumbers(text, format)
      : { key: "", numbers: [], headLength: Infinity };
    const known = isKnowable ? memo.get(key) : undefined;
    if (known?.series.length === numbers.length) {
      families.push({ ...known, values: Float64Array.from(numbers, numberOf) });
      continue;
    }
    const count = families.length;
    // What is remembered keeps this text only, not all of the exposition.
    parser.lines(isKnowable ? DECODER.decode(ENCODER.encode(text)) : text, headLength);
    const isWhole = parser.isWhole && parser.family?.rawName === name;
    if (!isKnowable || !isWhole) continue;
    parser.finishFamily();
    const [family, other] = families.slice(count);
    const isPlain = slots === numbers.length && values.length === slots;
    if (family === undefined || other !== undefined || !isPlain) continue;
    if (!isExact(text, headLength)) continue;
    const { values: _, ...rest } = family;
    memo.set(key, rest);
  }
  parser.finishFamily();
  return families;
}
