/** Several servers' expositions become one: each family once, with the samples of all of them. */

import { DroppedLines } from "./dropped.ts";
import { Memo, withoutNumbers } from "./memo.ts";
import { MAX_LINE_BYTES, Sanitizer, SanitizerMemo } from "./sanitizer.ts";
import { escapeLabelValue } from "./tokens.ts";
import { followsGroup, isMetricType, type MetricType, SUFFIXES, UNGROUPED_TYPES } from "./types.ts";

/** The label that tells servers apart, as Prometheus calls it. */
const LABEL = "instance";
/** What Prometheus puts before a label of the server's own that has such a name. */
const CLASH_PREFIX = "exported_";
/** A separator that the sanitizer wrote: it is rewritten where one is needed. */
const SEPARATOR = /_separator$/;
/** What the samples of a histogram or summary add to its name. */
const GROUP_PARTS = ["_bucket", "_sum", "_count"];
/** Label names of one line up to which Fluent Bit's limit of 128 a family is not looked at. */
const MAX_LABELS = 100;

/** One server's part. */
export interface MergeInput {
  /** What tells its samples from others': the value of their label `instance`. */
  readonly instance: string;
  /** Its exposition as the sanitizer handed it out. */
  readonly text: string;
}

/** A family that a server has with another type than a server before it. */
export interface TypeConflict {
  /** The family's name. */
  readonly family: string;
  /** The server whose samples were left out. */
  readonly instance: string;
  /** The type it has there. */
  readonly type: MetricType;
  /** The type that holds. */
  readonly kept: MetricType;
}

/** The one exposition. */
export interface MergedExposition {
  /** Its text 0.0.4, which every reader takes, a step of the work each, some empty. Read it once. */
  readonly pieces: Iterable<string>;
  /** Samples in the pieces. */
  readonly samples: number;
  /** What was left out, by reason; complete once the pieces were read, as is `samples`. */
  readonly dropped: DroppedLines;
  /** The families whose samples were left out for their type. */
  readonly conflicts: readonly TypeConflict[];
}

/** A family in one server's text. */
interface Part {
  readonly name: string;
  help: string | undefined;
  type: MetricType | undefined;
  samples: number;
  /** Where its samples begin and end. */
  start: number;
  end: number;
}

/** The samples of one server, and the label that they get. */
interface Piece {
  readonly text: string;
  readonly pair: string;
}

/** A family with the samples of all servers. */
interface MergedFamily {
  readonly name: string;
  /** The server that has it first. */
  readonly instance: string;
  help: string | undefined;
  type: MetricType | undefined;
  readonly pieces: Piece[];
  /** Whether all servers that expose it state its type. */
  isTyped: boolean;
}

/** Finds the families of a sanitized text. */
function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let part: Part | undefined;
  const begin = (name: string, at: number): Part => {
    part = { name, help: undefined, type: undefined, samples: 0, start: at, end: at };
    parts.push(part);
    return part;
  };
  for (let at = 0; at < text.length;) {
    const next = text.indexOf("\n", at) + 1;
    if (text.startsWith("# ", at)) {
      const [, keyword, name = "", rest = ""] = text.slice(at, next - 1).split(" ", 4);
      const own = part?.name === name && part.samples === 0 ? part : begin(name, next);
      if (keyword === "HELP") own.help = text.slice(at, next);
      else own.type = isMetricType(rest) ? rest : undefined;
      own.start = next;
      own.end = next;
    } else {
      const end = nameEnd(text, at);
      const isPart = part !== undefined && text.startsWith(part.name, at) &&
        SUFFIXES[part.type ?? "untyped"].includes(text.slice(at + part.name.length, end));
      const own = isPart && part !== undefined ? part : begin(text.slice(at, end), at);
      own.samples++;
      own.end = next;
    }
    at = next;
  }
  return parts;
}

function nameEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== "{" && text[at] !== " ") at++;
  return at;
}

/** Samples with a label in front of the others. */
function labelled({ text, pair }: Piece): string {
  if (text.includes(`${LABEL}="`)) return text.replace(/.*\n/g, (line) => renamed(line, pair));
  let all = "";
  for (let at = 0; at < text.length;) {
    const end = nameEnd(text, at);
    const next = text.indexOf("\n", end) + 1;
    const rest = text[end] === "{" ? `,${text.slice(end + 1, next)}` : `}${text.slice(end, next)}`;
    all += text.slice(at, end) + pair + rest;
    at = next;
  }
  return all;
}

/** A line with the label, where it may have a label of that name. */
function renamed(line: string, pair: string): string {
  const [, name = "", labels = "", rest = ""] =
    /^([^{ ]+)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?( .*\n)$/s.exec(line) ?? [];
  const pairs = [...labels.matchAll(/([^=,"]+)=("(?:[^"\\]|\\.)*")/gs)];
  const names = new Set(pairs.map(([, label = ""]) => label));
  const own = pairs.map(([, label = "", value = ""]) => {
    let free = label;
    if (label === LABEL) { do free = CLASH_PREFIX + free; while (names.has(free)); }
    return `${free}=${value}`;
  });
  return `${name}${[pair, ...own].join()}}${rest}`;
}

/** What all label sets of a piece have in common. */
interface Layout {
  /** The lines of one label set without values but for those of `le`. */
  readonly lines: string;
  readonly sets: number;
}

/** The layout of a family's samples; undefined when the label sets differ or need a closer look. */
function layoutOf(name: string, isGrouped: boolean, samples: string): Layout | undefined {
  // An empty label may be one by which the sanitizer tells one layout of a histogram from another.
  if (/[{,]bounds_*=""/.test(samples)) return undefined;
  const lines = samples
    .replace(/([{,]le=)?"(?:[^"\\]|\\.)*"/g, (all, isBound) => isBound === undefined ? '""' : all)
    .trimEnd().split("\n").map((line) => /^[^{ ]+(?:\{.*\})?/.exec(line)?.[0] ?? line);
  const [first = ""] = lines;
  const isCount = (line: string): boolean =>
    line.startsWith(`${name}_count`) && /^(?:\{|$)/.test(line.slice(name.length + 6));
  const sets = isGrouped ? lines.filter(isCount).length : lines.length;
  const period = lines.length / sets;
  const isRegular = Number.isInteger(period) && first.split("=").length <= MAX_LABELS &&
    lines.every((line, index) => line === lines[index % period]);
  return isRegular ? { lines: lines.slice(0, period).join("\n"), sets } : undefined;
}

/** Whether samples of one family can stand with those of the other. */
function agree(kept: MetricType | undefined, type: MetricType | undefined): boolean {
  if (kept === type) return true;
  // Samples without a TYPE may be anything that needs no parts and may be below zero.
  const known = kept === undefined ? type : type === undefined ? kept : undefined;
  return known === "gauge" || known === "untyped";
}

/** The families of all servers, in the order in which they come first. */
class Families {
  readonly conflicts: TypeConflict[] = [];
  readonly dropped = new DroppedLines();
  samples = 0;
  readonly #families = new Map<string, MergedFamily>();

  add({ instance, text }: MergeInput): void {
    const pair = `{${LABEL}="${escapeLabelValue(instance)}"`;
    for (const part of partsOf(text)) {
      if (part.samples === 0 && part.help === undefined && SEPARATOR.test(part.name)) continue;
      this.#addPart(part, { text: text.slice(part.start, part.end), pair }, instance);
    }
  }

  /** Whether the sanitizer has nothing to repair; one family a step. */
  *isSound(layouts: Memo<Layout | null>): Generator<"", boolean> {
    let group: string | undefined;
    for (const family of this.#families.values()) {
      const { name, type, isTyped } = family;
      const isSound = type !== undefined && isTyped && !followsGroup(name, group);
      if (!isSound || !isUniform(family, layouts)) return false;
      yield "";
      group = UNGROUPED_TYPES.includes(type) ? undefined : name;
    }
    return true;
  }

  /** The text of all families, in pieces. */
  *text(): Generator<string> {
    let group: string | undefined;
    for (const { name, type, help = "", pieces } of this.#families.values()) {
      // Without HELP and TYPE its samples would be taken for parts of the histogram before it.
      if (type === undefined && followsGroup(name, group)) {
        yield `# TYPE ${name}_separator untyped\n`;
      }
      yield type === undefined ? help : `${help}# TYPE ${name} ${type}\n`;
      for (const piece of pieces) yield labelled(piece);
      group = UNGROUPED_TYPES.includes(type ?? "untyped") ? undefined : name;
    }
  }

  #addPart(part: Part, piece: Piece, instance: string): void {
    const { name, help, type, samples } = part;
    const kept = this.#otherType(part, instance);
    if (kept !== undefined) {
      if (samples === 0) return;
      this.dropped.add("type_conflict", samples);
      this.conflicts.push({ family: name, instance, type: type ?? "untyped", kept });
      return;
    }
    const family = this.#families.get(name) ??
      { name, instance, help, type, pieces: [], isTyped: true };
    this.#families.set(name, family);
    family.help ??= help;
    family.type ??= type;
    family.isTyped &&= type !== undefined;
    this.samples += samples;
    if (samples > 0) family.pieces.push(piece);
  }

  /** The type that holds, where a server before said another. */
  #otherType({ name, type }: Part, instance: string): MetricType | undefined {
    const family = this.#families.get(name);
    if (family !== undefined && !agree(family.type, type)) return family.type ?? "untyped";
    const isOthers = (other: MergedFamily | undefined): boolean =>
      other !== undefined && other.instance !== instance;
    if (type === "histogram" || type === "summary") {
      // Its parts are another server's samples without a TYPE.
      const parts = GROUP_PARTS.map((suffix) => this.#families.get(name + suffix));
      const isTaken = parts.some((part) => isOthers(part) && part?.type === undefined);
      return isTaken ? "untyped" : undefined;
    }
    if (type !== undefined) return undefined;
    const suffix = GROUP_PARTS.find((each) => name.endsWith(each)) ?? "";
    const group = suffix === "" ? undefined : this.#families.get(name.slice(0, -suffix.length));
    const isPart = SUFFIXES[group?.type ?? "untyped"].includes(suffix);
    return isPart && isOthers(group) ? group?.type : undefined;
  }
}

/**
 * Whether the samples of several servers can stand one behind the other as they are: all label sets
 * have the same label names in the same order, and in a histogram the same bounds. What does not
 * look so may still be right; the sanitizer then reads it.
 */
function isUniform({ name, type, pieces }: MergedFamily, memo: Memo<Layout | null>): boolean {
  const isGrouped = type === "histogram" || type === "summary";
  const layouts = pieces.map(({ text }) => {
    const { key } = withoutNumbers(text, type);
    const known = memo.get(key);
    if (known !== undefined) return known;
    const layout = layoutOf(name, isGrouped, text) ?? null;
    memo.set(key, layout);
    return layout;
  });
  const [first] = layouts;
  if (first === undefined) return true;
  if (first === null || layouts.some((layout) => layout?.lines !== first.lines)) return false;
  // Fluent Bit takes several label sets of a summary only when they have no quantiles.
  const sets = layouts.reduce((sum, layout) => sum + (layout?.sets ?? 0), 0);
  return type !== "summary" || sets === 1 || first.lines.split("\n").length === 2;
}

/** Merges expositions, scrape after scrape; what it remembers makes the next merge fast. */
export class ExpositionMerger {
  readonly #memo = new SanitizerMemo();
  readonly #layouts = new Memo<Layout | null>();

  /**
   * Merges the expositions of several servers. Each sample gets the label `instance` in front; one
   * of the server's own becomes `exported_instance`. HELP and TYPE are those of the first server
   * that has them, families come in the order in which they come first, and each server's samples
   * in its own order. Where types differ, the earlier one holds. Where that is nothing Fluent Bit
   * can read, the sanitizer repairs it.
   */
  merge(inputs: readonly MergeInput[]): MergedExposition {
    const families = new Families();
    const { dropped, conflicts } = families;
    return {
      pieces: this.#pieces(inputs, families),
      get samples(): number {
        return families.samples;
      },
      dropped,
      conflicts,
    };
  }

  *#pieces(inputs: readonly MergeInput[], families: Families): Generator<string> {
    for (const input of inputs) {
      families.add(input);
      yield "";
    }
    if (yield* families.isSound(this.#layouts)) return yield* families.text();
    const sanitizer = new Sanitizer({
      format: "text",
      memo: this.#memo,
      // Escapes and the label have made lines longer that were short enough.
      maxLineBytes: 3 * MAX_LINE_BYTES,
    });
    for (const text of families.text()) yield sanitizer.write(text, false);
    yield sanitizer.write("", true);
    families.samples = sanitizer.samples;
    for (const [reason, lines] of sanitizer.dropped.entries()) families.dropped.add(reason, lines);
  }
}
