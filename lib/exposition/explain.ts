/** What the sanitizer does to each family of an exposition, and why. */

import { DROP_REASONS, DroppedLines, type DropReason } from "./dropped.ts";
import { type FamilyFilter, TextFilter } from "./filter.ts";
import { formatHead, type Sample } from "./lines.ts";
import { type ParsedFamily, Parser } from "./parser.ts";
import { type Format, TYPE_OUT } from "./types.ts";
import { FamilyWriter, WriterContext } from "./writer.ts";

/** What becomes of one family. */
export interface FamilyReport {
  /** Its name in the input; undefined for lines that belong to no family. */
  readonly family: string | undefined;
  /** Samples that were read. */
  readonly read: number;
  /** Samples on `/metrics`. */
  readonly written: number;
  /** What was done to it, in phrases; empty when it is passed on as it is. */
  readonly notes: readonly string[];
}

/** Which families are wanted where. */
export interface Filters {
  /** On `/metrics`. */
  readonly metrics: FamilyFilter;
  /** In a backend. */
  readonly backend: FamilyFilter;
}

/** Reads an exposition and tells what becomes of each family, in the order of the text. */
export function explain(
  text: string,
  format: Format,
  filters: Filters,
  maxLineLength: number,
): FamilyReport[] {
  const reports: FamilyReport[] = [];
  const dropped = new DroppedLines();
  const context = new WriterContext(dropped);
  let writer: FamilyWriter | undefined;
  let lines: string[] = [];
  let isRewritten = false;
  let before = new Map<DropReason, number>();

  /** The lines that were dropped since the last call. */
  const losses = (): string[] => {
    const notes = [...dropped.entries()].flatMap(([reason, count]) => {
      const more = count - (before.get(reason) ?? 0);
      return more === 0 ? [] : [`${more} dropped: ${DROP_REASONS[reason]}`];
    });
    before = new Map(dropped.entries());
    return notes;
  };

  const parser: Parser = new Parser({
    format,
    dropped,
    maxLineLength,
    sink: {
      begin: (family) => {
        const notes = losses();
        if (notes.length > 0) reports.push({ family: undefined, read: 0, written: 0, notes });
        writer = new FamilyWriter(family, context);
        lines = [];
        isRewritten = false;
      },
      sample: (sample, suffix) => {
        lines.push(plainLine(parser.family, sample, suffix));
        isRewritten ||= !sample.isBare;
        writer?.add(sample, suffix);
      },
      end: () => {
        writer?.finish();
        const { family } = parser;
        const out = context.text;
        context.text = "";
        if (family === undefined) return;
        const [kept, filtered] = filteredBy(filters, out);
        const notes = [
          ...renames(family),
          ...repairs(family, lines, out),
          ...isRewritten ? ["numbers, times or blanks are rewritten"] : [],
          ...losses(),
          ...filtered,
        ];
        reports.push({ family: family.rawName, read: lines.length, written: kept, notes });
      },
    },
  });
  for (const line of text.replace(/^\uFEFF/, "").split("\n")) {
    if (line.length > maxLineLength) dropped.add("line_too_long");
    else parser.lines(line);
  }
  parser.finishFamily();
  const notes = losses();
  if (notes.length > 0) reports.push({ family: undefined, read: 0, written: 0, notes });
  return reports;
}

/** A sample as it is written if nothing has to be repaired. */
function plainLine(family: ParsedFamily | undefined, sample: Sample, suffix: string): string {
  const name = suffix === "_created" ? family?.base : family?.name;
  const time = sample.timestamp === undefined ? "" : ` ${sample.timestamp}`;
  return `${formatHead(`${name}${suffix}`, sample.labels)}${sample.value}${time}`;
}

function renames({ rawName, name }: ParsedFamily): string[] {
  return name === undefined || name === rawName ? [] : [`renamed to ${name}`];
}

/** What differs between the samples that were read and those that are written. */
function repairs(
  { name, base, type, isDeclared, declaredType }: ParsedFamily,
  lines: readonly string[],
  out: string,
): string[] {
  const notes: string[] = [];
  const types = new Map(
    [...out.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, of = "", as = ""]) => [of, as]),
  );
  const outType = types.get(name ?? "");
  if (declaredType !== undefined && outType !== undefined && outType !== type) {
    const why = TYPE_OUT[type] === outType
      ? "as text 0.0.4 calls it"
      : "Fluent Bit would read it wrong";
    notes.push(`${type} becomes ${outType}: ${why}`);
  }
  if (!isDeclared) notes.push("has neither HELP nor TYPE");
  if (types.has(`${base}_created`) && name !== `${base}_created`) {
    notes.push(`_created becomes the family ${base}_created`);
  }
  if ([...types.keys()].some((each) => each.endsWith("_separator"))) {
    notes.push("an empty family before it: Fluent Bit would take it for a part of the one above");
  }
  const samples = out.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const read = new Set(lines);
  const changed = samples.filter((line) => !read.has(line));
  const separated = changed.filter((line) => /,?bounds_*=""\} \S+$/.test(line)).length;
  const others = changed.length - separated;
  if (separated > 0) notes.push(`${separated} with an empty label, to tell other bounds apart`);
  if (others > 0) notes.push(`${others} added or with labels in another order`);
  const written = new Set(samples);
  const [is, was] = [
    samples.filter((line) => read.has(line)),
    lines.filter((line) => written.has(line)),
  ];
  if (is.join("\n") !== was.slice(0, is.length).join("\n")) notes.push("put in order");
  return notes;
}

/** How many samples are on `/metrics`, and what is said of those that are not there or in a backend. */
function filteredBy({ metrics, backend }: Filters, out: string): [kept: number, notes: string[]] {
  const notes: string[] = [];
  const count = (text: string): number => text.match(/^[^#\n]/gm)?.length ?? 0;
  const here = count(new TextFilter(metrics).push(out));
  const there = count(new TextFilter(backend).push(out));
  if (here < count(out)) notes.push(`${count(out) - here} filtered: METRICS_DROP or METRICS_KEEP`);
  if (there < here) notes.push(`${here - there} not sent to backends: BACKEND_COMPLETE is not set`);
  return [here, notes];
}
