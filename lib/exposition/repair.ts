/** Histograms and summaries in the one form that Fluent Bit reads right. */

import type { DroppedLines } from "./dropped.ts";
import type { Label, Sample } from "./lines.ts";
import { labelsKey, sanitizeValue } from "./tokens.ts";

/** The types whose samples belong together. */
export type GroupedType = "histogram" | "summary";

/** A sample of a family whose samples belong together. */
export interface GroupedSample {
  /** The sample. */
  readonly sample: Sample;
  /** What its name adds to the family's: `_bucket`, `_sum`, `_count`, or nothing for a quantile. */
  readonly suffix: string;
}

/** A whole histogram or summary family. */
export interface RepairedFamily {
  /** The samples in the order to write them in. */
  readonly samples: readonly GroupedSample[];
  /** Whether Fluent Bit can read them as what they are; if not they must be written as untyped. */
  readonly isRegular: boolean;
}

/** The samples of one label set. */
interface Group {
  /** By bound (`le`) or quantile. */
  readonly parts: Map<number, Sample>;
  /** All of them, as they came. */
  readonly samples: GroupedSample[];
  sum?: Sample;
  count?: Sample;
  /** Whether a bound or quantile is spelt in a way that Fluent Bit cannot read. */
  isOdd?: true;
}

/** The label that tells the parts of one label set apart. */
const PART_LABEL = { histogram: "le", summary: "quantile" } as const;
/** What the name of such a part adds to the family's. */
const PART_SUFFIX = { histogram: "_bucket", summary: "" } as const;
/** Fluent Bit counts in 64 bits without a sign. */
const COUNT_END = 2 ** 64;

/** Reads a value as it stands in sanitized text. */
function numberOf(value: string): number {
  return Number(value.replace(/inf$/i, "Infinity"));
}

/** A count that Fluent Bit can turn into an integer without making one up. */
function isCount(sample: Sample): boolean {
  const count = numberOf(sample.value);
  return count >= 0 && count < COUNT_END;
}

/** Whether a label is the empty one of {@linkcode Layouts}; on a count it is ours. */
function isSeparator([name, value]: Label): boolean {
  return value === "" && /^bounds_*$/.test(name);
}

/** Takes out of a count the separator that an earlier pass put in. */
function withoutSeparator(grouped: GroupedSample): GroupedSample {
  const { sample, suffix } = grouped;
  const last = sample.labels.at(-1);
  if (suffix !== "_count" || last === undefined || !isSeparator(last)) return grouped;
  return { suffix, sample: { ...sample, labels: sample.labels.slice(0, -1) } };
}

/** Sorts samples into groups; one that repeats another or lacks its label is left out. */
function collect(
  type: GroupedType,
  held: readonly GroupedSample[],
  dropped: DroppedLines,
): Group[] {
  const groups = new Map<string, Group>();
  for (const grouped of held.map(withoutSeparator)) {
    const { sample, suffix } = grouped;
    const isPart = suffix === PART_SUFFIX[type];
    const partLabel = isPart ? PART_LABEL[type] : "";
    const own = sample.labels.filter((label) => label[0] !== partLabel && !isSeparator(label));
    const key = labelsKey(own);
    const group: Group = groups.get(key) ?? { parts: new Map(), samples: [] };
    groups.set(key, group);
    if (isPart) {
      const text = sample.labels.find(([name]) => name === partLabel)?.[1] ?? "";
      const spelt = sanitizeValue(text);
      const part = spelt === undefined ? NaN : numberOf(text);
      if (Number.isNaN(part)) {
        dropped.add("bad_label");
        continue;
      }
      if (spelt !== text && Number.isFinite(part)) group.isOdd = true;
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

/** A sample of the same label set with another bound or none. */
function withPart(sample: Sample, bound: string | undefined): Sample {
  const labels = sample.labels.filter(([name]) => name !== "le");
  return { ...sample, labels: bound === undefined ? labels : [...labels, ["le", bound]] };
}

/**
 * Gives a histogram the `+Inf` bucket, count and sum that Fluent Bit takes by
 * position and misreads when one is missing. The first two are equal; a missing
 * sum is NaN.
 */
function complete(group: Group): boolean {
  const count = group.count ?? group.parts.get(Infinity);
  if (count === undefined) return false;
  if (!group.parts.has(Infinity)) group.parts.set(Infinity, withPart(count, "+Inf"));
  group.count ??= withPart(count, undefined);
  group.sum ??= { ...withPart(count, undefined), value: "NaN", slot: undefined };
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
function isRegular(groups: readonly Group[], type: GroupedType): boolean {
  if (groups.some(({ isOdd }) => isOdd)) return false;
  if (type === "histogram") return groups.every(({ parts }) => parts.size > 1);
  const counted = groups.every(({ sum, count }) =>
    sum !== undefined && count !== undefined && isCount(count)
  );
  if (groups.length < 2) return counted;
  const names = new Set(
    groups.map(({ count }) => count?.labels.map(([name]) => name).toSorted().join()),
  );
  return counted && names.size === 1 && groups.every(({ parts }) => parts.size === 0);
}

/** Whether the bounds rise and what Fluent Bit needs behind them is there. */
function isInOrder(group: Group, type: GroupedType): boolean {
  let bounds = 0;
  let before = -Infinity;
  for (const part of group.parts.keys()) {
    if (part < before) return false;
    before = part;
  }
  for (const { suffix } of group.samples) {
    const isLater = suffix === "_count" || (type === "summary" && suffix === "_sum");
    if (isLater && bounds < group.parts.size) return false;
    if (suffix === PART_SUFFIX[type]) bounds++;
  }
  return true;
}

/** The samples of a group in an order that Fluent Bit reads right: their own if it is one. */
function ordered(group: Group, type: GroupedType): GroupedSample[] {
  const { samples, sum, count } = group;
  const isWhole = samples.length === group.parts.size + Number(!!sum) + Number(!!count);
  if (isWhole && isInOrder(group, type)) return samples;
  const parts = [...group.parts].toSorted(([a], [b]) => a - b);
  return [
    ...parts.map(([, sample]) => ({ sample, suffix: PART_SUFFIX[type] })),
    ...count === undefined ? [] : [{ sample: count, suffix: "_count" }],
    ...sum === undefined ? [] : [{ sample: sum, suffix: "_sum" }],
  ];
}

/**
 * Tells Fluent Bit where a histogram with other bounds or label names begins. It
 * reads a label set like the one before it unless the number of label names
 * differs, so an empty label on the count (absent, for Prometheus:
 * https://prometheus.io/docs/concepts/data_model/) makes it differ, or agree.
 */
class Layouts {
  #previous = "";
  #previousNames = 0;

  /** The label to add to the count of a group, if any. */
  separator(lines: readonly GroupedSample[], bounds: Iterable<number>): Label[] {
    const names = (lines[0]?.sample.labels ?? []).map(([name]) => name)
      .filter((name) => name !== "le");
    const layout = JSON.stringify([names, [...bounds].toSorted((a, b) => a - b)]);
    const mustDiffer = layout !== this.#previous;
    const differs = names.length !== this.#previousNames;
    const pad = this.#previous !== "" && mustDiffer !== differs;
    this.#previous = layout;
    this.#previousNames = names.length + Number(pad);
    if (!pad) return [];
    let name = "bounds";
    // Readers may keep names that begin with "__" for themselves.
    while (names.includes(name)) name += "_";
    return [[name, ""]];
  }
}

/**
 * Brings the labels of all samples into one order, since Fluent Bit takes them by
 * position but for the bound, and a quantile to the end, since it loses the labels
 * behind it.
 */
function labelSorter(groups: readonly Group[], type: GroupedType): (sample: Sample) => Sample {
  const ranks = new Map<string, number>();
  for (const { samples } of groups) {
    for (const { sample } of samples) {
      for (const [name] of sample.labels) if (!ranks.has(name)) ranks.set(name, ranks.size);
    }
  }
  ranks.set(PART_LABEL[type], Infinity);
  const rank = ([name]: Label): number => ranks.get(name) ?? 0;
  return (sample) => {
    let before = -1;
    for (const label of sample.labels) {
      if (label[0] === "le" && type === "histogram") continue;
      if (rank(label) <= before) {
        return { ...sample, labels: sample.labels.toSorted((a, b) => rank(a) - rank(b)) };
      }
      before = rank(label);
    }
    return sample;
  };
}

/** Sorts samples by what their names add to the family's, each name in one piece. */
export function apart(samples: readonly GroupedSample[]): GroupedSample[] {
  const bySuffix = Map.groupBy(samples, ({ suffix }) => suffix);
  return [...bySuffix.keys()].toSorted().flatMap((suffix) => bySuffix.get(suffix) ?? []);
}

/**
 * Puts the samples of a histogram or summary family in an order that Fluent Bit
 * reads right: label set by label set, as they came if possible, otherwise
 * buckets by bound, then count and sum. Not regular is what Fluent Bit would read wrong, lose the
 * scrape or exit on unless it is untyped: a histogram without a finite bucket; a summary without
 * sum or count, or with quantiles and several label sets.
 */
export function repairFamily(
  type: GroupedType,
  held: readonly GroupedSample[],
  dropped: DroppedLines,
  isUntyped: boolean,
): RepairedFamily {
  const collected = collect(type, held, dropped);
  const groups = type === "histogram" ? soundHistograms(collected, dropped) : collected;
  const regular = !isUntyped && isRegular(groups, type);
  const sorted = labelSorter(groups, type);
  const layouts = new Layouts();
  const samples = groups.flatMap((group) => {
    const lines = ordered(group, type)
      .map(({ sample, suffix }) => ({ sample: sorted(sample), suffix }));
    if (!regular || type !== "histogram") return lines;
    const separator = layouts.separator(lines, group.parts.keys());
    if (separator.length === 0) return lines;
    return lines.map(({ sample, suffix }) => {
      const more = suffix === "_count" ? separator : [];
      return { sample: { ...sample, labels: [...sample.labels, ...more] }, suffix };
    });
  });
  return { samples: regular ? samples : apart(samples), isRegular: regular };
}
