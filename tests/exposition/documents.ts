/** Arbitrary expositions that are valid in their format, as text. */

import * as fc from "fast-check";
import { renamed } from "./expected.ts";
import { arbitraryFamily, type FamilyModel, type Line } from "./families.ts";
import type { OracleFormat } from "./oracle.ts";

const NAME_PARTS = ["vllm", "a", "b1", "tokens", "Inf", "nan", "x", "seconds", "_", "count"];
const SEPARATORS = ["_", "_", ":", ":", "::", "__", "_:"];

/** Metric names, colons and underscores in all places. */
function arbitraryName(format: OracleFormat): fc.Arbitrary<string> {
  const part = fc.constantFrom(...NAME_PARTS);
  const bare = fc.tuple(
    fc.constantFrom("", "", ":", "_"),
    part,
    fc.array(fc.tuple(fc.constantFrom(...SEPARATORS), part), { maxLength: 3 }),
    fc.constantFrom("", "", "", ":", "_"),
  ).map(([start, first, more, end]) => start + first + more.flat().join("") + end);
  if (format !== "1.0.0") return bare;
  const utf8 = fc.constantFrom("vllm.x", "a b", "1st", 'q"t', "b\\s", "é1", "x-y", "l\nf", "π_π");
  return fc.oneof({ arbitrary: bare, weight: 3 }, { arbitrary: utf8, weight: 1 });
}

function isBareName(name: string): boolean {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
}

/** How a document spells what it may spell in several ways. */
interface Style {
  readonly gap: string;
  readonly end: string;
  readonly labelGap: string;
  readonly lastComma: string;
  readonly between: string;
}

const STRICT: Style = { gap: " ", end: "", labelGap: "", lastComma: "", between: "" };

function arbitraryStyle(format: OracleFormat): fc.Arbitrary<Style> {
  if (format === "openmetrics") return fc.constant(STRICT);
  const loose = fc.record({
    gap: fc.constantFrom(" ", "  ", "\t"),
    end: fc.constantFrom("", " ", "\t"),
    labelGap: fc.constantFrom("", " "),
    lastComma: fc.constantFrom("", ","),
    between: fc.constantFrom("", "\n", "# a comment\n", "#HELP a b\n", " \t\n", "# EOF\n"),
  });
  return fc.oneof({ arbitrary: fc.constant(STRICT), weight: 2 }, { arbitrary: loose, weight: 1 });
}

function quote(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
  return `"${escaped}"`;
}

function helpText(help: string, format: OracleFormat): string {
  const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return format === "openmetrics" ? escaped.replaceAll('"', '\\"') : escaped;
}

function headerName(name: string): string {
  return isBareName(name) ? name : quote(name);
}

/** Writes a sample; its exemplar only where the format has them. */
function lineText(line: Line, style: Style, format: OracleFormat): string {
  const { gap, labelGap, lastComma } = style;
  const pairs = line.labels.map(([name, value]) => {
    const label = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quote(name);
    return `${labelGap}${label}${labelGap}=${labelGap}${quote(value)}`;
  });
  const isBare = isBareName(line.name);
  const inner = [...isBare ? [] : [labelGap + quote(line.name)], ...pairs].join(`${labelGap},`);
  const start = isBare ? line.name : "";
  const block = inner === "" ? "" : `${labelGap}{${inner}${lastComma}${labelGap}}`;
  const time = line.time === undefined ? "" : gap + timeText(line.time, format);
  const exemplar = format === "openmetrics" ? line.exemplar : "";
  return `${start}${block}${gap}${line.value}${time}${exemplar}${style.end}\n`;
}

function timeText(milliseconds: number, format: OracleFormat): string {
  return format === "openmetrics" ? String(milliseconds / 1_000) : String(milliseconds);
}

function familyText(family: FamilyModel, style: Style, format: OracleFormat): string {
  const { gap, end, between } = style;
  const name = headerName(family.name);
  const help = family.help === undefined
    ? ""
    : `#${gap}HELP${gap}${name}${gap}${helpText(family.help, format)}\n`;
  const type = family.type === undefined
    ? ""
    : `#${gap}TYPE${gap}${name}${gap}${family.type}${end}\n`;
  const lines = family.lines.map((line) => lineText(line, style, format));
  const headers = family.typeFirst ? type + help : help + type;
  return between + headers + lines.join(between);
}

/** What histograms and summaries add to their names. */
const RESERVED = ["bucket", "sum", "count", "created"];

/** A name as all readers tell it from others. */
function identity(name: string): string {
  return renamed(name.replace(/[^a-zA-Z0-9_:]/gu, "_")).replace(/_+/g, "_").replace(/^_/, "");
}

/** Names that differ after renaming as well, so that no family clashes with a part of another. */
function arbitraryNames(format: OracleFormat): fc.Arbitrary<string[]> {
  const names = fc.uniqueArray(arbitraryName(format), {
    minLength: 1,
    maxLength: 6,
    selector: identity,
  });
  return names.filter((chosen) => {
    const known = chosen.map(identity);
    return known.every((name) =>
      /[a-zA-Z0-9]/.test(name) && !RESERVED.some((part) => known.includes(`${name}_${part}`))
    );
  });
}

/**
 * Gives whole documents.
 *
 * @param format The format they are valid in.
 * @returns An arbitrary of texts that hold at least one sample.
 */
export function arbitraryDocument(format: OracleFormat): fc.Arbitrary<string> {
  return arbitraryNames(format)
    .chain((names) =>
      fc.tuple(
        fc.tuple(...names.map((name) => arbitraryFamily(name, format))),
        arbitraryStyle(format),
      )
    )
    .filter(([families]) => families.some(({ lines }) => lines.length > 0))
    .map(([families, style]) => {
      const text = families.map((family) => familyText(family, style, format)).join("");
      return format === "openmetrics" ? `${text}# EOF\n` : text;
    });
}
