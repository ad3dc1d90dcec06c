/** What is known of the server: told in the log when it changes, not at every scrape. */

import type { MetricsError } from "../errors.ts";
import type { Logger } from "../log.ts";

/** Up, down with a reason, or not asked yet. */
export class UpstreamState {
  readonly #label: string;
  readonly #log: Logger;
  #current = "unknown";
  #sentence = "not scraped yet";

  /**
   * Begins with nothing known.
   *
   * @param label The server's address for people.
   * @param log Takes a line a change.
   */
  constructor(label: string, log: Logger) {
    this.#label = label;
    this.#log = log;
  }

  /** The state as words for people. */
  get sentence(): string {
    return this.#sentence;
  }

  /** `up`, `unknown`, or the code of the last error. */
  get current(): string {
    return this.#current;
  }

  /** Notes a scrape that went well. */
  succeeded(): void {
    if (this.#current === "up") return;
    this.#current = "up";
    this.#sentence = "up";
    this.#log.info("Upstream is up", { upstream: this.#label });
  }

  /** Notes a scrape that failed. */
  failed(error: MetricsError): void {
    this.#sentence = `down: ${error.sentence}`;
    if (this.#current === error.code) return;
    this.#current = error.code;
    this.#log.warn("Upstream is down", {
      upstream: this.#label,
      code: error.code,
      error: error.message,
      hint: error.hint === "" ? undefined : error.hint,
    });
  }
}
