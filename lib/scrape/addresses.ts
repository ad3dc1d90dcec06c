/** The addresses of a host name, looked up each time, and kept for a while without an answer. */

import { MetricsError } from "../errors.ts";
import type { Resolve } from "../net/resolve.ts";

/** How long the last good answer is used while there is no other, in milliseconds. */
const KEPT_MS = 60_000;

/** What {@linkcode Addresses} need. */
export interface AddressesOptions {
  /** The name. */
  readonly hostname: string;
  /** The URL for people. */
  readonly label: string;
  /** Looks the name up. */
  readonly resolve: Resolve;
  /** The time in milliseconds; only differences are used. */
  readonly now: () => number;
}

/** The addresses of one host name. Dispose it to abort a lookup under way. */
export class Addresses implements Disposable {
  readonly #options: AddressesOptions;
  readonly #stop = new AbortController();
  #pending: Promise<MetricsError | undefined> | undefined;
  #good: readonly string[] = [];
  #goodMs = -Infinity;

  /** Starts without addresses. */
  constructor(options: AddressesOptions) {
    this.#options = options;
  }

  /**
   * Looks the name up. Concurrent callers share a lookup; one that is late continues, and its
   * answer is used the next time.
   *
   * @throws {MetricsError} `UPSTREAM_DNS` when there is neither.
   */
  async current(waitMs: number): Promise<readonly string[]> {
    this.#pending ??= this.#lookUp().finally(() => this.#pending = undefined);
    const late = Promise.withResolvers<MetricsError>();
    const timer = setTimeout(() => late.resolve(this.#failure("no name server answers")), waitMs);
    const failure = await Promise.race([this.#pending, late.promise]);
    clearTimeout(timer);
    if (failure === undefined || this.#options.now() - this.#goodMs <= KEPT_MS) return this.#good;
    throw failure;
  }

  /** Aborts a lookup under way. */
  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  /** Looks the name up; returns what went wrong. */
  async #lookUp(): Promise<MetricsError | undefined> {
    const { hostname, resolve, now } = this.#options;
    try {
      const addresses = await resolve(hostname, this.#stop.signal);
      if (addresses.length === 0) return this.#failure("not found");
      this.#good = addresses;
      this.#goodMs = now();
      return undefined;
    } catch {
      return this.#failure("no name server answers");
    }
  }

  #failure(what: "not found" | "no name server answers"): MetricsError {
    const { hostname, label } = this.#options;
    const text = what === "not found"
      ? `host name "${hostname}" not found`
      : `no name server answers for "${hostname}"`;
    return new MetricsError("UPSTREAM_DNS", `Cannot scrape "${label}": ${text}`, {
      hint: what === "not found"
        ? "Is the name right, and is a server behind it ready?"
        : "Is the network up, and is the name server reachable?",
    });
  }
}
