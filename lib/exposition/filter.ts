/** Leaves families out that nobody wants, after the sanitizer. */

import { Buffer } from "node:buffer";
import type { FilterConfig } from "../config/config.ts";
import { ByteBuffer, lineEnd } from "./bytes.ts";

/** Names whose answer is remembered. */
const MAX_KNOWN = 20_000;
/** The family that has a new series for every set of adapters; the value is the time. */
const NEWEST_ONLY = "vllm_lora_requests_info";
const HASH = 0x23;
const EMPTY = new Uint8Array(0);

/** Decides by name, and counts the samples that were left out. */
export class FamilyFilter {
  /** Samples left out so far. */
  filtered = 0;
  readonly #drop: RegExp | undefined;
  readonly #keep: RegExp | undefined;
  readonly #known = new Map<string, boolean>();
  /** Whether metrics go to a backend that need not have all of them. */
  readonly #isReduced: boolean;

  /** Takes the patterns; `isBackend` also leaves out what a backend does not need. */
  constructor({ drop, keep, isBackendComplete }: FilterConfig, isBackend: boolean) {
    this.#isReduced = isBackend && !isBackendComplete;
    this.#drop = patternOf(this.#isReduced ? [...drop, "*_created"] : drop);
    this.#keep = patternOf(keep);
  }

  /** Whether it may leave anything out. */
  get isActive(): boolean {
    return this.#isReduced || this.#drop !== undefined || this.#keep !== undefined;
  }

  /** Whether a family is wanted, by its name after renaming. */
  keeps(name: string): boolean {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const keeps = this.#drop?.test(name) !== true && this.#keep?.test(name) !== false;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(name, keeps);
    return keeps;
  }

  /** Whether only the newest series of a family is wanted: that with the largest value. */
  wantsNewest(name: string): boolean {
    return this.#isReduced && name === NEWEST_ONLY;
  }
}

/** One expression for names with `*`; undefined for none. A colon is what it is renamed to. */
function patternOf(names: readonly string[]): RegExp | undefined {
  if (names.length === 0) return undefined;
  const patterns = names.map((name) => name.replaceAll(":", "_").replaceAll("*", ".*"));
  return new RegExp(`^(?:${patterns.join("|")})$`);
}

/** Filters one sanitized text that comes in chunks. */
export class TextFilter {
  readonly #filter: FamilyFilter;
  #rest: Uint8Array<ArrayBuffer> = EMPTY;
  #family = "";
  #keeps = true;

  /** Begins at the top of a text. */
  constructor(filter: FamilyFilter) {
    this.#filter = filter;
  }

  /** Gives the wanted lines of the next chunk; a line that is not complete waits for the next one. */
  push(chunk: Uint8Array<ArrayBuffer>, isFinal: boolean): Uint8Array<ArrayBuffer> {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const end = isFinal ? bytes.length : bytes.lastIndexOf(0x0a) + 1;
    this.#rest = bytes.slice(end);
    const kept = new ByteBuffer();
    /** Where the lines to keep begin that were not copied yet. */
    let from = 0;
    let wasKept = true;
    for (let at = 0; at < end;) {
      const next = Math.min(lineEnd(bytes, at) + 1, end);
      const keeps = this.#line(bytes, at, next);
      if (keeps !== wasKept) {
        if (wasKept) kept.append(bytes.subarray(from, at));
        from = at;
        wasKept = keeps;
      }
      at = next;
    }
    if (wasKept) kept.append(bytes.subarray(from, end));
    return kept.view();
  }

  #line(bytes: Uint8Array, start: number, end: number): boolean {
    const isComment = bytes[start] === HASH;
    // "# HELP name …", "# TYPE name …": the name follows seven bytes.
    const name = /^[\w:]*/.exec(
      Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
        .toString("latin1", isComment ? 7 : 0),
    )?.[0] ?? "";
    const isPart = !isComment && name.startsWith(this.#family) &&
      /^(?:_bucket|_sum|_count)?$/.test(name.slice(this.#family.length));
    if (!isPart) {
      this.#family = name;
      this.#keeps = this.#filter.keeps(name);
    }
    if (!this.#keeps && !isComment) this.#filter.filtered++;
    return this.#keeps;
  }
}
