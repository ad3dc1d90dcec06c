/**
 * Strict readers of the Prometheus text formats 0.0.4 and 1.0.0 and of
 * OpenMetrics 1.0, character by character. They share no code with the sanitiser.
 */

import { LineReader } from "./oracle_line.ts";

/** The formats by the names that Content-Type gives their versions. */
export type OracleFormat = "0.0.4" | "1.0.0" | "openmetrics";

/** A sample as it was read. */
export interface OracleSample {
  /** The whole sample name. */
  readonly name: string;
  /** Label values by name, in the order of the text. */
  readonly labels: ReadonlyMap<string, string>;
  /** The value. */
  readonly value: number;
  /** Milliseconds since 1970, when told. */
  readonly timestamp?: number;
}

/** A metric family as it was read. */
export interface OracleFamily {
  /** The name in HELP and TYPE, or of the sample when there are neither. */
  readonly name: string;
  /** The type as the text has it; undefined without a TYPE line. */
  type?: string;
  /** The help text; undefined without a HELP line. */
  help?: string;
  /** The samples in the order of the text. */
  readonly samples: OracleSample[];
}

const TYPES: Record<OracleFormat, readonly string[]> = {
  "0.0.4": ["counter", "gauge", "histogram", "summary", "untyped"],
  "1.0.0": ["counter", "gauge", "histogram", "summary", "untyped"],
  "openmetrics": [
    "counter",
    "gauge",
    "histogram",
    "summary",
    "unknown",
    "info",
    "stateset",
    "gaugehistogram",
  ],
};

const TEXT_SUFFIXES: Record<string, readonly string[]> = {
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
};

const OPENMETRICS_SUFFIXES: Record<string, readonly string[]> = {
  counter: ["_total", "_created"],
  histogram: ["_bucket", "_sum", "_count", "_created"],
  gaugehistogram: ["_bucket", "_gsum", "_gcount"],
  summary: ["", "_sum", "_count", "_created"],
  info: ["_info"],
};

/** How {@linkcode readExposition} reads. */
export interface ReadOptions {
  /** Whether a family or a sample may come a second time, as in what came of rubbish. */
  readonly repeats?: boolean;
}

/**
 * Reads an exposition.
 *
 * @param text The whole text.
 * @param format Its format.
 * @param options What else is taken.
 * @returns The families in the order of the text.
 * @throws {SyntaxError} When the text is not one of the format.
 */
export function readExposition(
  text: string,
  format: OracleFormat,
  options: ReadOptions = {},
): OracleFamily[] {
  const reader = new Reader(format, options.repeats ?? false);
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new SyntaxError("The last line has no line feed");
  if (format === "openmetrics" && lines.pop() !== "# EOF") throw new SyntaxError("No # EOF");
  for (const line of lines) reader.line(line);
  return reader.families;
}

class Reader {
  readonly families: OracleFamily[] = [];
  readonly #format: OracleFormat;
  readonly #repeats: boolean;
  readonly #series = new Set<string>();
  #family: OracleFamily | undefined;

  constructor(format: OracleFormat, repeats: boolean) {
    this.#format = format;
    this.#repeats = repeats;
  }

  line(line: string): void {
    const isOpenMetrics = this.#format === "openmetrics";
    if (line.trim() === "") {
      if (isOpenMetrics) throw new SyntaxError("Empty line");
      return;
    }
    const reader = new LineReader(line, this.#format);
    if (!isOpenMetrics) reader.blanks();
    if (reader.take("#")) this.#header(reader);
    else this.#sample(reader);
  }

  #header(reader: LineReader): void {
    const keyword = reader.keyword();
    if (keyword === undefined) return;
    const name = reader.familyName();
    reader.separator();
    if (this.#family?.name !== name) this.#begin(name);
    const family = this.#family;
    if (family === undefined) return;
    if (family.samples.length > 0) throw new SyntaxError(`${keyword} behind samples of ${name}`);
    if (keyword === "UNIT") return;
    if (keyword === "HELP") {
      if (family.help !== undefined) throw new SyntaxError(`Second HELP of ${name}`);
      family.help = reader.help();
      return;
    }
    if (family.type !== undefined) throw new SyntaxError(`Second TYPE of ${name}`);
    family.type = reader.rest().trimEnd();
    if (!TYPES[this.#format].includes(family.type)) throw new SyntaxError(`Type ${family.type}`);
  }

  #sample(reader: LineReader): void {
    const sample = reader.sample();
    if (!this.#belongs(sample.name)) this.#begin(sample.name);
    const { name, labels } = sample;
    const set = [...labels].filter(([, value]) => value !== "").toSorted();
    const key = JSON.stringify([name, set]);
    if (this.#series.has(key) && !this.#repeats) throw new SyntaxError(`${key} twice`);
    this.#series.add(key);
    this.#family?.samples.push(sample);
    this.#checkPart(sample);
  }

  #belongs(sampleName: string): boolean {
    const { name, type = "" } = this.#family ?? {};
    if (name === undefined) return false;
    const table = this.#format === "openmetrics" ? OPENMETRICS_SUFFIXES : TEXT_SUFFIXES;
    return (table[type] ?? [""]).some((suffix) => sampleName === name + suffix);
  }

  /** Buckets need a bound, quantiles a quantile. */
  #checkPart({ name, labels }: OracleSample): void {
    const { name: family, type = "" } = this.#family ?? {};
    const label = type.endsWith("histogram") && name === `${family}_bucket`
      ? "le"
      : type === "summary" && name === family
      ? "quantile"
      : undefined;
    if (
      label !== undefined && Number.isNaN(Number(labels.get(label)?.replace("Inf", "Infinity")))
    ) {
      throw new SyntaxError(`${name} with ${label} ${labels.get(label)}`);
    }
  }

  #begin(name: string): void {
    if (!this.#repeats && this.families.some((family) => family.name === name)) {
      throw new SyntaxError(`${name} is not in one group`);
    }
    this.#family = { name, samples: [] };
    this.families.push(this.#family);
  }
}
