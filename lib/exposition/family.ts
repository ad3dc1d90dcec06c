/** One metric family on its way through: what belongs to it, and how it is written. */

import type { ByteBuffer } from "./byte_buffer.ts";
import type { DroppedLines } from "./dropped.ts";
import { formatGroups, type GroupedSample } from "./groups.ts";
import type { Format, MetricType } from "./header.ts";
import { sanitizeMetricName } from "./names.ts";
import { formatSample, type Sample } from "./sample.ts";
import { escapeHelp } from "./text.ts";

/** What each type is called in the text format 0.0.4, which knows five. */
const TYPE_OUT = {
  counter: "counter",
  gauge: "gauge",
  histogram: "histogram",
  summary: "summary",
  untyped: "untyped",
  unknown: "untyped",
  info: "gauge",
  stateset: "gauge",
  gaugehistogram: "untyped",
} as const satisfies Record<MetricType, string>;

/** What sample names add to the family's name, by type. */
const SUFFIXES: Record<MetricType, readonly string[]> = {
  counter: [""],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
  untyped: [""],
  unknown: [""],
  info: [""],
  stateset: [""],
  gaugehistogram: ["_bucket", "_gsum", "_gcount"],
};

/** What OpenMetrics puts into the family's own name, by type. */
const OPENMETRICS_SUFFIX: Partial<Record<MetricType, string>> = {
  counter: "_total",
  info: "_info",
};

/** Types whose samples may be followed by `_created` ones in OpenMetrics. */
const WITH_CREATED: readonly MetricType[] = ["counter", "histogram", "summary"];

/** Label names of one family that Fluent Bit 5.1.1 takes with certainty, `le` and one of ours left out. */
const MAX_LABEL_NAMES = 125;
/** Characters held of one family that has to be put in order, or of its `_created` samples. */
const MAX_HELD_CHARACTERS = 8 * 1_048_576;
/** Series of one counter that are looked at for repetitions. */
const MAX_COUNTER_SERIES = 10_000;

/** Where a family leaves its text and its losses, and what it must not repeat. */
export interface FamilyContext {
  /** The format that is read. */
  readonly format: Format;
  /** Takes the text 0.0.4 of the family. */
  readonly out: ByteBuffer;
  /** Counts what was left out. */
  readonly dropped: DroppedLines;
  /** Names of the families written so far. */
  readonly seen: Set<string>;
}

/** A family from its first line to its last. Lines go in by {@linkcode Family.add}. */
export class Family {
  /** The name as it stood in its first line. */
  readonly rawName: string;
  /** Samples written. */
  samples = 0;

  readonly #context: FamilyContext;
  readonly #baseName: string | undefined;
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

  /**
   * @param rawName The family's name as it stands in the text, colons included.
   * @param declared Whether a HELP or TYPE line began it, and not a sample.
   * @param context Where its text goes.
   */
  constructor(rawName: string, declared: boolean, context: FamilyContext) {
    this.rawName = rawName;
    this.#baseName = sanitizeMetricName(rawName);
    this.#declared = declared;
    this.#context = context;
  }

  /** The type as declared, `untyped` until it is. */
  get type(): MetricType {
    return this.#type ?? "untyped";
  }

  /** Whether each sample is written by itself, so that its bytes can pass as they are. */
  get isPlain(): boolean {
    return this.#started && !this.#repeated && this.#isSimple && this.type !== "counter";
  }

  /** Whether samples may be below zero. */
  get isSigned(): boolean {
    return this.#isSimple && this.type !== "counter";
  }

  /** The name to hand out; undefined when nothing is left of it. */
  get name(): string | undefined {
    const name = this.#baseName;
    const suffix = OPENMETRICS_SUFFIX[this.type];
    if (name === undefined || suffix === undefined || this.#context.format === "text") return name;
    return name.endsWith(suffix) ? name : name + suffix;
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
    const rest = sampleName.startsWith(this.rawName)
      ? sampleName.slice(this.rawName.length)
      : this.#renamedSuffix(sampleName);
    if (rest === undefined) return undefined;
    if (SUFFIXES[this.type].includes(rest)) return rest;
    if (this.#context.format === "text") return undefined;
    if (rest === OPENMETRICS_SUFFIX[this.type]) return "";
    return rest === "_created" && WITH_CREATED.includes(this.type) ? rest : undefined;
  }

  /** vLLM's mounted endpoint writes `vllm_x` below `# TYPE vllm:x` when asked for OpenMetrics. */
  #renamedSuffix(sampleName: string): string | undefined {
    const name = sanitizeMetricName(sampleName);
    const family = this.#baseName;
    if (name === undefined || family === undefined || !name.startsWith(family)) return undefined;
    return name.slice(family.length);
  }

  /**
   * Takes a sample that belongs here, writes or holds it, or counts why not.
   *
   * @param sample The sample.
   * @param suffix What {@linkcode Family.suffixOf} said.
   */
  add(sample: Sample, suffix: string): void {
    const { dropped } = this.#context;
    this.#start();
    if (this.#repeated) return dropped.add("duplicate_family");
    if (this.name === undefined) return dropped.add("bad_name");
    if (!this.#takesLabels(sample)) return dropped.add("too_many_labels");
    if (suffix === "_created") return this.#hold(sample, suffix);
    if (!this.#isSimple) return this.#hold(sample, suffix);
    if (this.type === "counter" && !this.#countsOn(sample)) return;
    this.#write(formatSample(this.name + suffix, sample));
    this.samples++;
  }

  /** Counts a sample that was written to the output as bytes. */
  addWritten(): void {
    this.samples++;
  }

  /** Writes what is held; the family takes nothing afterwards. */
  finish(): void {
    if (!this.#started) this.#writeHeader(this.type);
    if (this.#repeated || this.name === undefined) return;
    if (this.#held.length > 0) {
      const kind = this.type === "histogram" ? "histogram" : "summary";
      const groups = formatGroups(this.name, kind, this.#held, this.#context.dropped);
      this.#writeHeader(groups.regular ? this.type : "untyped");
      this.#write(groups.text);
      this.samples += groups.samples;
    }
    if (this.#created !== "") this.#writeCreated();
  }

  get #isSimple(): boolean {
    return this.type !== "histogram" && this.type !== "summary";
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    const name = this.name;
    if (name === undefined || !this.#declared) return;
    this.#repeated = this.#context.seen.has(name);
    this.#context.seen.add(name);
    if (!this.#repeated && this.#isSimple) this.#writeHeader(this.type);
  }

  #takesLabels(sample: Sample): boolean {
    for (const [name] of sample.labels) {
      if (this.#labelNames.has(name)) continue;
      if (this.#labelNames.size === MAX_LABEL_NAMES) return false;
      this.#labelNames.add(name);
    }
    return true;
  }

  /** Fluent Bit loses the scrape on a counter below zero, and on one that falls when repeated. */
  #countsOn(sample: Sample): boolean {
    if (Number(sample.value.replace("Inf", "Infinity")) < 0) {
      this.#context.dropped.add("negative_counter");
      return false;
    }
    const series = JSON.stringify(sample.labels.toSorted());
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
    if (this.#heldCharacters > MAX_HELD_CHARACTERS) {
      this.#context.dropped.add("family_too_large");
    } else if (suffix === "_created") {
      this.#created += formatSample(`${this.#baseName}_created`, sample);
    } else {
      this.#held.push({ sample, suffix });
    }
  }

  #writeHeader(type: MetricType): void {
    const name = this.name;
    if (name === undefined || !this.#declared) return;
    const help = this.#help?.trimStart() ?? "";
    if (help !== "") this.#write(`# HELP ${name} ${escapeHelp(help)}\n`);
    if (this.#type !== undefined) this.#write(`# TYPE ${name} ${TYPE_OUT[type]}\n`);
  }

  /** As prometheus_client does in its text format: `x_created` is a gauge of its own. */
  #writeCreated(): void {
    const name = `${this.#baseName}_created`;
    const lines = this.#created.split("\n").length - 1;
    if (this.#context.seen.has(name)) return this.#context.dropped.add("duplicate_family", lines);
    this.#context.seen.add(name);
    const help = this.#help?.trimStart() ?? "";
    if (help !== "") this.#write(`# HELP ${name} ${escapeHelp(help)}\n`);
    this.#write(`# TYPE ${name} gauge\n${this.#created}`);
    this.samples += lines;
  }

  #write(text: string): void {
    this.#context.out.appendText(text);
  }
}
