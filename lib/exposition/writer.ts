/** Writes families as text 0.0.4 that every reader takes. */

import type { DroppedLines } from "./dropped.ts";
import { formatHead, type Sample } from "./lines.ts";
import type { ParsedFamily } from "./parser.ts";
import { apart, type GroupedSample, repairFamily } from "./repair.ts";
import { escapeHelp, labelsKey } from "./tokens.ts";
import {
  followsGroup,
  HELD_TYPES,
  type MetricType,
  SUFFIXES,
  TYPE_OUT,
  UNGROUPED_TYPES,
} from "./types.ts";

/** Label names of one family that Fluent Bit 5.1.1 takes; it refuses any label behind the last of them. */
const MAX_LABEL_NAMES = 128;
/** Label names of a histogram or summary: room for `le`, for one of ours, and for another line. */
const MAX_GROUPED_LABEL_NAMES = 125;
/** Characters held of one family that has to be put in order, or of its `_created` samples. */
const MAX_HELD_CHARACTERS = 8 * 1_048_576;
/**
 * Samples held of one family, 2 KB each while they are put in order: a histogram of 20 buckets of
 * 1,000 engines.
 */
const MAX_HELD_SAMPLES = 20_000;
/** Series of one counter that are looked at for repetitions. */
const MAX_COUNTER_SERIES = 10_000;

/** What was written of a name: HELP and TYPE alone, its samples below them, or samples alone. */
export type NameUse = "header" | "declared" | "undeclared";

/** What the families of one exposition share. */
export class WriterContext {
  /** The text written so far; the reader of it empties it. */
  text = "";
  /** Counts what was left out. */
  readonly dropped: DroppedLines;
  /** The names written so far, whose HELP and TYPE can be written no more. */
  readonly names: Map<string, NameUse> = new Map();
  /** What the current family added to `names`. */
  added: [string, NameUse][] = [];
  /** The name of the family written last, if Fluent Bit may take more samples for parts of it. */
  previous: string | undefined;
  /** Where in the text numbers stand as in the input, and which of its numbers they are. */
  numbers: [at: number, length: number, slot: number][] = [];
  /** Whether the text of the current family depends on families before it. */
  isDependent = false;

  /** Begins without names. */
  constructor(dropped: DroppedLines) {
    this.dropped = dropped;
  }

  /** Notes the use of a name. */
  use(name: string, use: NameUse): void {
    this.names.set(name, use);
    this.added.push([name, use]);
  }

  /** Notes what is written behind the text so far. */
  begin(): void {
    this.added = [];
    this.numbers = [];
    this.isDependent = false;
  }
}

/** Writes one family, from its first sample to its last. */
export class FamilyWriter {
  /** Samples written. */
  samples = 0;

  readonly #context: WriterContext;
  readonly #family: ParsedFamily;
  readonly #labelNames = new Set<string>();
  readonly #series = new Set<string>();
  readonly #held: GroupedSample[] = [];
  readonly #created: Sample[] = [];
  #heldCharacters = 0;
  #isStarted = false;
  /** Whether the same family was written before. */
  #isRepeated = false;
  /** Whether its HELP and TYPE come too late to be written. */
  #isLate = false;
  /** Whether readers take it for untyped, whatever it is. */
  #isUntyped = false;
  #isWritten = false;
  #plainSample: Sample | undefined;

  /** Begins a family. */
  constructor(family: ParsedFamily, context: WriterContext) {
    this.#family = family;
    this.#context = context;
    context.begin();
  }

  /**
   * The sample before, if it was written by itself with no more than `_` for the colons of its name:
   * others of its name and label names are written so as well.
   */
  get plainSample(): Sample | undefined {
    return this.#labelNames.size < MAX_LABEL_NAMES ? this.#plainSample : undefined;
  }

  /** Writes samples like {@linkcode plainSample}, as they stand in the input. */
  copy(lines: string, count: number): void {
    const { name = "" } = this.#family;
    const own = this.#plainSample?.name ?? name;
    this.#write(own === name ? lines : lines.replace(new RegExp(`^${own}`, "gm"), name));
    this.samples += count;
  }

  /** Writes or holds a sample, or counts why not; `suffix` is what its name adds to the family's. */
  add(sample: Sample, suffix: string): void {
    this.#start();
    const { name, type } = this.#family;
    const { dropped } = this.#context;
    if (this.#isRepeated) dropped.add("duplicate_family");
    else if (name === undefined) dropped.add("bad_name");
    else if (!this.#takesLabels(sample)) dropped.add("too_many_labels");
    else if (suffix === "_created" || !this.#isSimple) this.#hold(sample, suffix);
    else if (type !== "counter") {
      this.#writeSample(name, sample);
      this.#plainSample = sample.name.replaceAll(":", "_") === name ? sample : undefined;
    } else if (this.#isNewCount(sample)) this.#writeSample(name, sample);
  }

  /** Writes what is held; the family takes nothing afterwards. */
  finish(): void {
    const { name } = this.#family;
    if (this.#isRepeated || name === undefined) return;
    if (!this.#isStarted) return this.#writeEmpty(name);
    if (!this.#isSimple) this.#writeHeld(name);
    if (this.#created.length > 0) this.#writeCreated();
  }

  get #isSimple(): boolean {
    return !HELD_TYPES.includes(this.#family.type);
  }

  #start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const { name, isDeclared, type } = this.#family;
    if (name === undefined || !isDeclared) return;
    const use = this.#context.names.get(name);
    this.#isLate = use !== undefined;
    this.#isUntyped = this.#isLate;
    this.#isRepeated = use === "declared";
    if (this.#isLate) this.#context.isDependent = true;
    this.#context.use(name, "declared");
    if (!this.#isRepeated && this.#isSimple) this.#writeHeader(type);
  }

  #writeEmpty(name: string): void {
    this.#isLate = this.#context.names.has(name);
    this.#isUntyped = this.#isLate;
    if (this.#isLate) this.#context.isDependent = true;
    else this.#context.use(name, "header");
    this.#writeHeader(this.#family.type);
  }

  #writeHeld(name: string): void {
    const { type } = this.#family;
    if (type !== "histogram" && type !== "summary") {
      this.#writeHeader(type);
      this.#writeSamples(name, apart(this.#held));
      return this.#useParts(name, type);
    }
    const { dropped } = this.#context;
    const { samples, isRegular } = repairFamily(type, this.#held, dropped, this.#isUntyped);
    this.#isUntyped = !isRegular;
    this.#writeHeader(isRegular ? type : "untyped");
    this.#writeSamples(name, samples);
    if (this.#isUntyped) this.#useParts(name, type);
  }

  /** The parts of an untyped family are families of their own for readers. */
  #useParts(name: string, type: MetricType): void {
    for (const suffix of SUFFIXES[type]) {
      const isKnown = this.#context.names.has(name + suffix);
      if (!isKnown) this.#context.use(name + suffix, "undeclared");
      else if (suffix !== "") this.#context.isDependent = true;
    }
  }

  #takesLabels({ labels }: Sample): boolean {
    const names = this.#labelNames;
    const limit = this.#isSimple ? MAX_LABEL_NAMES : MAX_GROUPED_LABEL_NAMES;
    if (labels.length + names.size > limit) {
      const fresh = labels.filter(([name]) => !names.has(name));
      const last = labels.at(-1) ?? [""];
      // The label that makes the number full has to be the last one of all.
      const isFull = names.size + fresh.length === MAX_LABEL_NAMES;
      const fits = !isFull || (names.size < MAX_LABEL_NAMES && fresh.at(-1) === last);
      if (names.size + fresh.length > limit || !fits) return false;
    }
    for (const [name] of labels) names.add(name);
    return true;
  }

  /** Fluent Bit loses the scrape on a counter below zero, and on one that falls when repeated. */
  #isNewCount(sample: Sample): boolean {
    if (Number(sample.value.replace("Inf", "Infinity")) < 0) {
      this.#context.dropped.add("negative_counter");
      return false;
    }
    const series = labelsKey(sample.labels);
    if (this.#series.has(series)) {
      this.#context.dropped.add("duplicate_sample");
      return false;
    }
    if (this.#series.size < MAX_COUNTER_SERIES) this.#series.add(series);
    return true;
  }

  #hold(sample: Sample, suffix: string): void {
    for (const [name, value] of sample.labels) {
      this.#heldCharacters += name.length + value.length;
    }
    this.#heldCharacters += sample.value.length;
    const isCreated = suffix === "_created";
    const held = isCreated ? this.#created : this.#held;
    if (this.#heldCharacters > MAX_HELD_CHARACTERS || held.length >= MAX_HELD_SAMPLES) {
      this.#context.dropped.add("family_too_large");
    } else if (isCreated) this.#created.push(sample);
    else this.#held.push({ sample, suffix });
  }

  #writeHeader(type: MetricType): void {
    const { name, isDeclared, declaredType } = this.#family;
    if (name === undefined || !isDeclared) return;
    if (this.#isLate) return this.#context.dropped.add("bad_header");
    this.#writeHeaderOf(name, declaredType === undefined ? undefined : TYPE_OUT[type]);
  }

  #writeHeaderOf(name: string, type: string | undefined): void {
    const help = this.#family.help ?? "";
    if (help !== "") this.#write(`# HELP ${name} ${escapeHelp(help)}\n`);
    if (type !== undefined) this.#write(`# TYPE ${name} ${type}\n`);
  }

  /** As prometheus_client does in its text format: `x_created` is a gauge of its own. */
  #writeCreated(): void {
    const name = `${this.#family.base}_created`;
    const context = this.#context;
    const use = context.names.get(name);
    if (use !== undefined) context.isDependent = true;
    if (use === "declared") return context.dropped.add("duplicate_family", this.#created.length);
    context.use(name, "declared");
    context.previous = undefined;
    if (use === undefined) this.#writeHeaderOf(name, "gauge");
    else context.dropped.add("bad_header");
    for (const sample of this.#created) this.#writeSample(name, sample);
  }

  #writeSamples(name: string, samples: readonly GroupedSample[]): void {
    for (const { sample, suffix } of samples) this.#writeSample(name + suffix, sample);
  }

  #writeSample(name: string, { labels, value, timestamp, slot }: Sample): void {
    const time = timestamp === undefined ? "" : ` ${timestamp}`;
    this.#write(formatHead(name, labels));
    if (slot !== undefined) {
      this.#context.numbers.push([this.#context.text.length, value.length, slot]);
    }
    this.#context.text += `${value}${time}\n`;
    this.samples++;
  }

  #write(text: string): void {
    if (!this.#isWritten) this.#follow();
    this.#context.text += text;
  }

  /** Keeps Fluent Bit from taking this family for a part of the one before it. */
  #follow(): void {
    const context = this.#context;
    const { names, previous } = context;
    const { name, type } = this.#family;
    this.#isWritten = true;
    if (name !== undefined && !names.has(name)) context.use(name, "undeclared");
    // Without HELP and TYPE a sample comes first.
    const suffixes = this.#isLate ? ["", ...SUFFIXES[type]] : [""];
    if (name !== undefined && suffixes.some((part) => followsGroup(name + part, previous))) {
      let separator = name;
      do separator += "_separator"; while (names.has(separator));
      context.use(separator, "header");
      context.isDependent = true;
      context.text += `# TYPE ${separator} untyped\n`;
    }
    context.previous = this.#isUntyped || UNGROUPED_TYPES.includes(type) ? undefined : name;
  }
}
