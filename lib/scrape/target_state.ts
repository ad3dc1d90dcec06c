/** What is known of a server: logged when it changes, not at every scrape. */

import type { MetricsError } from "../errors.ts";
import type { Logger } from "../log.ts";

/** The names of a server. */
export interface TargetNames {
  /** Its address for people. */
  readonly upstream: string;
  /** Distinguishes it from others; undefined when there are none. */
  readonly instance: string | undefined;
}

/** A scrape that failed. */
export interface PastFailure {
  /** What went wrong. */
  readonly error: MetricsError;
  /** When it ended, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** Up, down with a reason, or not scraped yet. */
export class TargetState {
  /** When the last scrape ended, in milliseconds since 1970; undefined before the first. */
  scrapedMs: number | undefined;
  /** When the last one that succeeded ended. */
  succeededMs: number | undefined;
  /** The last one that failed. */
  lastFailure: PastFailure | undefined;

  readonly #names: TargetNames;
  readonly #log: Logger;
  #current = "unknown";
  #sentence = "not scraped yet";

  /** Starts as unknown. */
  constructor(names: TargetNames, log: Logger) {
    this.#names = names;
    this.#log = log;
  }

  /** The state in words for people. */
  get sentence(): string {
    return this.#sentence;
  }

  /** `up`, `unknown`, or the code of the last error. */
  get current(): string {
    return this.#current;
  }

  /** Records a scrape that succeeded. */
  succeeded(timeMs: number): void {
    this.scrapedMs = timeMs;
    this.succeededMs = timeMs;
    if (this.#current === "up") return;
    this.#current = "up";
    this.#sentence = "up";
    this.#log.info("Upstream is up", { ...this.#names });
  }

  /** Records a scrape that failed. */
  failed(error: MetricsError, timeMs: number): void {
    this.scrapedMs = timeMs;
    this.lastFailure = { error, timeMs };
    this.#sentence = `down: ${error.sentence}`;
    if (this.#current === error.code) return;
    this.#current = error.code;
    this.#log.warn("Upstream is down", {
      ...this.#names,
      code: error.code,
      error: error.message,
      hint: error.hint === "" ? undefined : error.hint,
    });
  }
}
