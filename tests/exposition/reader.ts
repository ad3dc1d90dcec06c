/** A strict reader of what the sanitizer writes; it shares no code with it. */

/** A sample as it was read. */
export interface ReadSample {
  /** The whole sample name. */
  readonly name: string;
  /** Label values by name, in the order of the text. */
  readonly labels: ReadonlyMap<string, string>;
  /** The value. */
  readonly value: number;
  /** Milliseconds since 1970, if given. */
  readonly timestamp: number | undefined;
}

/** A metric family as it was read. */
export interface ReadFamily {
  /** The name in HELP and TYPE, or of the sample when there are neither. */
  readonly name: string;
  /** The type; undefined without a TYPE line. */
  type?: string;
  /** The help text; undefined without a HELP line. */
  help?: string;
  /** The samples in the order of the text. */
  readonly samples: ReadSample[];
}

const SUFFIXES: Record<string, readonly string[]> = {
  counter: [""],
  gauge: [""],
  untyped: [""],
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
};
const HEADER = /^# (HELP|TYPE) ([a-zA-Z_]\w*) (.*)$/s;
const LABEL = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"`;
const SAMPLE = new RegExp(
  `^([a-zA-Z_]\\w*)(?:\\{(${LABEL}(?:,${LABEL})*)\\})? ([^ ]+)(?: (-?[0-9]+))?$`,
);
const PAIR = /(\w+)="((?:[^"\\]|\\.)*)"/gs;

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, (_, character) => character === "n" ? "\n" : character);
}

function numberOf(text: string): number {
  const value = Number(text.replace("Inf", "Infinity"));
  if (Number.isNaN(value) && text !== "NaN") throw new SyntaxError(`The value ${text}`);
  return value;
}

/** Reads text 0.0.4; with `repeats`, a family or a sample may come again, as in what came of rubbish. */
export function readExposition(text: string, { repeats = false } = {}): ReadFamily[] {
  const families: ReadFamily[] = [];
  const series = new Set<string>();
  let family: ReadFamily = { name: "", samples: [] };
  const begin = (name: string): void => {
    if (!repeats && families.some((one) => one.name === name)) {
      throw new SyntaxError(`${name} is not in one group`);
    }
    family = { name, samples: [] };
    families.push(family);
  };
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new SyntaxError("The last line has no line feed");
  for (const line of lines) {
    const [, keyword, of = "", rest = ""] = HEADER.exec(line) ?? [];
    if (keyword !== undefined) {
      if (family.name !== of) begin(of);
      const isTold = keyword === "HELP" ? family.help !== undefined : family.type !== undefined;
      if (family.samples.length > 0 || isTold) throw new SyntaxError(line);
      if (keyword === "HELP") family.help = unescaped(rest);
      else if (SUFFIXES[rest] !== undefined) family.type = rest;
      else throw new SyntaxError(line);
      continue;
    }
    const [, name = "", pairs = "", value = "", time] = SAMPLE.exec(line) ?? [];
    if (name === "") throw new SyntaxError(line);
    const suffixes = SUFFIXES[family.type ?? "untyped"] ?? [];
    if (!suffixes.some((suffix) => name === family.name + suffix)) begin(name);
    const labels = new Map(
      [...pairs.matchAll(PAIR)].map(([, label = "", words = ""]) => [label, unescaped(words)]),
    );
    const key = JSON.stringify([name, [...labels].filter(([, words]) => words !== "").toSorted()]);
    if (series.has(key) && !repeats) throw new SyntaxError(`${key} twice`);
    series.add(key);
    const timestamp = time === undefined ? undefined : Number(time);
    family.samples.push({ name, labels, value: numberOf(value), timestamp });
  }
  return families;
}
