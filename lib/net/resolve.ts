/** The addresses of a host name, looked up each time, and kept for a while without an answer. */

import { MetricsError } from "../errors.ts";

/** Looks a host name up; throws what the resolver throws. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

/** Longest wait for the name servers, in milliseconds. */
const TIMEOUT_MS = 10_000;
/** How long the last good answer is used while there is no other, in milliseconds. */
const KEPT_MS = 60_000;

/**
 * Looks up the IPv4 and IPv6 addresses of a host name, by `/etc/hosts` and the servers and search
 * domains of `/etc/resolv.conf`. The C library's lookup (`node:dns`) does the same, but cannot be
 * aborted and costs some 7 MB of memory.
 *
 * @throws {Error} When the name servers do not answer.
 */
export async function resolveHost(hostname: string, signal: AbortSignal): Promise<string[]> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const found = await Promise.all(
    (["A", "AAAA"] as const).map(async (type) => {
      try {
        return await Deno.resolveDns(hostname, type, { signal: either });
      } catch (error) {
        // Most names have addresses of one kind only.
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    }),
  );
  return [...new Set(found.flat())].toSorted();
}

/** What {@linkcode Addresses} need. */
export type AddressesOptions = {
  readonly hostname: string;
  readonly label: string;
  readonly resolve: Resolve;
  /** The time in milliseconds; only differences are used. */
  readonly now: () => number;
};

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
    const timer = setTimeout(() => late.resolve(this.#noAnswer()), waitMs);
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
    const { hostname, label, resolve, now } = this.#options;
    try {
      const addresses = await resolve(hostname, this.#stop.signal);
      if (addresses.length === 0) {
        const text = `Cannot scrape "${label}": host name "${hostname}" not found`;
        const hint = "Is the name right, and is a server behind it ready?";
        return new MetricsError("UPSTREAM_DNS", text, { hint });
      }
      this.#good = addresses;
      this.#goodMs = now();
      return undefined;
    } catch {
      return this.#noAnswer();
    }
  }

  #noAnswer(): MetricsError {
    const { hostname, label } = this.#options;
    const text = `Cannot scrape "${label}": no name server answers for "${hostname}"`;
    const hint = "Is the network up, and is the name server reachable?";
    return new MetricsError("UPSTREAM_DNS", text, { hint });
  }
}
