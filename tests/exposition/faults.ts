/** All that must hold for whatever comes in, in one call. */

import type { Format } from "../../lib/exposition/types.ts";
import { SanitizerMemo } from "../../lib/exposition/sanitizer.ts";
import { asFluentBitReads, contentOf, type Series, seriesOf } from "./content.ts";
import { readAsFluentBit } from "./fluent_bit_rules.ts";
import { readExposition } from "./reader.ts";
import { type Bytes, type Sanitized, sanitized } from "./sanitized.ts";

/** Name, labels and type: what tells a sample from others. */
function identityOf({ name, family, labels, type }: Series): string {
  return JSON.stringify([name, family, labels, type]);
}

/** Fluent Bit counts in whole numbers, and takes the count for the bucket of +Inf. */
function valueToRead({ name, family, labels, type, value }: Series): number | undefined {
  const isGrouped = type === "histogram" || type === "summary";
  const part = isGrouped ? name.slice(family.length) : "";
  if (part === "_bucket" && labels["le"] === "Infinity") return undefined;
  return part === "_bucket" || part === "_count" ? Math.trunc(value) : value;
}

/** Tells whether a text holds a sample: one without is not handed out. */
export function hasSamples(text: string): boolean {
  return /^[^#\n]/m.test(text);
}

/** Tells what is lost when Fluent Bit reads an output of the sanitiser. */
export function lossesOf(bytes: Uint8Array): string[] {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const { result, reason, points, unread } = readAsFluentBit(bytes);
  if (!hasSamples(text)) return result === "process exits" ? [`${result}: ${reason}`] : [];
  if (result !== "accepted") return [`${result}: ${reason}`];
  if (unread) return ["the end is not read"];
  const read = Map.groupBy(seriesOf(points), identityOf);
  // Of a sample that is repeated the last one counts.
  const told = new Map<string, Series>();
  const content = contentOf(readExposition(text, { repeats: true }));
  for (const series of asFluentBitReads(content)) told.set(identityOf(series), series);
  return [...told].flatMap(([identity, series]) => {
    const value = valueToRead(series);
    const values = read.get(identity)?.map((each) => each.value) ?? [];
    const isRead = value === undefined || values.some((each) => Object.is(each + 0, value + 0));
    return isRead ? [] : [`${identity}: ${value} is read as ${values}`];
  });
}

/** Input of the sanitiser, and the circumstances it comes in. */
export interface Passage {
  /** The bytes. */
  readonly input: Bytes;
  /** The format they are taken for. */
  readonly format: Format;
  /** What the server sent the time before. */
  readonly before: Bytes;
  /** Where the input is cut into chunks, as shares of its length. */
  readonly cuts: readonly number[];
}

function differs(one: Sanitized, other: Sanitized): boolean {
  return one.text !== other.text || one.samples !== other.samples ||
    JSON.stringify(one.dropped) !== JSON.stringify(other.dropped);
}

/** Tells what is wrong with what comes out. */
export function faultsOf({ input, format, before, cuts: shares }: Passage): string[] {
  const whole = sanitized(input, { format });
  const faults = lossesOf(whole.bytes);
  const again = sanitized(whole.bytes, { format: "text" });
  if (again.text !== whole.text) faults.push(`a second pass gives ${JSON.stringify(again.text)}`);
  const cuts = shares.map((share) => Math.floor(share * input.length)).toSorted((a, b) => a - b);
  const cut = sanitized(input, { format, cuts });
  if (differs(cut, whole)) faults.push(`cut at ${cuts} it gives ${JSON.stringify(cut.text)}`);
  const memo = new SanitizerMemo();
  sanitized(before, { format, memo });
  for (const options of [{ cuts }, {}]) {
    const warm = sanitized(input, { format, memo, ...options });
    if (differs(warm, whole)) faults.push(`remembered it gives ${JSON.stringify(warm.text)}`);
  }
  return faults;
}
