/** Scrapes all servers at once and merges what they expose. */

import { setImmediate } from "node:timers/promises";
import { MetricsError } from "../errors.ts";
import type { DroppedLines } from "../exposition/dropped.ts";
import { ExpositionMerger } from "../exposition/merge.ts";
import type { Logger } from "../log.ts";
import { type ExpositionReader, type ReadOptions, SharedExposition } from "./shared_exposition.ts";
import type { Target, Targets } from "./targets.ts";

/** Time after which a merge lets other work run, in milliseconds. */
const TURN_MS = 20;
/** Bodies of the largest size that all merges under way may hold together. */
const MAX_BODIES = 4;
/** What they may hold at most, in characters: a merge takes about ten times as much memory. */
const MAX_HELD = 32 * 1_048_576;
/** The share of a scrape's time that name servers may take. */
const LOOKUP_SHARE = 0.25;
/** The least share of its time that a client must be left with to share a merge. */
const LEAST_SHARE = 0.5;
/** Servers that are named when all fail. */
const MAX_NAMED = 8;
/** Type conflicts that are logged; each is logged once. */
const MAX_LOGGED = 1_000;

/** What a {@linkcode MergedScraper} needs. */
export type MergedScraperOptions = {
  readonly targets: Targets;
  /** Time for all of them, in milliseconds, unless the client has less. */
  readonly timeoutMs: number;
  /** Largest body of each of them, in bytes. */
  readonly maxBodyBytes: number;
  readonly onDropped: (dropped: DroppedLines) => void;
  readonly change: (text: string) => string;
  /** Drops a client that does not read its response; false when there is none. */
  readonly evict: () => boolean;
  readonly log: Logger;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
};

/** A server's text, or why there is none. */
type Outcome =
  | { readonly target: Target; readonly text: string }
  | { readonly target: Target; readonly failure: MetricsError };

/** One merge and its readers. */
interface Merge {
  readonly shared: SharedExposition;
  /** When it must be complete, in milliseconds since 1970. */
  readonly endMs: number;
  /** What it holds, in characters. */
  held: number;
}

/** Merges the metrics of all servers for any number of readers. */
export class MergedScraper {
  readonly #options: MergedScraperOptions;
  readonly #budget: number;
  readonly #merger = new ExpositionMerger();
  readonly #logged = new Set<string>();
  readonly #merges = new Set<Merge>();
  #held = 0;

  /** Starts without a scrape. */
  constructor(options: MergedScraperOptions) {
    this.#options = options;
    this.#budget = Math.min(MAX_BODIES * options.maxBodyBytes, MAX_HELD);
  }

  /**
   * Reads the metrics of the servers that answer in time. Clients that come before a server has
   * begun to answer, and that have about as much time, share the merge; what the servers are asked
   * is shared whatever the time.
   */
  read({ signal, timeoutMs = Infinity }: ReadOptions): ExpositionReader {
    const now = this.#options.now();
    const limitMs = Math.min(timeoutMs, this.#options.timeoutMs);
    const merge =
      this.#merges.values().find(({ shared, endMs }) =>
        shared.isOpen && endMs <= now + limitMs && endMs >= now + limitMs * LEAST_SHARE
      ) ?? this.#start(now + limitMs);
    return merge.shared.read({ signal });
  }

  #start(endMs: number): Merge {
    const merge = { shared: new SharedExposition(busy), endMs, held: 0 };
    this.#merges.add(merge);
    void this.#run(merge);
    return merge;
  }

  async #run(merge: Merge): Promise<void> {
    const { targets, now } = this.#options;
    const { shared, endMs } = merge;
    try {
      const list = await targets.refresh((endMs - now()) * LOOKUP_SHARE);
      const leftMs = Math.max(endMs - now(), 1);
      const outcomes = await Promise.all(
        list.map((target) => this.#collect(target, merge, leftMs)),
      );
      const failures = outcomes.flatMap((one) => "failure" in one ? [one.failure] : []);
      const gone = failures.find(({ code }) => code === "BUSY" || shared.signal.aborted);
      if (gone !== undefined) throw gone;
      const text = await this.#merge(outcomes);
      this.#hold(merge, text.length - merge.held);
      shared.push(text, true);
      shared.end();
    } catch (error) {
      this.#hold(merge, -merge.held);
      shared.end(error instanceof MetricsError ? error : unexpected(error));
    }
    this.#merges.delete(merge);
    // The text is held until the last reader has it.
    shared.onEmpty = (): void => this.#hold(merge, -merge.held);
    if (shared.readers === 0) shared.onEmpty();
  }

  async #collect(target: Target, merge: Merge, timeoutMs: number): Promise<Outcome> {
    using reader = target.scraper.read({ signal: merge.shared.signal, timeoutMs });
    let text = "";
    try {
      const { text: first, isWhole } = await reader.begin();
      merge.shared.isOpen = false;
      let next: string | undefined = first;
      while (next !== undefined) {
        this.#take(target, merge, next.length);
        text += next;
        next = isWhole ? undefined : await reader.next();
      }
      return { target, text };
    } catch (error) {
      this.#hold(merge, -text.length);
      if (!(error instanceof MetricsError)) throw error;
      if (error instanceof TogetherTooLarge) {
        reader[Symbol.dispose]();
        target.state.failed(error, this.#options.now());
      }
      return { target, failure: error };
    }
  }

  /** Takes room for the text of a server; clients that do not read their response make room. */
  #take({ label }: Target, merge: Merge, length: number): void {
    if (merge.held + length > this.#budget) throw new TogetherTooLarge(label, this.#budget);
    while (this.#held + length > this.#budget) {
      if (!this.#options.evict()) throw busy();
    }
    this.#hold(merge, length);
  }

  /** Takes room, or gives it back when negative. */
  #hold(merge: Merge, length: number): void {
    merge.held += length;
    this.#held += length;
  }

  async #merge(outcomes: readonly Outcome[]): Promise<string> {
    const inputs = outcomes.flatMap((outcome) =>
      "text" in outcome
        ? [{ instance: outcome.target.name, text: this.#options.change(outcome.text) }]
        : []
    );
    if (inputs.length === 0) throw allFailed(outcomes);
    const { pieces, dropped, conflicts } = this.#merger.merge(inputs);
    let text = "";
    let turnMs = performance.now();
    for (const piece of pieces) {
      text += piece;
      if (performance.now() - turnMs < TURN_MS) continue;
      await setImmediate();
      turnMs = performance.now();
    }
    this.#options.onDropped(dropped);
    for (const { family, instance, type, kept } of conflicts) {
      const key = JSON.stringify([family, instance]);
      if (this.#logged.has(key) || this.#logged.size >= MAX_LOGGED) continue;
      this.#logged.add(key);
      this.#options.log.warn("Type conflict", { instance, family, type, kept });
    }
    return text;
  }
}

/** The error for servers that send too much in one merge, whatever other clients do. */
class TogetherTooLarge extends MetricsError {
  constructor(label: string, budget: number) {
    const text = `Cannot scrape "${label}": the servers together sent more than ${budget} bytes`;
    const raise = budget < MAX_HELD ? ", or set MAX_BODY_BYTES to a fourth of what they need" : "";
    super("UPSTREAM_TOO_LARGE", text, {
      hint: `Let clients scrape each server at /metrics/NAME${raise}.`,
    });
  }
}

/** The error for a merge that finds no room, which says nothing about the servers. */
function busy(): MetricsError {
  return new MetricsError("BUSY", "Cannot merge now: other responses take all memory for it", {
    hint: "Try again in a moment, and check whether clients read their responses.",
  });
}

function unexpected(cause: unknown): MetricsError {
  return new MetricsError("UPSTREAM_FAILED", "Cannot merge: an unexpected error", { cause });
}

/** Describes the failure of all servers; of a single one in its own words. */
function allFailed(outcomes: readonly Outcome[]): MetricsError {
  const failures = outcomes.flatMap((outcome) => "failure" in outcome ? [outcome.failure] : []);
  const [first] = failures;
  if (first !== undefined && failures.length === 1) return first;
  const codes = new Set(failures.map(({ code }) => code));
  const named = failures.slice(0, MAX_NAMED)
    .map(({ message }) => message.replace(/^Cannot scrape /, ""));
  const more = failures.length - named.length;
  return new MetricsError(
    codes.size === 1 && first !== undefined ? first.code : "UPSTREAM_FAILED",
    `Cannot scrape any of ${failures.length} servers: ${named.join("; ")}` +
      (more === 0 ? "" : `; and ${more} more`),
    { hint: "/-/targets lists them all." },
  );
}
