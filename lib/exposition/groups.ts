/** Histograms and summaries in the one order that Fluent Bit reads right. */

import type { DroppedLines } from "./dropped.ts";
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

/** The samples of one label set. */
interface Group {
  /** By bound (`le`) or quantile. */
  readonly parts: Map<number, Sample>;
  readonly samples: GroupedSample[];
  sum?: Sample;
  count?: Sample;
}

type Kind = "histogram" | "summary";

const PART_LABEL = { histogram: "le", summary: "quantile" } as const;
const PART_SUFFIX = { histogram: "_bucket", summary: "" } as const;

/** Reads a value as it stands in sanitised text. */
function numberOf(value: string): number {
  return Number(value.replace(/inf$/i, "Infinity"));
}

/** A count that Fluent Bit can turn into a whole number without making one up. */
function isCount(sample: Sample): boolean {
  const count = numberOf(sample.value);
  return count >= 0 && Number.isFinite(count);
}

function partOf(sample: Sample, kind: Kind): string {
  return sample.labels.find(([name]) => name === PART_LABEL[kind])?.[1] ?? "";
}

function groupKey(labels: readonly Label[], part: string): string {
  return JSON.stringify(labels.filter(([name]) => name !== part).toSorted());
}

/** Sorts samples into groups; one that repeats another or lacks its label is counted out. */
function collect(kind: Kind, held: readonly GroupedSample[], dropped: DroppedLines): Group[] {
  const groups = new Map<string, Group>();
  for (const grouped of held) {
    const { sample, suffix } = grouped;
    const isPart = suffix === PART_SUFFIX[kind];
    const key = groupKey(sample.labels, isPart ? PART_LABEL[kind] : "");
    const group: Group = groups.get(key) ?? { parts: new Map(), samples: [] };
    groups.set(key, group);
    if (isPart) {
      const text = partOf(sample, kind);
      const part = numberOf(text);
      if (text.trim() === "" || Number.isNaN(part)) {
        dropped.add("bad_label");
        continue;
      }
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

/** The label set of a group without the part label, taken from any of its samples. */
function withPart(sample: Sample, kind: Kind, part: string | undefined, value: string): Sample {
  const labels = sample.labels.filter(([name]) => name !== PART_LABEL[kind]);
  return {
    ...sample,
    labels: part === undefined ? labels : [...labels, [PART_LABEL[kind], part]],
    value,
  };
}

/**
 * Gives a histogram the `+Inf` bucket, count and sum that Fluent Bit takes by
 * position and misreads when one lacks. The first two say the same; a sum that
 * was not told is not a number.
 */
function complete(group: Group): boolean {
  const last = group.parts.get(Infinity) ?? group.count;
  const count = group.count ?? group.parts.get(Infinity);
  if (last === undefined || count === undefined) return false;
  if (!group.parts.has(Infinity)) {
    group.parts.set(Infinity, withPart(last, "histogram", "+Inf", last.value));
  }
  group.count ??= withPart(count, "histogram", undefined, count.value);
  group.sum ??= withPart(count, "histogram", undefined, "NaN");
  return true;
}

/** Takes out the groups that cannot be completed or whose counts are not counts. */
function soundHistograms(groups: readonly Group[], dropped: DroppedLines): Group[] {
  return groups.filter((group) => {
    const counts = [...group.parts.values(), ...group.count === undefined ? [] : [group.count]];
    const reason = !counts.every(isCount)
      ? "bad_count"
      : !complete(group)
      ? "incomplete_histogram"
      : undefined;
    if (reason !== undefined) dropped.add(reason, group.samples.length);
    return reason === undefined;
  });
}

/** Fluent Bit loses the other labels of a summary whose `quantile` comes first. */
function quantileLast(sample: Sample): Sample {
  const [first] = sample.labels;
  if (first?.[0] !== "quantile" || sample.labels.length === 1) return sample;
  return { ...sample, labels: [...sample.labels.slice(1), first] };
}

/**
 * Fluent Bit reads the bounds of the first label set for all that have the
 * same label names. An empty label, which Prometheus takes for an absent one
 * (https://prometheus.io/docs/concepts/data_model/), tells other bounds apart.
 */
function layoutLabels(layouts: string[], layout: string): Label[] {
  if (!layouts.includes(layout)) layouts.push(layout);
  const index = layouts.indexOf(layout);
  return index === 0 ? [] : [[`buckets_${index + 1}`, ""]];
}

/** Whether the bounds rise and the count comes behind them, as Fluent Bit needs it. */
function isInOrder(group: Group, kind: Kind): boolean {
  let bounds = 0;
  const rising = [...group.parts.keys()].every((part, index, parts) =>
    index === 0 || part > (parts[index - 1] ?? part)
  );
  for (const { sample, suffix } of group.samples) {
    if (suffix === "_count" && bounds < group.parts.size) return false;
    if (group.parts.get(numberOf(partOf(sample, kind))) === sample) bounds++;
  }
  return rising;
}

/** The samples of a group in an order that Fluent Bit reads right: their own if it is one. */
function ordered(group: Group, kind: Kind): GroupedSample[] {
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

function writeGroup(name: string, kind: Kind, group: Group, extra: readonly Label[]): string {
  return ordered(group, kind).map(({ sample, suffix }) => {
    const { labels } = kind === "summary" ? quantileLast(sample) : sample;
    return formatSample(name + suffix, { ...sample, labels: [...labels, ...extra] });
  }).join("");
}

/**
 * Writes the samples of a histogram or summary family group by group: in
 * the order of the text, or buckets by bound, then count and sum.
 *
 * @param name The family's name to hand out.
 * @param kind What the family is.
 * @param held Its samples in any order.
 * @param dropped Counts what cannot be handed out.
 * @returns The lines; not `regular` when a histogram has no finite bucket, or a
 *   summary lacks sum or count or differs in its quantiles: Fluent Bit reads
 *   such families wrong or loses the scrape, unless they are untyped.
 */
export function formatGroups(
  name: string,
  kind: Kind,
  held: readonly GroupedSample[],
  dropped: DroppedLines,
): FormattedGroups {
  const collected = collect(kind, held, dropped);
  const groups = kind === "histogram" ? soundHistograms(collected, dropped) : collected;
  const layouts: string[] = [];
  let text = "";
  for (const group of groups) {
    const layout = [...group.parts.keys()].toSorted((a, b) => a - b).join();
    const extra = layoutLabels(layouts, layout);
    text += writeGroup(name, kind, group, kind === "histogram" ? extra : []);
  }
  const regular = kind === "histogram"
    ? groups.every((group) => group.parts.size > 1)
    : layouts.length < 2 && groups.every(({ sum, count }) => sum && count && isCount(count));
  return { text, samples: text.split("\n").length - 1, regular };
}
