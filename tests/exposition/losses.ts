/** What Fluent Bit would do to a text that it must not do. */

import { asFluentBitReads, contentOf, type Series, seriesOf } from "./content.ts";
import { readAsFluentBit } from "./fluent_bit_rules.ts";
import { readExposition } from "./oracle.ts";

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

/**
 * Tells what is lost when Fluent Bit reads an output of the sanitiser.
 *
 * @param bytes The output.
 * @returns One line for each loss: that the process exits, that the scrape is
 *   lost, that bytes are not read, or the samples that are lost, misread or of another type.
 */
export function lossesOf(bytes: Uint8Array): string[] {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const { result, reason, points, unread } = readAsFluentBit(bytes);
  if (!hasSamples(text)) return result === "process exits" ? [`${result}: ${reason}`] : [];
  if (result !== "accepted") return [`${result}: ${reason}`];
  if (unread) return ["the end is not read"];
  const read = Map.groupBy(seriesOf(points), identityOf);
  // Of a sample that is repeated the last one counts.
  const told = new Map<string, Series>();
  const content = contentOf(readExposition(text, "0.0.4", { repeats: true }));
  for (const series of asFluentBitReads(content)) told.set(identityOf(series), series);
  return [...told].flatMap(([identity, series]) => {
    const value = valueToRead(series);
    const values = read.get(identity)?.map((each) => each.value) ?? [];
    const isRead = value === undefined || values.some((each) => Object.is(each + 0, value + 0));
    return isRead ? [] : [`${identity}: ${value} is read as ${values}`];
  });
}
