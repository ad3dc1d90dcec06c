/** Several servers' expositions become one: each family once, with the samples of all of them. */

import { setImmediate } from "node:timers/promises";
import { ByteBuffer } from "./bytes.ts";
import { DroppedLines } from "./dropped.ts";
import { type FamilyPart, findFamilies, Labeller } from "./labels.ts";
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

/** Time after which a merge lets other work run, in milliseconds. */
const TURN_MS = 20;
/** Bytes of a merged text that are sanitized in one step. */
const STEP_BYTES = 65_536;

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

/** The samples of one server. */
interface Piece {
  readonly text: Uint8Array;
  readonly part: FamilyPart;
  readonly labeller: Labeller;
}

/** A family with the samples of all servers. */
interface MergedFamily {
  readonly name: string;
  /** The server that has it first. */
  readonly instance: string;
  help: Uint8Array | undefined;
  type: MetricType | undefined;
  readonly pieces: Piece[];
  /** Whether all servers that have it told its type. */
  isTyped: boolean;
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
  /** About how many bytes the text takes. */
  bytes = 0;
  readonly #families = new Map<string, MergedFamily>();

  add({ instance, text }: MergeInput): void {
    const labeller = new Labeller(instance);
    for (const part of findFamilies(text)) {
      if (part.samples === 0 && part.help === undefined && SEPARATOR.test(part.name)) continue;
      this.#addPart({ text, part, labeller }, instance);
    }
  }

  /** Writes all families, one a step; gives whether the sanitizer has nothing to repair. */
  *write(out: ByteBuffer): Generator<void, boolean> {
    let group: string | undefined;
    let isDone = true;
    for (const { name, type, help, isTyped, pieces } of this.#families.values()) {
      const follows = followsGroup(name, group);
      // Without HELP and TYPE its samples would be taken for parts of the histogram before it.
      if (type === undefined && follows) out.appendText(`# TYPE ${name}_separator untyped\n`);
      if (help !== undefined) out.append(help);
      if (type !== undefined) out.appendText(`# TYPE ${name} ${type}\n`);
      const ends = [out.length];
      for (const { text, part, labeller } of pieces) {
        labeller.write(text, part, out);
        ends.push(out.length);
      }
      const written = out.view();
      const parts = pieces.map((_, index) => written.subarray(ends[index], ends[index + 1]));
      isDone &&= type !== undefined && isTyped && !follows && isUniform(name, type, parts);
      group = UNGROUPED_TYPES.includes(type ?? "untyped") ? undefined : name;
      yield;
    }
    return isDone;
  }

  #addPart(piece: Piece, instance: string): void {
    const { name, help, type, samples } = piece.part;
    const kept = this.#otherType(piece.part, instance);
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
    this.bytes += piece.labeller.bytesOf(piece.part);
    if (samples > 0) family.pieces.push(piece);
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
   * Where that is nothing Fluent Bit can read, the sanitizer repairs it.
   *
   * @param inputs The servers' parts: where types differ, the earlier one holds.
   * @returns One exposition.
   */
  merge(inputs: readonly MergeInput[]): MergedExposition {
    const steps = this.#steps(inputs);
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
    }
  }

  /**
   * Does the same and lets other work run meanwhile.
   *
   * @param inputs The servers' parts.
   * @returns One exposition.
   */
  async mergeInTurns(inputs: readonly MergeInput[]): Promise<MergedExposition> {
    const steps = this.#steps(inputs);
    let turnMs = performance.now();
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      if (performance.now() - turnMs < TURN_MS) continue;
      await setImmediate();
      turnMs = performance.now();
    }
  }

  *#steps(inputs: readonly MergeInput[]): Generator<void, MergedExposition> {
    const families = new Families();
    for (const input of inputs) {
      families.add(input);
      yield;
    }
    const text = new ByteBuffer(families.bytes);
    const isDone = yield* families.write(text);
    const { dropped, conflicts, samples } = families;
    if (isDone) return { bytes: text.view(), samples, dropped, conflicts };
    const sanitizer = new Sanitizer({
      format: "text",
      memo: this.#memo,
      // Escapes and the label have made lines longer that were short enough.
      maxLineBytes: 3 * MAX_LINE_BYTES,
    });
    const out = new ByteBuffer();
    while (!sanitizer.finished) {
      const step = text.view().subarray(0, STEP_BYTES);
      out.append(sanitizer.push(step, step.length === text.length));
      text.drop(step.length);
      yield;
    }
    for (const [reason, lines] of sanitizer.dropped.entries()) dropped.add(reason, lines);
    return { bytes: out.view(), samples: sanitizer.samples, dropped, conflicts };
  }
}
