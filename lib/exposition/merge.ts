/** Several servers' expositions become one: each family once, with the samples of all of them. */

import { DroppedLines } from "./dropped.ts";
import { type FamilyPart, labelText } from "./labelled.ts";
import { MAX_LINE_BYTES, Sanitizer, SanitizerMemo } from "./sanitizer.ts";
import { followsGroup, type MetricType, SUFFIXES, UNGROUPED_TYPES } from "./types.ts";
import { isUniform } from "./uniform.ts";

/**
 * Bytes of the merged families that are remembered: about 200 servers of 63 KB. What is over that
 * is read each time.
 */
const MAX_MEMORY_BYTES = 16 * 1_048_576;
/** A separator that the sanitiser wrote: where one is needed it writes it anew. */
const SEPARATOR = /_separator$/;

/** What the samples of a histogram or summary add to its name. */
const GROUP_PARTS = ["_bucket", "_sum", "_count"];

const ENCODER = new TextEncoder();

type Bytes = Uint8Array<ArrayBuffer>;

/** One server's part. */
export interface MergeInput {
  /** What tells its samples from others': the value of their label `instance`. */
  readonly instance: string;
  /** Its exposition as the sanitiser handed it out; it is not changed. */
  readonly text: Uint8Array;
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
  /** Text 0.0.4 that every reader takes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Samples in it. */
  readonly samples: number;
  /** What was left out, by reason. */
  readonly dropped: DroppedLines;
  /** The families whose samples were left out for their type. */
  readonly conflicts: readonly TypeConflict[];
}

/** A family with the samples of all servers. */
interface MergedFamily {
  readonly name: string;
  /** The server that has it first. */
  readonly instance: string;
  help: Uint8Array | undefined;
  type: MetricType | undefined;
  readonly pieces: Uint8Array[];
  /** Whether all servers that have it told its type. */
  isTyped: boolean;
  samples: number;
}

/** Whether samples of one family can stand with those of the other. */
function agree(kept: MetricType | undefined, type: MetricType | undefined): boolean {
  if (kept === type) return true;
  // Samples without a TYPE may be anything that needs no parts and may be below zero.
  const told = kept === undefined ? type : type === undefined ? kept : undefined;
  return told === "gauge" || told === "untyped";
}

/** Whether a family needs nothing done to it behind the one before it. */
function canPass(family: MergedFamily, group: string | undefined): boolean {
  const { name, type, pieces } = family;
  if (type === undefined || !family.isTyped || followsGroup(name, group)) return false;
  return isUniform(name, type, pieces);
}

/** The families of all servers, in the order in which they come first. */
class Families {
  readonly conflicts: TypeConflict[] = [];
  readonly dropped = new DroppedLines();
  readonly #families = new Map<string, MergedFamily>();

  get samples(): number {
    let samples = 0;
    for (const family of this.#families.values()) samples += family.samples;
    return samples;
  }

  add({ instance, text }: MergeInput): void {
    const { bytes, families } = labelText(text, instance);
    for (const part of families) {
      if (part.samples === 0 && part.help === undefined && SEPARATOR.test(part.name)) continue;
      this.#addPart(part, bytes, instance);
    }
  }

  /** All families as text, and whether the sanitiser has nothing to put right in it. */
  text(): { readonly text: Bytes; readonly isDone: boolean } {
    const pieces: Uint8Array[] = [];
    let group: string | undefined;
    let isDone = true;
    for (const family of this.#families.values()) {
      const { name, type, help } = family;
      isDone &&= canPass(family, group);
      // Without HELP and TYPE its samples would be taken for parts of the histogram before it.
      if (type === undefined && followsGroup(name, group)) {
        pieces.push(ENCODER.encode(`# TYPE ${name}_separator untyped\n`));
      }
      if (help !== undefined) pieces.push(help);
      if (type !== undefined) pieces.push(ENCODER.encode(`# TYPE ${name} ${type}\n`));
      pieces.push(...family.pieces);
      group = UNGROUPED_TYPES.includes(type ?? "untyped") ? undefined : name;
    }
    const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return { text: joined, isDone };
  }

  #addPart(part: FamilyPart, bytes: Bytes, instance: string): void {
    const { name, help, type, samples } = part;
    const kept = this.#otherType(part, instance);
    if (kept !== undefined) {
      if (samples === 0) return;
      this.dropped.add("type_conflict", samples);
      this.conflicts.push({ family: name, instance, type: type ?? "untyped", kept });
      return;
    }
    const family = this.#families.get(name) ??
      { name, instance, help, type, pieces: [], samples: 0, isTyped: true };
    this.#families.set(name, family);
    family.help ??= help;
    family.type ??= type;
    family.samples += samples;
    family.isTyped &&= type !== undefined;
    if (samples > 0) family.pieces.push(bytes.subarray(part.start, part.end));
  }

  /** The type that holds, where a server before said another. */
  #otherType({ name, type }: FamilyPart, instance: string): MetricType | undefined {
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

/** Merges expositions, scrape after scrape; what it remembers makes the next merge fast. */
export class ExpositionMerger {
  readonly #memo = new SanitizerMemo({
    maxBytes: MAX_MEMORY_BYTES,
    maxFamilyBytes: MAX_MEMORY_BYTES,
  });

  /**
   * Merges the expositions of several servers. Each sample gets the label
   * `instance` in front; one of the server's own becomes `exported_instance`. HELP
   * and TYPE are those of the first server that has them, families come in the
   * order in which they come first, and each server's samples in its own order.
   * Where that is nothing Fluent Bit can read, the sanitiser mends it.
   *
   * @param inputs The servers' parts: where types differ, the earlier one holds.
   * @returns One exposition.
   */
  merge(inputs: readonly MergeInput[]): MergedExposition {
    const families = new Families();
    for (const input of inputs) families.add(input);
    const { dropped, conflicts } = families;
    const { text, isDone } = families.text();
    if (isDone) return { bytes: text, samples: families.samples, dropped, conflicts };
    const sanitizer = new Sanitizer({
      format: "text",
      memo: this.#memo,
      // Escapes and the label have made lines longer that were short enough.
      maxLineBytes: 3 * MAX_LINE_BYTES,
    });
    const bytes = sanitizer.push(text, true);
    for (const [reason, lines] of sanitizer.dropped.entries()) dropped.add(reason, lines);
    return { bytes, samples: sanitizer.samples, dropped, conflicts };
  }
}
