/** What the merger makes of several servers' texts, and what is wrong with it. */

import { ExpositionMerger, type MergedExposition } from "../../lib/exposition/merge.ts";
import { contentOf, type Series } from "./content.ts";
import { lossesOf } from "./faults.ts";
import { readExposition } from "./reader.ts";
import { encode, sanitized } from "./sanitized.ts";

/** Sanitised texts by the name of their server. */
export type Texts = Readonly<Record<string, string>>;

/** A merge that was read. */
export interface Merged extends Omit<MergedExposition, "pieces"> {
  /** All of it. */
  readonly text: string;
}

/** Merges texts as they would come from the sanitizer. */
export function merged(texts: Texts, merger = new ExpositionMerger()): Merged {
  const inputs = Object.entries(texts).map(([instance, text]) => ({
    instance,
    text: sanitized(text, { format: "text" }).text,
  }));
  const result = merger.merge(inputs);
  const text = [...result.pieces].join("");
  const { samples, dropped, conflicts } = result;
  return { text, samples, dropped, conflicts };
}

/** A sample by what a query would find it by, with its value and time. */
function keyOf({ name, labels, value, timestamp }: Series): string {
  return JSON.stringify([name, Object.entries(labels).toSorted(), String(value), timestamp]);
}

/** A sample's labels beside those of the merge, by the rules of Prometheus. */
function labelled(labels: Readonly<Record<string, string>>, instance: string): Series["labels"] {
  const own = Object.entries(labels).map(([name, value]) => {
    let free = name;
    if (free === "instance") { do free = `exported_${free}`; while (Object.hasOwn(labels, free)); }
    return [free, value] as const;
  });
  return Object.fromEntries([["instance", instance], ...own]);
}

/** All samples of a text, sorted. */
export function seriesOf(text: string): string[] {
  return contentOf(readExposition(text, { repeats: true })).series.map(keyOf).toSorted();
}

/** The samples that the servers have, but for those whose type is in conflict; sorted. */
export function expectedSeries(texts: Texts, { conflicts }: Merged): string[] {
  return Object.entries(texts).flatMap(([instance, text]) => {
    const { text: clean } = sanitized(text, { format: "text" });
    const lost = new Set(
      conflicts.filter((each) => each.instance === instance).map(({ family }) => family),
    );
    return contentOf(readExposition(clean, { repeats: true })).series
      .filter(({ family }) => !lost.has(family))
      .map((series) => keyOf({ ...series, labels: labelled(series.labels, instance) }));
  }).toSorted();
}

/** Tells what is wrong with what comes out, whatever went in. */
export function mergeFaultsOf(texts: Texts): string[] {
  const merger = new ExpositionMerger();
  const once = merged(texts, merger);
  const { text } = once;
  const faults = lossesOf(encode(text));
  const again = sanitized(text, { format: "text", maxLineBytes: 200_000 });
  if (again.text !== text) faults.push(`the sanitiser changes it to ${JSON.stringify(again.text)}`);
  if (again.samples !== once.samples) faults.push(`${once.samples} samples are ${again.samples}`);
  if (merged(texts, merger).text !== text) faults.push("a second merge differs");
  return faults;
}
