/** The parser of both formats: lines become families and their samples. */

import type { DroppedLines } from "./dropped.ts";
import { isOpenSample, parseHeader, parseSample, type Sample } from "./lines.ts";
import { NUMBERED_LINE } from "./memo.ts";
import { sanitizeMetricName } from "./tokens.ts";
import {
  type Format,
  type MetricType,
  OPENMETRICS_SUFFIX,
  SUFFIXES,
  WITH_CREATED,
} from "./types.ts";

/** Lines that a sample with an unescaped line feed may spread over. */
const MAX_OPEN_LINES = 16;

const HEADER_NAME = /^[ \t]*#[ \t]+(?:HELP|TYPE)[ \t]+([^ \t]+)/;

/** A family as far as it has been read. */
export class ParsedFamily {
  /** The name as it stands in the first line of the family. */
  readonly rawName: string;
  /** Whether a HELP or TYPE line began it, and not a sample. */
  readonly isDeclared: boolean;
  /** The name with `_` for colons; undefined when nothing is left of it. */
  readonly base: string | undefined;
  /** The help text, without escapes. */
  help: string | undefined;
  /** The type, if there was a TYPE line. */
  declaredType: MetricType | undefined;
  /** Whether a sample has been read. */
  isStarted = false;

  readonly #format: Format;
  /**
   * Whether sample names add what OpenMetrics adds, as `x_total_total` below `x_total`;
   * undefined before the first sample.
   */
  #isSuffixed: boolean | undefined;

  /** Begins without samples. */
  constructor(rawName: string, isDeclared: boolean, format: Format) {
    this.rawName = rawName;
    this.isDeclared = isDeclared;
    this.base = sanitizeMetricName(rawName);
    this.#format = format;
  }

  /** The type, `untyped` without a TYPE line. */
  get type(): MetricType {
    return this.declaredType ?? "untyped";
  }

  /** The name to hand out; undefined when nothing is left of it. */
  get name(): string | undefined {
    const added = this.#added;
    if (this.base === undefined || added === undefined) return this.base;
    return this.#isSuffixed ?? !this.base.endsWith(added) ? this.base + added : this.base;
  }

  /** Notes the first sample: all others must be named the same way. */
  start(sampleName: string): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.#isSuffixed = this.#restOf(sampleName) !== "";
  }

  /** What a sample's name adds to the family's; undefined when it belongs to another family. */
  suffixOf(sampleName: string): string | undefined {
    const rest = this.#restOf(sampleName);
    if (rest === undefined) return undefined;
    const added = this.#added;
    if (added !== undefined && (rest === "" || rest === added)) {
      return (this.#isSuffixed ?? rest === added) === (rest === added) ? "" : undefined;
    }
    if (SUFFIXES[this.type].includes(rest)) return rest;
    if (this.#format === "text") return undefined;
    return rest === "_created" && WITH_CREATED.includes(this.type) ? rest : undefined;
  }

  get #added(): string | undefined {
    return this.#format === "text" ? undefined : OPENMETRICS_SUFFIX[this.type];
  }

  #restOf(sampleName: string): string | undefined {
    if (sampleName.startsWith(this.rawName)) return sampleName.slice(this.rawName.length);
    // vLLM's mounted endpoint writes `vllm_x` below `# TYPE vllm:x` when asked for OpenMetrics.
    const name = sanitizeMetricName(sampleName);
    if (name === undefined || this.base === undefined) return undefined;
    return name.startsWith(this.base) ? name.slice(this.base.length) : undefined;
  }
}

/** Takes what the parser reads. */
export interface ParserSink {
  /** A family begins. */
  begin(family: ParsedFamily): void;
  /** A sample of the family that began last; `suffix` is what its name adds to the family's. */
  sample(sample: Sample, suffix: string): void;
  /** The family has ended. */
  end(): void;
}

/** What a {@linkcode Parser} needs. */
export interface ParserOptions {
  /** The format that is read. */
  readonly format: Format;
  /** Counts the lines that cannot be read. */
  readonly dropped: DroppedLines;
  /** Takes what is read. */
  readonly sink: ParserSink;
  /** Bound on a line that is put together from several, in characters. */
  readonly maxLineLength: number;
}

/** Reads lines one after the other. */
export class Parser {
  /** Whether a line of an exposition has been read. */
  isRecognized = false;
  /** The family being read. */
  family: ParsedFamily | undefined;
  /** Whether all samples of the family were one whole line each. */
  isWhole = true;

  readonly #options: ParserOptions;
  /** The lines so far of a sample whose label value holds line feeds. */
  #open: string | undefined;
  #openLines = 0;
  /** The number of the value at the end of the line. */
  #slot: number | undefined;

  /** Begins at the top of a text. */
  constructor(options: ParserOptions) {
    this.#options = options;
  }

  /** Reads lines; the samples behind `headLength` that end with a plain number are counted. */
  lines(text: string, headLength = Infinity): void {
    let slots = 0;
    for (let at = 0; at < text.length;) {
      const end = text.indexOf("\n", at);
      const line = text.slice(at, end < 0 ? undefined : end);
      this.#slot = at >= headLength && NUMBERED_LINE.test(line) ? slots++ : undefined;
      this.#line(line);
      at = end < 0 ? text.length : end + 1;
    }
  }

  #line(line: string): void {
    const start = line.startsWith("\uFEFF") ? 1 : 0;
    const text = line.slice(start, line.endsWith("\r") ? -1 : undefined);
    if (this.#open !== undefined && this.#continue(text)) return;
    const first = /[^ \t]/.exec(text)?.[0];
    if (first === undefined) return;
    if (first === "#") return this.#header(text);
    if (this.#sample(text) !== "bad_label" || !isOpenSample(text)) return;
    this.#open = text;
    this.#openLines = 1;
    this.isWhole = false;
  }

  /** Ends the family, as at the end of the text. */
  finishFamily(): void {
    this.#closeOpen();
    if (this.family !== undefined) this.#options.sink.end();
    this.family = undefined;
    this.isWhole = true;
  }

  #begin(rawName: string, isDeclared: boolean): ParsedFamily {
    this.finishFamily();
    const family = new ParsedFamily(rawName, isDeclared, this.#options.format);
    this.family = family;
    this.#options.sink.begin(family);
    return family;
  }

  /** Reads a line as a sample; the reason is counted unless the line may go on. */
  #sample(line: string): string | undefined {
    const { dropped, format, sink } = this.#options;
    const sample = parseSample(line, format === "openmetrics");
    if (typeof sample === "string") {
      if (sample !== "bad_label" || !isOpenSample(line)) dropped.add(sample);
      return sample;
    }
    this.isRecognized = true;
    if (sample.isBare) sample.slot = this.#slot;
    const suffix = this.family?.suffixOf(sample.name);
    if (suffix !== undefined) {
      this.family?.start(sample.name);
      sink.sample(sample, suffix);
    } else if (this.family?.rawName === sample.name) {
      // Fluent Bit loses the scrape on `h 1` below `# TYPE h histogram`.
      dropped.add("bad_syntax");
    } else {
      this.#begin(sample.name, false).start(sample.name);
      sink.sample(sample, "");
    }
    return undefined;
  }

  /** Adds a line to the open sample; false when it stands for itself and the sample is lost. */
  #continue(line: string): boolean {
    const joined = `${this.#open}\n${line}`;
    const standsAlone = /^[ \t]*#[ \t]+(?:HELP|TYPE)[ \t]/.test(line) ||
      typeof parseSample(line, false) !== "string";
    if (standsAlone) {
      this.#closeOpen();
      return false;
    }
    if (isOpenSample(joined)) {
      this.#open = joined;
      this.#openLines++;
      const isTooLong = joined.length > this.#options.maxLineLength;
      if (this.#openLines > MAX_OPEN_LINES || isTooLong) this.#closeOpen();
      return true;
    }
    this.#open = undefined;
    this.#sample(joined);
    return true;
  }

  #closeOpen(): void {
    if (this.#open !== undefined) this.#options.dropped.add("bad_label", this.#openLines);
    this.#open = undefined;
    this.#openLines = 0;
  }

  #header(line: string): void {
    const header = parseHeader(line, this.#options.format);
    if (header === "comment") return;
    if (header === "bad_header") {
      this.#options.dropped.add("bad_header");
      // Whatever it was to say, what follows belongs to another family.
      if (HEADER_NAME.exec(line)?.[1] !== this.family?.rawName) this.finishFamily();
      return;
    }
    this.isRecognized = true;
    const family = this.family?.rawName === header.family && this.family !== undefined
      ? this.family
      : this.#begin(header.family, true);
    const isHelp = header.kind === "help";
    const isSet = isHelp ? family.help !== undefined : family.declaredType !== undefined;
    if (family.isStarted || isSet) this.#options.dropped.add("bad_header");
    else if (isHelp) family.help = header.help;
    else family.declaredType = header.type;
  }
}
