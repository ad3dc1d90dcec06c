/** Arbitrary metric families, as the lines that a document is written from. */

import * as fc from "fast-check";
import type { OracleFormat } from "./oracle.ts";

/** A label: name and value without escapes. */
export type LabelModel = readonly [name: string, value: string];

/** A sample. */
export interface Line {
  /** The sample's name. */
  readonly name: string;
  /** The labels in their order. */
  readonly labels: readonly LabelModel[];
  /** The value as it is spelt. */
  readonly value: string;
  /** Milliseconds since 1970. */
  readonly time?: number;
  /** What follows the sample in OpenMetrics. */
  readonly exemplar: string;
}

/** A family. */
export interface FamilyModel {
  /** The name in its HELP and TYPE lines. */
  readonly name: string;
  /** The type; no TYPE line without. */
  readonly type?: string;
  /** The help text; no HELP line without. */
  readonly help?: string;
  /** Whether TYPE stands before HELP. */
  readonly typeFirst: boolean;
  /** The samples. */
  readonly lines: readonly Line[];
}

const LABEL_NAMES = ["model_name", "engine", "le", "quantile", "inf", "NaN", "_x", "__y", "a"];
const UTF8_LABEL_NAMES = ["my.label", "é", "sp ace", 'q"'];
const VALUES = [
  ..."0,-0,1,1.0,+5,.5,5.,1e5,1E+09,1.5e-05,-2.5e3,1.2e+010,1e-320,NaN,+Inf,-Inf,Inf,nan".split(
    ",",
  ),
  "18446744073709551616",
  "9007199254740993",
  `0.${"1".repeat(75)}`,
  "2.2250738585072014e-308",
];
const TEXT_TYPES = ["counter", "gauge", "histogram", "summary", "untyped", undefined];
const OPENMETRICS_TYPES = [
  ...["counter", "gauge", "histogram", "summary", "unknown", "info", "stateset"],
  ...["gaugehistogram", undefined],
];
const EXEMPLARS = ["", "", ' # {trace_id="a#b\\"} 1"} 0.5', " # {} 1 1395066363.5"];
/** Characters that have to be escaped, that look like syntax, or that one format has no escape for. */
const CHARACTERS = [...'ab:01 \t\n\r\0\\"{}=,#_\v\x7f', "é", "模", "\u{1f600}", "\ufeff", "\ufffd"];

const text = fc.string({ unit: fc.constantFrom(...CHARACTERS), maxLength: 12 });
const value = fc.oneof(
  fc.constantFrom(...VALUES),
  fc.double().map(spelt),
  fc.integer().map(String),
);
const positive = fc.oneof(
  fc.constantFrom("0", "1.0", "1e5", "+Inf", "NaN", "3"),
  fc.double({ min: 0 }).map(spelt),
);
const time = fc.option(fc.integer({ min: -5, max: 2_000_000_000_000 }), {
  nil: undefined,
  freq: 3,
});
const help = fc.option(text.map((words) => words.replace(/^[ \t]+|\r+$/g, "")), { nil: undefined });

function spelt(number: number): string {
  return Object.is(number, -0) ? "-0" : String(number).replace("Infinity", "Inf");
}

/** Label sets of one family, each of them once; some lack a label, some have them in another order. */
function labelSets(format: OracleFormat, without: string): fc.Arbitrary<LabelModel[][]> {
  const pool = [...LABEL_NAMES, ...format === "1.0.0" ? UTF8_LABEL_NAMES : []];
  const names = fc.uniqueArray(fc.constantFrom(...pool.filter((name) => name !== without)), {
    maxLength: 4,
  });
  return names.chain((chosen) => {
    const label = (name: string): fc.Arbitrary<LabelModel> => text.map((words) => [name, words]);
    const set = fc.tuple(fc.tuple(...chosen.map(label)), fc.nat(9)).map(([labels, shape]) => {
      if (shape === 0) return labels.slice(1);
      return shape === 1 ? labels.toReversed() : labels;
    });
    return fc.uniqueArray(set, { maxLength: 3, selector: keyOf });
  });
}

/** Empty labels are absent ones, and repairs may make two texts one. */
function keyOf(labels: readonly LabelModel[]): string {
  const repaired = labels.map(([name, words]) =>
    [name, words.replace(/\r\n?/g, "\n").replaceAll("\0", "\ufffd")] as const
  );
  return JSON.stringify(repaired.filter(([, words]) => words !== "").toSorted());
}

function simpleLines(name: string, format: OracleFormat, type?: string): fc.Arbitrary<Line[]> {
  const isCounter = type === "counter";
  const suffix = format !== "openmetrics"
    ? ""
    : isCounter
    ? "_total"
    : type === "info"
    ? "_info"
    : "";
  const sample = fc.record({
    value: isCounter ? positive : value,
    time,
    exemplar: isCounter ? fc.constantFrom(...EXEMPLARS) : fc.constant(""),
    created: fc.boolean(),
  });
  return labelSets(format, "").chain((sets) =>
    fc.tuple(...sets.map((labels) =>
      sample.map(({ created, ...rest }): Line[] => [
        lineOf({ ...rest, name: name + suffix, labels }),
        ...created && suffix === "_total"
          ? [
            lineOf({
              name: `${name}_created`,
              labels,
              value: "1.79e+09",
              exemplar: "",
              time: undefined,
            }),
          ]
          : [],
      ])
    )).map((lines) => lines.flat())
  );
}

function lineOf({ time, ...rest }: Omit<Line, "time"> & { time: number | undefined }): Line {
  return time === undefined ? rest : { ...rest, time };
}

const BOUNDS = ["-1", "0", "0.001", "0.1", "1.0", "2.5", "1e+06", "1e+09"];

/** How the lines of one label set stand: with the count before the sum or not, and so on. */
const ORDERS = [["parts", "count", "sum"], ["parts", "sum", "count"], ["sum", "count", "parts"]];

/** Histograms and summaries. */
function groupedLines(name: string, format: OracleFormat, type: string): fc.Arbitrary<Line[]> {
  const isHistogram = type.endsWith("histogram");
  const part = isHistogram ? "le" : "quantile";
  const [sumName, countName] = type === "gaugehistogram"
    ? ["_gsum", "_gcount"]
    : ["_sum", "_count"];
  const bounds = fc.subarray(BOUNDS);
  const group = fc.record({
    own: bounds,
    shares: fc.nat(3),
    counts: fc.array(fc.nat(1_000), { minLength: 9, maxLength: 9 }),
    sum: value,
    time,
    partAt: fc.nat(2),
    bare: fc.nat(5),
    created: fc.boolean(),
    order: fc.constantFrom(...format === "openmetrics" ? ORDERS.slice(0, 1) : ORDERS),
    exemplar: fc.constantFrom(...EXEMPLARS),
  });
  const withSets = labelSets(format, part).chain((sets) =>
    fc.tuple(...sets.map((labels) => group.map((drawn) => ({ labels, ...drawn }))))
  );
  return fc.tuple(bounds, withSets, fc.boolean()).map(([common, sets, interleaved]) => {
    const lines = sets.map(({ labels, own, shares, counts, bare, created, order, ...drawn }) => {
      const parts = [...shares === 0 ? own : common, ...isHistogram ? ["+Inf"] : []];
      const total = counts.slice(0, parts.length).reduce((sum, count) => sum + count, 0);
      const at = drawn.partAt === 0 ? 0 : drawn.partAt === 1 ? labels.length : labels.length >> 1;
      const line = (suffix: string, text: string, all: readonly LabelModel[]): Line =>
        lineOf({ name: name + suffix, labels: all, value: text, time: drawn.time, exemplar: "" });
      let running = 0;
      const pieces: Record<string, Line[]> = {
        parts: parts.map((bound, index) => {
          running += counts[index] ?? 0;
          const all = labels.toSpliced(at, 0, [part, bound]);
          return isHistogram
            ? { ...line("_bucket", String(running), all), exemplar: drawn.exemplar }
            : line("", drawn.sum, all);
        }),
        count: [line(countName, isHistogram ? String(total) : "7", labels)],
        sum: [line(sumName, drawn.sum, labels)],
      };
      // OpenMetrics may leave out sum and count, and put `_created` behind them.
      const isBare = format === "openmetrics" && bare === 0 && type !== "gaugehistogram";
      const kept = isBare ? ["parts"] : order;
      const isCreated = created && format === "openmetrics" && type !== "gaugehistogram";
      const createdLine = isCreated ? [line("_created", "1.5e+09", labels)] : [];
      return [...kept.flatMap((key) => pieces[key] ?? []), ...createdLine];
    });
    const all = lines.flat();
    const byName = (one: Line, other: Line): number =>
      one.name < other.name ? -1 : Number(one.name > other.name);
    return interleaved && format !== "openmetrics" ? all.toSorted(byName) : all;
  });
}

/**
 * Gives families of all types of a format.
 *
 * @param name The family's name.
 * @param format The format.
 */
export function arbitraryFamily(name: string, format: OracleFormat): fc.Arbitrary<FamilyModel> {
  const types = format === "openmetrics" ? OPENMETRICS_TYPES : TEXT_TYPES;
  return fc.constantFrom(...types).chain((type) => {
    const isGrouped = type === "summary" || type?.endsWith("histogram");
    const lines = isGrouped
      ? groupedLines(name, format, type ?? "")
      : simpleLines(name, format, type);
    return fc.record({ help, typeFirst: fc.boolean(), lines }).map((drawn): FamilyModel => {
      const { help: words, ...rest } = drawn;
      return {
        ...rest,
        name,
        ...type === undefined ? {} : { type },
        ...words === undefined ? {} : { help: words },
      };
    });
  });
}
