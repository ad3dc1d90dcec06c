/** One metric family on its way through: what belongs to it, and how it is written. */

import { type FamilyContext, followsGroup } from "./family_context.ts";
import type { GroupedSample } from "./group.ts";
import { FamilyName } from "./family_name.ts";
import { formatApart } from "./group_lines.ts";
import { formatGroups } from "./groups.ts";
import type { MetricType } from "./header.ts";
import { labelsKey } from "./key.ts";
import { HELD_TYPES, SUFFIXES, TYPE_OUT, UNGROUPED_TYPES } from "./metric_types.ts";
import { formatSample, type Sample } from "./sample.ts";
import { escapeHelp } from "./text.ts";

/** Label names of one family that Fluent Bit 5.1.1 takes; it refuses any label behind the last of them. */
const MAX_LABEL_NAMES = 128;
/** Label names of a histogram or summary: room for `le`, for one of ours, and for another line. */
const MAX_GROUPED_LABEL_NAMES = 125;
/** Characters held of one family that has to be put in order, or of its `_created` samples. */
const MAX_HELD_CHARACTERS = 8 * 1_048_576;
/**
 * Samples held of one family, 2 KB each while they are put in order: a histogram of 20 buckets of
 * more than 2,000 engines.
 */
const MAX_HELD_SAMPLES = 50_000;
/** Series of one counter that are looked at for repetitions. */
const MAX_COUNTER_SERIES = 10_000;

/** A family from its first line to its last. Lines go in by {@linkcode Family.add}. */
export class Family {
  /** Samples written. */
  samples = 0;

  readonly #context: FamilyContext;
  readonly #name: FamilyName;
  readonly #declared: boolean;
  readonly #labelNames = new Set<string>();
  readonly #series = new Set<string>();
  readonly #held: GroupedSample[] = [];
  #heldCharacters = 0;
  #created = "";
  #help: string | undefined;
  #type: MetricType | undefined;
  #started = false;
  #repeated = false;
  /** Whether its HELP and TYPE come too late to be written. */
  #isLate = false;
  /** Whether readers take it for untyped, whatever it is. */
  #isUntyped = false;
  #written = false;

  /**
   * Begins a family.
   *
   * @param rawName The family's name as it stands in the text, colons included.
   * @param declared Whether a HELP or TYPE line began it, and not a sample.
   * @param context Where its text goes.
   */
  constructor(rawName: string, declared: boolean, context: FamilyContext) {
    this.#name = new FamilyName(rawName, context.format);
    this.#declared = declared;
    this.#context = context;
  }

  /** The type as declared, `untyped` until it is. */
  get type(): MetricType {
    return this.#type ?? "untyped";
  }

  /** Whether each sample is written by itself, so that its bytes can pass as they are. */
  get isPlain(): boolean {
    return this.#isSimple && this.type !== "counter" && this.#labelNames.size < MAX_LABEL_NAMES;
  }

  /** Whether samples may be below zero. */
  get isSigned(): boolean {
    return this.#isSimple && this.type !== "counter";
  }

  /** The name as it stood in its first line. */
  get rawName(): string {
    return this.#name.raw;
  }

  /** The name to hand out; undefined when nothing is left of it. */
  get name(): string | undefined {
    return this.#name.handedOut(this.type);
  }

  /** Sets the help text; false when it is too late or not the first. */
  setHelp(help: string): boolean {
    if (this.#started || this.#help !== undefined) return false;
    this.#help = help;
    return true;
  }

  /** Sets the type; false when it is too late or not the first. */
  setType(type: MetricType): boolean {
    if (this.#started || this.#type !== undefined) return false;
    this.#type = type;
    return true;
  }

  /**
   * Finds out whether a sample belongs here.
   *
   * @param sampleName The sample's name as it stands in the text.
   * @returns What it adds to the family's name, or undefined when it is another family's.
   */
  suffixOf(sampleName: string): string | undefined {
    return this.#name.suffixOf(sampleName, this.type);
  }

  /**
   * Takes a sample that belongs here, writes or holds it, or counts why not.
   *
   * @param sample The sample.
   * @param suffix What {@linkcode Family.suffixOf} said.
   * @returns Whether it was written at once.
   */
  add(sample: Sample, suffix: string): boolean {
    this.#start(sample.name);
    const name = this.name;
    const reason = this.#repeated
      ? "duplicate_family"
      : name === undefined
      ? "bad_name"
      : this.#takesLabels(sample)
      ? undefined
      : "too_many_labels";
    if (reason !== undefined || name === undefined) {
      this.#context.dropped.add(reason ?? "bad_name");
      return false;
    }
    if (suffix === "_created" || !this.#isSimple) {
      this.#hold(sample, suffix);
      return false;
    }
    if (this.type === "counter" && !this.#countsOn(sample)) return false;
    this.#write(formatSample(name + suffix, sample));
    this.samples++;
    return true;
  }

  /** Counts a sample that was written to the output as bytes. */
  addWritten(): void {
    this.samples++;
  }

  /** Writes what is held; the family takes nothing afterwards. */
  finish(): void {
    const name = this.name;
    if (this.#repeated || name === undefined) return;
    if (!this.#started) return this.#writeEmpty(name);
    if (!this.#isSimple) this.#writeHeld(name);
    if (this.#created !== "") this.#writeCreated();
  }

  #writeEmpty(name: string): void {
    const { names } = this.#context;
    this.#isLate = names.has(name);
    this.#isUntyped = this.#isLate;
    if (!this.#isLate) names.set(name, "header");
    this.#writeHeader(this.type);
  }

  #writeHeld(name: string): void {
    const { type } = this;
    if (type !== "histogram" && type !== "summary") {
      this.#writeHeader(type);
      this.#write(formatApart(name, this.#held));
      this.samples += this.#held.length;
      return this.#tellParts(name, type);
    }
    const { dropped } = this.#context;
    const groups = formatGroups(name, type, this.#held, { dropped, untyped: this.#isUntyped });
    this.#isUntyped = !groups.regular;
    this.#writeHeader(groups.regular ? type : "untyped");
    this.#write(groups.text);
    this.samples += groups.samples;
    if (this.#isUntyped) this.#tellParts(name, type);
  }

  /** The parts of an untyped family are families of their own for readers. */
  #tellParts(name: string, type: MetricType): void {
    const { names } = this.#context;
    for (const suffix of SUFFIXES[type]) {
      if (!names.has(name + suffix)) names.set(name + suffix, "undeclared");
    }
  }

  /** Whether each sample is written when it comes. */
  get #isSimple(): boolean {
    return !HELD_TYPES.includes(this.type);
  }

  #start(sampleName: string): void {
    if (this.#started) return;
    this.#started = true;
    this.#name.settle(sampleName);
    const name = this.name;
    if (name === undefined || !this.#declared) return;
    const { names } = this.#context;
    this.#isLate = names.has(name);
    this.#isUntyped = this.#isLate;
    this.#repeated = names.get(name) === "declared";
    names.set(name, "declared");
    if (!this.#repeated && this.#isSimple) this.#writeHeader(this.type);
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
  #countsOn(sample: Sample): boolean {
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
    if (this.#heldCharacters > MAX_HELD_CHARACTERS || this.#held.length >= MAX_HELD_SAMPLES) {
      this.#context.dropped.add("family_too_large");
    } else if (suffix === "_created") {
      this.#created += formatSample(`${this.#name.base}_created`, sample);
    } else {
      this.#held.push({ sample, suffix });
    }
  }

  #writeHeader(type: MetricType): void {
    const name = this.name;
    if (name === undefined || !this.#declared) return;
    if (this.#isLate) return this.#context.dropped.add("bad_header");
    this.#writeHeaderOf(name, this.#type === undefined ? undefined : TYPE_OUT[type]);
  }

  #writeHeaderOf(name: string, type: string | undefined): void {
    const help = this.#help ?? "";
    if (help !== "") this.#write(`# HELP ${name} ${escapeHelp(help)}\n`);
    if (type !== undefined) this.#write(`# TYPE ${name} ${type}\n`);
  }

  /** As prometheus_client does in its text format: `x_created` is a gauge of its own. */
  #writeCreated(): void {
    const name = `${this.#name.base}_created`;
    const lines = this.#created.split("\n").length - 1;
    const { dropped, names, previous } = this.#context;
    const use = names.get(name);
    if (use === "declared") return dropped.add("duplicate_family", lines);
    names.set(name, "declared");
    previous.name = undefined;
    if (use === undefined) this.#writeHeaderOf(name, "gauge");
    else dropped.add("bad_header");
    this.#write(this.#created);
    this.samples += lines;
  }

  #write(text: string): void {
    if (!this.#written && text !== "") this.#follow();
    this.#context.out.appendText(text);
  }

  /** Keeps Fluent Bit from taking this family for a part of the one before it. */
  #follow(): void {
    const { names, out, previous } = this.#context;
    this.#written = true;
    const { name } = this;
    if (name !== undefined && !names.has(name)) names.set(name, "undeclared");
    // Without HELP and TYPE a sample comes first.
    const suffixes = this.#isLate ? ["", ...SUFFIXES[this.type]] : [""];
    if (name !== undefined && suffixes.some((part) => followsGroup(name + part, previous.name))) {
      let separator = name;
      do separator += "_separator"; while (names.has(separator));
      names.set(separator, "header");
      out.appendText(`# TYPE ${separator} untyped\n`);
    }
    previous.name = this.#isUntyped || UNGROUPED_TYPES.includes(this.type) ? undefined : name;
  }
}
