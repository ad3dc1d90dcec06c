/** Histograms and summaries in the one form that Fluent Bit reads right. */

import type { DroppedLines } from "./dropped.ts";
import {
  type Group,
  type GroupedKind,
  type GroupedSample,
  PART_LABEL,
  PART_SUFFIX,
} from "./group.ts";
import { formatApart, GroupWriter, isSeparator, withoutSeparator } from "./group_lines.ts";
import { labelsKey } from "./key.ts";
import { sanitizeValue } from "./numbers.ts";
import { formatSample, type Label, type Sample } from "./sample.ts";

/** A whole histogram or summary family as text. */
export interface FormattedGroups {
  /** The sample lines. */
  readonly text: string;
  /** How many lines those are. */
  readonly samples: number;
  /** Whether Fluent Bit can read them as what they are; if not they must go out as untyped. */
  readonly regular: boolean;
}

/** How {@linkcode formatGroups} works. */
export interface FormatOptions {
  /** Counts what cannot be handed out. */
  readonly dropped: DroppedLines;
  /** Whether readers take the family for untyped in any case. */
  readonly untyped: boolean;
}

/** Fluent Bit counts in 64 bits without a sign. */
const COUNT_END = 2 ** 64;

/** Reads a value as it stands in sanitised text. */
function numberOf(value: string): number {
  return Number(value.replace(/inf$/i, "Infinity"));
}

/** A count that Fluent Bit can turn into a whole number without making one up. */
function isCount(sample: Sample): boolean {
  const count = numberOf(sample.value);
  return count >= 0 && count < COUNT_END;
}

function partOf(sample: Sample, kind: GroupedKind): string {
  return sample.labels.find(([name]) => name === PART_LABEL[kind])?.[1] ?? "";
}

function groupKey(labels: readonly Label[], part: string): string {
  const own = labels.filter((label) => label[0] !== part && !isSeparator(label));
  return labelsKey(own);
}

/** Sorts samples into groups; one that repeats another or lacks its label is counted out. */
function collect(
  kind: GroupedKind,
  held: readonly GroupedSample[],
  dropped: DroppedLines,
): Group[] {
  const groups = new Map<string, Group>();
  for (const grouped of held.map(withoutSeparator)) {
    const { sample, suffix } = grouped;
    const isPart = suffix === PART_SUFFIX[kind];
    const key = groupKey(sample.labels, isPart ? PART_LABEL[kind] : "");
    const group: Group = groups.get(key) ?? { parts: new Map(), samples: [] };
    groups.set(key, group);
    if (isPart) {
      const text = partOf(sample, kind);
      const spelt = sanitizeValue(text);
      const part = spelt === undefined ? NaN : numberOf(text);
      if (Number.isNaN(part)) {
        dropped.add("bad_label");
        continue;
      }
      if (spelt !== text && Number.isFinite(part)) group.odd = true;
      if (group.parts.has(part)) {
        dropped.add("duplicate_sample");
        continue;
      }
      group.parts.set(part, sample);
    } else if (suffix === "_sum" && group.sum === undefined) group.sum = sample;
    else if (suffix === "_count" && group.count === undefined) group.count = sample;
    else {
      dropped.add("duplicate_sample");
      continue;
    }
    group.samples.push(grouped);
  }
  return [...groups.values()];
}

/** A sample of the same label set with another bound, or none, and another value. */
function withPart(sample: Sample, bound: string | undefined, value: string): Sample {
  const labels = sample.labels.filter(([name]) => name !== "le");
  return { ...sample, labels: bound === undefined ? labels : [...labels, ["le", bound]], value };
}

/**
 * Gives a histogram the `+Inf` bucket, count and sum that Fluent Bit takes by
 * position and misreads when one lacks. The first two say the same; a sum that
 * was not told is not a number.
 */
function complete(group: Group): boolean {
  const count = group.count ?? group.parts.get(Infinity);
  if (count === undefined) return false;
  if (!group.parts.has(Infinity)) group.parts.set(Infinity, withPart(count, "+Inf", count.value));
  group.count ??= withPart(count, undefined, count.value);
  group.sum ??= withPart(count, undefined, "NaN");
  return true;
}

/** Takes out the groups that cannot be completed or whose counts are not counts. */
function soundHistograms(groups: readonly Group[], dropped: DroppedLines): Group[] {
  return groups.filter((group) => {
    const counts = [...group.parts.values(), ...group.count === undefined ? [] : [group.count]];
    if (!counts.every(isCount)) dropped.add("bad_count", group.samples.length);
    else if (!complete(group)) dropped.add("incomplete_histogram", group.samples.length);
    else return true;
    return false;
  });
}

/** Whether Fluent Bit reads such groups as what they are (facts of Fluent Bit 5.1.1, 2.2). */
function isRegular(groups: readonly Group[], kind: GroupedKind): boolean {
  if (groups.some(({ odd }) => odd)) return false;
  if (kind === "histogram") return groups.every(({ parts }) => parts.size > 1);
  const counted = groups.every(({ sum, count }) =>
    sum !== undefined && count !== undefined && isCount(count)
  );
  if (groups.length < 2) return counted;
  const names = new Set(
    groups.map(({ count }) => count?.labels.map(([name]) => name).toSorted().join()),
  );
  return counted && names.size === 1 && groups.every(({ parts }) => parts.size === 0);
}

/**
 * Writes the samples of a histogram or summary family group by group, in the
 * order of the text if Fluent Bit reads that right, or buckets by bound, then
 * count and sum.
 *
 * @param name The family's name to hand out.
 * @param kind What the family is.
 * @param held Its samples in any order.
 * @param options Where to count what cannot be handed out, and whether its TYPE cannot.
 * @returns The lines; not `regular` when Fluent Bit would read them wrong, lose the scrape or
 *   exit on them unless they are untyped: a histogram without a finite bucket; a summary without
 *   sum or count, or with quantiles and several label sets.
 */
export function formatGroups(
  name: string,
  kind: GroupedKind,
  held: readonly GroupedSample[],
  { dropped, untyped }: FormatOptions,
): FormattedGroups {
  const collected = collect(kind, held, dropped);
  const groups = kind === "histogram" ? soundHistograms(collected, dropped) : collected;
  const regular = !untyped && isRegular(groups, kind);
  const writer = new GroupWriter(kind, groups);
  const separate = regular && kind === "histogram";
  const lines = groups.flatMap((group) => writer.lines(group, separate));
  const text = regular
    ? lines.map(({ sample, suffix }) => formatSample(name + suffix, sample)).join("")
    : formatApart(name, lines);
  return { text, samples: lines.length, regular };
}
