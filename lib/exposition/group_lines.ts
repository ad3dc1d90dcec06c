/** Label sets of histograms and summaries as lines that Fluent Bit reads right. */

import {
  type Group,
  type GroupedKind,
  type GroupedSample,
  PART_LABEL,
  PART_SUFFIX,
} from "./group.ts";
import { formatSample, type Label, type Sample } from "./sample.ts";

/** Whether a label is one that tells label sets apart: empty, and ours when it is on a count. */
export function isSeparator([name, value]: Label): boolean {
  return value === "" && /^bounds_*$/.test(name);
}

/** Takes out of a count the separator that an earlier pass put in. */
export function withoutSeparator(grouped: GroupedSample): GroupedSample {
  const { sample, suffix } = grouped;
  const last = sample.labels.at(-1);
  if (suffix !== "_count" || last === undefined || !isSeparator(last)) return grouped;
  return { suffix, sample: { ...sample, labels: sample.labels.slice(0, -1) } };
}

/** Whether the bounds rise and what Fluent Bit needs behind them is there. */
function isInOrder(group: Group, kind: GroupedKind): boolean {
  let bounds = 0;
  const rising = [...group.parts.keys()].every((part, index, parts) =>
    index === 0 || part > (parts[index - 1] ?? part)
  );
  for (const { suffix } of group.samples) {
    const isLater = suffix === "_count" || (kind === "summary" && suffix === "_sum");
    if (isLater && bounds < group.parts.size) return false;
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
  separator(lines: readonly GroupedSample[], bounds: Iterable<number>): Label[] {
    const [first] = lines;
    const names = (first?.sample.labels ?? []).map(([name]) => name).filter((name) =>
      name !== "le"
    );
    const layout = JSON.stringify([names, [...bounds].toSorted((a, b) => a - b)]);
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
  // Readers may keep names that begin with "__" for themselves.
  while (names.includes(name)) name += "_";
  return name;
}

/**
 * Writes the groups of a family: all labels in one order, since Fluent Bit takes
 * them by position but for the bound, and a quantile last, since it loses the
 * labels behind that one.
 */
export class GroupWriter {
  readonly #kind: GroupedKind;
  readonly #ranks = new Map<string, number>();
  readonly #layouts = new Layouts();

  /**
   * Begins with no lines.
   *
   * @param kind What the family is.
   * @param groups All its groups: their labels go in the order in which they come first.
   */
  constructor(kind: GroupedKind, groups: readonly Group[]) {
    this.#kind = kind;
    for (const { samples } of groups) {
      for (const { sample } of samples) this.#rank(sample.labels);
    }
    this.#ranks.set(PART_LABEL[kind], Infinity);
  }

  /**
   * Gives the lines of the next group.
   *
   * @param group The group.
   * @param separate Whether it is to be told from the one before it.
   */
  lines(group: Group, separate: boolean): GroupedSample[] {
    const lines = ordered(group, this.#kind).map(({ sample, suffix }) => ({
      sample: this.#sorted(sample),
      suffix,
    }));
    if (!separate) return lines;
    const separator = this.#layouts.separator(lines, group.parts.keys());
    if (separator.length === 0) return lines;
    return lines.map(({ sample, suffix }) => {
      const more = suffix === "_count" ? separator : [];
      return { sample: { ...sample, labels: [...sample.labels, ...more] }, suffix };
    });
  }

  #rank(labels: readonly Label[]): void {
    for (const [name] of labels) {
      if (!this.#ranks.has(name)) this.#ranks.set(name, this.#ranks.size);
    }
  }

  #sorted(sample: Sample): Sample {
    const isBound = ([name]: Label): boolean => name === "le" && this.#kind === "histogram";
    const rank = ([name]: Label): number => this.#ranks.get(name) ?? 0;
    const isSorted = sample.labels.filter((label) => !isBound(label)).every((label, index, all) =>
      index === 0 || rank(label) > rank(all[index - 1] ?? label)
    );
    if (isSorted) return sample;
    return { ...sample, labels: sample.labels.toSorted((a, b) => rank(a) - rank(b)) };
  }
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
