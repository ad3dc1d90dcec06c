/** Scrapes all servers at once and merges what they expose. */

import { MetricsError } from "../errors.ts";
import { ByteBuffer } from "../exposition/bytes.ts";
import { ExpositionMerger } from "../exposition/merge.ts";
import type { DroppedLines } from "../exposition/dropped.ts";
import type { Logger } from "../log.ts";
import type { Bytes } from "../net/body.ts";
import type { Beginning, ExpositionReader, ReadOptions } from "./scraper.ts";
import type { Target, Targets } from "./targets.ts";

/** Bodies of the largest size that all merges under way may hold together. */
const MAX_BODIES = 4;
/** The share of a scrape's time that name servers may take. */
const LOOKUP_SHARE = 0.25;
/** The least share of its time that a client must be left with to share a merge. */
const LEAST_SHARE = 0.5;
/** Servers that are named when all fail. */
const MAX_NAMED = 8;
/** Type conflicts that are logged; each is logged once. */
const MAX_LOGGED = 1_000;

/** What a {@linkcode MergedScraper} needs. */
export interface MergedScraperOptions {
  /** The servers. */
  readonly targets: Targets;
  /** Time for all of them, in milliseconds, unless the client has less. */
  readonly timeoutMs: number;
  /** Largest body of each of them, in bytes. */
  readonly maxBodyBytes: number;
  /** Counts lines that the merge left out. */
  readonly onDropped: (dropped: DroppedLines) => void;
  /** Drops a client that does not read its response; false when there is none. */
  readonly evict: () => boolean;
  /** Logs type conflicts. */
  readonly log: Logger;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** A server's text, or why there is none. */
type Outcome =
  | { readonly target: Target; readonly text: Bytes }
  | { readonly target: Target; readonly failure: MetricsError };

/** Merges the metrics of all servers for any number of readers. */
export class MergedScraper {
  readonly #options: MergedScraperOptions;
  readonly #budgetBytes: number;
  readonly #merger = new ExpositionMerger();
  readonly #logged = new Set<string>();
  readonly #merges = new Set<Merge>();
  #heldBytes = 0;

  /** Starts without a scrape. */
  constructor(options: MergedScraperOptions) {
    this.#options = options;
    this.#budgetBytes = MAX_BODIES * options.maxBodyBytes;
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
      this.#merges.values().find(({ isOpen, endMs }) =>
        isOpen && endMs <= now + limitMs && endMs >= now + limitMs * LEAST_SHARE
      ) ?? this.#start(now + limitMs);
    return merge.read(signal);
  }

  #start(endMs: number): Merge {
    const merge = new Merge(endMs, (running) => this.#run(running), (bytes) => this.#hold(bytes));
    this.#merges.add(merge);
    return merge;
  }

  async #run(merge: Merge): Promise<Bytes> {
    try {
      const { targets, now } = this.#options;
      const waitMs = (merge.endMs - now()) * LOOKUP_SHARE;
      const list = await targets.refresh(waitMs);
      const timeoutMs = Math.max(merge.endMs - now(), 1);
      const outcomes = await Promise.all(
        list.map((target) => this.#collect(target, merge, timeoutMs)),
      );
      const failures = outcomes.flatMap((one) => "failure" in one ? [one.failure] : []);
      const gone = failures.find(({ code }) => code === "BUSY" || merge.signal.aborted);
      if (gone !== undefined) throw gone;
      return await this.#merge(outcomes);
    } finally {
      merge.isOpen = false;
      this.#merges.delete(merge);
    }
  }

  async #collect(target: Target, merge: Merge, timeoutMs: number): Promise<Outcome> {
    using reader = target.scraper.read({ signal: merge.signal, timeoutMs });
    const text = new ByteBuffer();
    try {
      const { bytes: first, isWhole } = await reader.begin();
      merge.isOpen = false;
      let bytes: Bytes | undefined = first;
      while (bytes !== undefined) {
        this.#take(target, merge, bytes.length);
        text.append(bytes);
        bytes = isWhole ? undefined : await reader.next();
      }
      return { target, text: text.view() };
    } catch (error) {
      merge.hold(-text.length);
      if (!(error instanceof MetricsError)) throw error;
      if (error instanceof TogetherTooLarge) {
        reader[Symbol.dispose]();
        target.state.failed(error, this.#options.now());
      }
      return { target, failure: error };
    }
  }

  /** Takes room for bytes of a server; clients that do not read their response make room. */
  #take({ label }: Target, merge: Merge, bytes: number): void {
    if (merge.heldBytes + bytes > this.#budgetBytes) throw new TogetherTooLarge(label);
    while (this.#heldBytes + bytes > this.#budgetBytes) {
      if (!this.#options.evict()) throw busy();
    }
    merge.hold(bytes);
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  async #merge(outcomes: readonly Outcome[]): Promise<Bytes> {
    const inputs = outcomes.flatMap((outcome) =>
      "text" in outcome ? [{ instance: outcome.target.name, text: outcome.text }] : []
    );
    if (inputs.length === 0) throw allFailed(outcomes);
    const { bytes, dropped, conflicts } = await this.#merger.mergeInTurns(inputs);
    this.#options.onDropped(dropped);
    for (const { family, instance, type, kept } of conflicts) {
      const key = JSON.stringify([family, instance]);
      if (this.#logged.has(key) || this.#logged.size >= MAX_LOGGED) continue;
      this.#logged.add(key);
      this.#options.log.warn("Type conflict", { instance, family, type, kept });
    }
    return bytes;
  }
}

/** One merge and its readers. */
class Merge {
  /** Whether no server has begun to answer. */
  isOpen = true;
  /** When it must be complete, in milliseconds since 1970. */
  readonly endMs: number;
  /** Bytes that it holds. */
  heldBytes = 0;
  readonly #hold: (bytes: number) => void;
  readonly #result: Promise<Bytes>;
  readonly #stop = new AbortController();
  #isSettled = false;
  #all = 0;
  #present = 0;

  constructor(endMs: number, run: (merge: Merge) => Promise<Bytes>, hold: (bytes: number) => void) {
    this.endMs = endMs;
    this.#hold = hold;
    this.#result = this.#settle(run);
    // Every reader waits for it, but all of them may have left.
    this.#result.catch(() => {});
  }

  /** Aborts when the last reader leaves. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Takes room for bytes, or gives it back when negative. */
  hold(bytes: number): void {
    this.heldBytes += bytes;
    this.#hold(bytes);
  }

  read(signal: AbortSignal): ExpositionReader {
    const isShared = this.#all++ > 0;
    this.#present++;
    let isOver = false;
    const leave = (): void => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener("abort", leave);
      if (--this.#present > 0) return;
      this.isOpen = false;
      this.#stop.abort();
      if (this.#isSettled) this.hold(-this.heldBytes);
    };
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    return {
      begin: async (): Promise<Beginning> => ({
        bytes: await this.#result,
        isWhole: true,
        isShared,
      }),
      next: () => Promise.resolve(undefined),
      [Symbol.dispose]: leave,
    };
  }

  async #settle(run: (merge: Merge) => Promise<Bytes>): Promise<Bytes> {
    try {
      const bytes = await run(this);
      // The servers' texts are gone; what is held from now on is the result.
      this.hold((this.#present > 0 ? bytes.length : 0) - this.heldBytes);
      return bytes;
    } catch (error) {
      this.hold(-this.heldBytes);
      throw error;
    } finally {
      this.#isSettled = true;
    }
  }
}

/** The error for servers that send too much in one merge, whoever else reads. */
class TogetherTooLarge extends MetricsError {
  constructor(label: string) {
    super(
      "UPSTREAM_TOO_LARGE",
      `Cannot scrape "${label}": the servers together sent more than ${MAX_BODIES} times MAX_BODY_BYTES`,
      {
        hint: "Set MAX_BODY_BYTES higher if these are vLLM's metrics, or let readers scrape each.",
      },
    );
  }
}

/** The error for a merge that finds no room, which says nothing about the servers. */
function busy(): MetricsError {
  return new MetricsError("BUSY", "Cannot merge now: other responses take all memory for it", {
    hint: "Try again in a moment, and check whether clients read their responses.",
  });
}

/** Describes the failure of all servers; of a single one in its own words. */
function allFailed(outcomes: readonly Outcome[]): MetricsError {
  const failures = outcomes.flatMap((outcome) => "failure" in outcome ? [outcome.failure] : []);
  const [first] = failures;
  if (first !== undefined && failures.length === 1) return first;
  const codes = new Set(failures.map(({ code }) => code));
  const code = codes.size === 1 ? first?.code : undefined;
  const named = failures.slice(0, MAX_NAMED)
    .map(({ message }) => message.replace(/^Cannot scrape /, ""));
  const more = failures.length - named.length;
  return new MetricsError(
    code ?? "UPSTREAM_FAILED",
    `Cannot scrape any of ${failures.length} servers: ${named.join("; ")}` +
      (more === 0 ? "" : `; and ${more} more`),
    { hint: "/-/targets lists them all." },
  );
}
