/** Leaves families out that nobody wants, after the sanitizer. */

import type { FilterConfig } from "../config/config.ts";
import type { TextStep } from "./names.ts";

/** Names whose answer is remembered. */
const MAX_KNOWN = 20_000;
/** The family that has a new series for every set of adapters; the value is the time. */
const NEWEST_ONLY = "vllm_lora_requests_info";
const LINE_START = /(# (?:HELP|TYPE) )?([\w:]*)/y;

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

/** Filters one sanitized text. */
export class TextFilter implements TextStep {
  readonly #filter: FamilyFilter;
  #family = "";
  #keeps = true;

  /** Begins at the top of a text. */
  constructor(filter: FamilyFilter) {
    this.#filter = filter;
  }

  /** Gives the wanted lines among the next ones, which are whole. */
  push(text: string): string {
    let kept = "";
    /** Where the lines to keep begin that were not copied yet. */
    let from = 0;
    let wasKept = true;
    for (let at = 0; at < text.length; at = (text.indexOf("\n", at) + 1) || text.length) {
      const keeps = this.#line(text, at);
      if (keeps === wasKept) continue;
      if (wasKept) kept += text.slice(from, at);
      from = at;
      wasKept = keeps;
    }
    return wasKept ? kept + text.slice(from) : kept;
  }

  /** Gives nothing more. */
  end(): string {
    return "";
  }

  #line(text: string, at: number): boolean {
    LINE_START.lastIndex = at;
    const [, header, name = ""] = LINE_START.exec(text) ?? [];
    const isPart = header === undefined && name.startsWith(this.#family) &&
      /^(?:_bucket|_sum|_count)?$/.test(name.slice(this.#family.length));
    if (!isPart) {
      this.#family = name;
      this.#keeps = this.#filter.keeps(name);
    }
    if (!this.#keeps && header === undefined) this.#filter.filtered++;
    return this.#keeps;
  }
}
