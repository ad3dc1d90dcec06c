/** What the two front ends of vLLM make of the same numbers. */

import type { Histogram } from "./histogram.ts";
import { bare, goFloat, rustFloat } from "./numbers.ts";

/** A family without its samples. */
export interface FamilyHead {
  /** As its TYPE line has it. */
  readonly name: string;
  /** As its TYPE line has it. */
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  /** As its HELP line has it. */
  readonly help: string;
}

/** Label names and values, in the order of the Rust front end. */
export type Labels = readonly (readonly [name: string, value: string])[];

/** Where the values of a child come from. */
export type Source =
  | { readonly kind: "number"; readonly read: () => number; readonly isFloat?: boolean }
  | { readonly kind: "histogram"; readonly histogram: Histogram }
  | { readonly kind: "summary"; readonly count: () => number; readonly sum: () => number };

/** One set of labels of a family. */
export interface Child {
  /** The labels. */
  readonly labels: Labels;
  /** Its values. */
  readonly source: Source;
  /** When it was made, in seconds since 1970; undefined for what has no `_created` beside it. */
  readonly createdSeconds?: () => number;
  /** Whether it is there yet; always when there is no such function. */
  readonly isShown?: () => boolean;
}

/** Gives the children of a family by its name without `_total`. */
export type ChildrenOf = (base: string) => readonly Child[];

interface Sample {
  readonly prefix: string;
  readonly read: () => number;
  readonly write: (value: number) => string;
  readonly isShown: (() => boolean) | undefined;
}

interface Block {
  readonly head: string;
  readonly samples: readonly Sample[];
  /** Whether it is left out while it has no sample. */
  readonly isOptional: boolean;
}

/** A text that is written again and again with other values. */
export class Exposition {
  readonly #blocks: readonly Block[];
  readonly #end: string;

  private constructor(blocks: readonly Block[], end: string) {
    this.#blocks = blocks;
    this.#end = end;
  }

  /**
   * The text of vLLM's Python front end.
   *
   * @param heads The families, in the order of one process.
   * @param childrenOf Their children.
   * @param isMultiprocess Whether there are several API servers: then the families come by type,
   * histograms begin with their sum, and nothing says when it was created.
   */
  static python(
    heads: readonly FamilyHead[],
    childrenOf: ChildrenOf,
    isMultiprocess: boolean,
  ): Exposition {
    const types = ["gauge", "histogram", "summary", "counter"];
    const ordered = isMultiprocess
      ? heads.toSorted((one, other) => types.indexOf(one.type) - types.indexOf(other.type))
      : heads;
    const blocks = ordered.flatMap((head) => pythonBlocks(head, childrenOf, isMultiprocess));
    return new Exposition(blocks, "");
  }

  /**
   * The text of vLLM's Rust front end.
   *
   * @param heads The families, in their order.
   * @param childrenOf Their children.
   */
  static rust(heads: readonly FamilyHead[], childrenOf: ChildrenOf): Exposition {
    const blocks = heads.map((head): Block => ({
      head: headLines(head),
      samples: childrenOf(head.name).flatMap((child) => rustSamples(head, child)),
      isOptional: false,
    }));
    return new Exposition(blocks, "# EOF\n");
  }

  /** Writes it with the values of now. */
  text(): string {
    let text = "";
    for (const { head, samples, isOptional } of this.#blocks) {
      let lines = "";
      for (const { prefix, read, write, isShown } of samples) {
        if (isShown !== undefined && !isShown()) continue;
        lines += `${prefix}${write(read())}\n`;
      }
      if (lines !== "" || !isOptional) text += head + lines;
    }
    return text + this.#end;
  }
}

function headLines({ name, type, help }: FamilyHead): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function prefixOf(name: string, labels: Labels): string {
  if (labels.length === 0) return `${name} `;
  return `${name}{${labels.map(([label, value]) => `${label}="${escaped(value)}"`).join(",")}} `;
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function bounds(histogram: Histogram): string[] {
  return [...histogram.bounds.map(rustFloat), "+Inf"];
}

/** The samples of a child; `le` is put in by the caller's way of ordering labels. */
function samplesOf(
  name: string,
  { labels, source, isShown }: Child,
  order: (labels: Labels) => Labels,
  write: { whole: (value: number) => string; float: (value: number) => string },
): { buckets: Sample[]; count: Sample[]; sum: Sample[] } {
  const prefix = (suffix: string, more: Labels = []): string =>
    prefixOf(name + suffix, order([...more, ...labels]));
  const { whole, float } = write;
  if (source.kind === "number") {
    const value = { prefix: prefix(""), read: source.read, isShown };
    return {
      buckets: [{ ...value, write: source.isFloat === true ? float : whole }],
      count: [],
      sum: [],
    };
  }
  const isHistogram = source.kind === "histogram";
  const count = isHistogram ? (): number => source.histogram.count : source.count;
  const sum = isHistogram ? (): number => source.histogram.sum : source.sum;
  const buckets = !isHistogram ? [] : bounds(source.histogram).map((bound, index) => ({
    prefix: prefix("_bucket", [["le", bound]]),
    read: (): number => source.histogram.cumulative(index),
    write: whole,
    isShown,
  }));
  return {
    buckets,
    count: [{ prefix: prefix("_count"), read: count, write: whole, isShown }],
    sum: [{ prefix: prefix("_sum"), read: sum, write: float, isShown }],
  };
}

function pythonBlocks(head: FamilyHead, childrenOf: ChildrenOf, isMultiprocess: boolean): Block[] {
  const base = head.type === "counter" ? head.name.replace(/_total$/, "") : head.name;
  const children = childrenOf(base);
  const order = (labels: Labels): Labels => labels.toSorted(byName);
  const samples = children.flatMap((child) => {
    const parts = samplesOf(head.name, child, order, { whole: goFloat, float: goFloat });
    const { buckets, count, sum } = parts;
    const isHistogram = child.source.kind === "histogram";
    return isMultiprocess && isHistogram
      ? [...sum, ...buckets, ...count]
      : [...buckets, ...count, ...sum];
  });
  // A family that a run without speculative decoding, or one with several processes, does not have.
  if (children.length === 0) return [];
  const block = { head: headLines(head), samples, isOptional: false };
  const created = children.flatMap(({ labels, createdSeconds, isShown }): Sample[] =>
    createdSeconds === undefined || head.type === "gauge" || isMultiprocess ? [] : [{
      prefix: prefixOf(`${base}_created`, order(labels)),
      read: createdSeconds,
      write: goFloat,
      isShown,
    }]
  );
  const createdHead = headLines({ name: `${base}_created`, type: "gauge", help: head.help });
  return [block, { head: createdHead, samples: created, isOptional: true }];
}

function rustSamples(head: FamilyHead, child: Child): Sample[] {
  const name = head.type === "counter" ? `${head.name}_total` : head.name;
  const parts = samplesOf(name, child, (labels) => labels, { whole: bare, float: rustFloat });
  return [...parts.sum, ...parts.count, ...parts.buckets];
}
