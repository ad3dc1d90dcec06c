/** Histograms and summaries in the one form that Fluent Bit reads right. */

import type { DroppedLines } from "./dropped.ts";
import { sanitizeValue } from "./numbers.ts";
import { formatSample, type Label, type Sample } from "./sample.ts";

/** A sample of a histogram or summary, and what its name adds to the family's. */
export interface GroupedSample {
  /** The sample. */
  readonly sample: Sample;
  /** `_bucket`, `_sum`, `_count`, or nothing for a quantile. */
  readonly suffix: string;
}

/** A whole histogram or summary family as text. */
export interface FormattedGroups {
  /** The sample lines. */
  readonly text: string;
  /** How many lines those are. */
  readonly samples: number;
  /** Whether Fluent Bit can read them as what they are; if not they must go out as untyped. */
  readonly regular: boolean;
}

/** What a family can be whose samples belong together. */
export type GroupedKind = "histogram" | "summary";

/** The label that tells label sets apart; empty, and on the count only. */
const SEPARATOR = /^_*bounds$/;

/** The samples of one label set. */
interface Group {
  /** By bound (`le`) or quantile. */
  readonly parts: Map<number, Sample>;
  readonly samples: GroupedSample[];
  sum?: Sample;
  count?: Sample;
  /** Whether a bound or quantile is spelt in a way that Fluent Bit cannot read. */
  odd?: true;
}

const PART_LABEL = { histogram: "le", summary: "quantile" } as const;
const PART_SUFFIX = { histogram: "_bucket", summary: "" } as const;

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

/** Empty labels count as absent, as they do for Prometheus. */
function groupKey(labels: readonly Label[], part: string): string {
  const own = labels.filter(([name, value]) => name !== part && value !== "");
  return JSON.stringify(own.toSorted());
}

/** Takes out the separator that an earlier pass put in. */
function withoutSeparator(grouped: GroupedSample): GroupedSample {
  const { sample, suffix } = grouped;
  const last = sample.labels.at(-1);
  if (suffix !== "_count" || last?.[1] !== "" || !SEPARATOR.test(last[0])) return grouped;
  return { suffix, sample: { ...sample, labels: sample.labels.slice(0, -1) } };
}

/**
 * Fluent Bit takes labels by position, but for the bound or quantile: all
 * samples of a family get them in one order.
 */
function inOneOrder(held: readonly GroupedSample[], part: string): GroupedSample[] {
  const ranks = new Map<string, number>();
  for (const { sample } of held) {
    for (const [name] of sample.labels) if (!ranks.has(name)) ranks.set(name, ranks.size);
  }
  ranks.set(part, Infinity);
  const rank = ([name]: Label): number => ranks.get(name) ?? 0;
  const isSorted = (labels: readonly Label[]): boolean =>
    labels.filter(([name]) => name !== part).every((label, index, all) =>
      index === 0 || rank(label) > rank(all[index - 1] ?? label)
    );
  return held.map(({ sample, suffix }) => {
    const { labels } = sample;
    if (isSorted(labels)) return { sample, suffix };
    return { sample: { ...sample, labels: labels.toSorted((a, b) => rank(a) - rank(b)) }, suffix };
  });
}

/** Sorts samples into groups; one that repeats another or lacks its label is counted out. */
function collect(
  kind: GroupedKind,
  held: readonly GroupedSample[],
  dropped: DroppedLines,
): Group[] {
  const groups = new Map<string, Group>();
  for (const grouped of inOneOrder(held.map(withoutSeparator), PART_LABEL[kind])) {
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

/** Whether the bounds rise and the count comes behind them, as Fluent Bit needs it. */
function isInOrder(group: Group, kind: GroupedKind): boolean {
  let bounds = 0;
  const rising = [...group.parts.keys()].every((part, index, parts) =>
    index === 0 || part > (parts[index - 1] ?? part)
  );
  for (const { suffix } of group.samples) {
    if (suffix === "_count" && bounds < group.parts.size) return false;
    if (suffix === PART_SUFFIX[kind]) bounds++;
  }
  return rising;
}

/** The samples of a group in an order that Fluent Bit reads right: their own if it is one. */
function ordered(group: Group, kind: GroupedKind): GroupedSample[] {
  const { samples, sum, count } = group;
  const whole = samples.length === group.parts.size + Number(!!sum) + Number(!!count);
  if (whole && isInOrder(group, kind)) return samples;
  const parts = [...group.parts].toSorted(([a], [b]) => a - b);
  return [
    ...parts.map(([, sample]) => ({ sample, suffix: PART_SUFFIX[kind] })),
    ...count === undefined ? [] : [{ sample: count, suffix: "_count" }],
    ...sum === undefined ? [] : [{ sample: sum, suffix: "_sum" }],
  ];
}

/** Fluent Bit loses the labels behind the `quantile` of a summary. */
function quantileLast(sample: Sample): Sample {
  const last = sample.labels.filter(([name]) => name === "quantile");
  return { ...sample, labels: [...sample.labels.filter(([name]) => name !== "quantile"), ...last] };
}

/**
 * Tells Fluent Bit where a histogram of other bounds or label names begins. It
 * reads a label set like the one before it unless the number of label names
 * differs, so an empty label on the count (absent, for Prometheus:
 * https://prometheus.io/docs/concepts/data_model/) makes it differ, or agree.
 */
class Layouts {
  #previous = "";
  #previousNames = 0;

  /** The label to add to the count of a group, if any. */
  separator(group: Group): Label[] {
    const labels = ordered(group, "histogram").flatMap(({ sample }) => sample.labels);
    const names = [...new Set(labels.map(([name]) => name))].filter((name) => name !== "le");
    const bounds = [...group.parts.keys()].toSorted((a, b) => a - b);
    const layout = JSON.stringify([names, bounds]);
    const mustDiffer = layout !== this.#previous;
    const differs = names.length !== this.#previousNames;
    const pad = this.#previous !== "" && mustDiffer !== differs;
    this.#previous = layout;
    this.#previousNames = names.length + Number(pad);
    return pad ? [[freeName(names), ""]] : [];
  }
}

function freeName(names: readonly string[]): string {
  let name = "bounds";
  while (names.includes(name)) name = `_${name}`;
  return name;
}

/** The samples of a group as they are handed out. */
function linesOf(group: Group, kind: GroupedKind, separator: Label[]): GroupedSample[] {
  return ordered(group, kind).map(({ sample, suffix }) => {
    const { labels } = kind === "summary" ? quantileLast(sample) : sample;
    const more = suffix === "_count" ? separator : [];
    return { sample: { ...sample, labels: [...labels, ...more] }, suffix };
  });
}

/**
 * Writes samples of several names, each name in one piece.
 *
 * @param name What their names begin with.
 * @param samples The samples.
 * @returns The lines.
 */
export function formatApart(name: string, samples: readonly GroupedSample[]): string {
  const suffixes = [...new Set(samples.map(({ suffix }) => suffix))].toSorted();
  return suffixes.flatMap((wanted) =>
    samples.filter(({ suffix }) => suffix === wanted)
      .map(({ sample }) => formatSample(name + wanted, sample))
  ).join("");
}

/** Whether Fluent Bit reads such groups as what they are (facts of Fluent Bit 5.1.1, 2.2). */
function isRegular(groups: readonly Group[], kind: GroupedKind): boolean {
  if (groups.some(({ odd }) => odd)) return false;
  if (kind === "histogram") return groups.every(({ parts }) => parts.size > 1);
  const counted = groups.every(({ sum, count }) =>
    sum !== undefined && count !== undefined && isCount(count)
  );
  if (groups.length < 2) return counted;
  const names = new Set(groups.map(({ count }) => count?.labels.map(([name]) => name).join()));
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
 * @param dropped Counts what cannot be handed out.
 * @returns The lines; not `regular` when Fluent Bit would read them wrong, lose the scrape or
 *   exit on them unless they are untyped: a histogram without a finite bucket; a summary without
 *   sum or count, or with quantiles and several label sets.
 */
export function formatGroups(
  name: string,
  kind: GroupedKind,
  held: readonly GroupedSample[],
  dropped: DroppedLines,
): FormattedGroups {
  const collected = collect(kind, held, dropped);
  const groups = kind === "histogram" ? soundHistograms(collected, dropped) : collected;
  const regular = isRegular(groups, kind);
  const layouts = new Layouts();
  const lines = groups.flatMap((group) =>
    linesOf(group, kind, regular && kind === "histogram" ? layouts.separator(group) : [])
  );
  const text = regular
    ? lines.map(({ sample, suffix }) => formatSample(name + suffix, sample)).join("")
    : formatApart(name, lines);
  return { text, samples: lines.length, regular };
}
