/** The servers that are scraped: configured ones, and those that a host name resolves to. */

import type { ServerConfig, ServersConfig } from "../config/config.ts";
import { hostAndPort, maskUrl } from "../config/url.ts";
import { SanitizerMemo } from "../exposition/sanitizer.ts";
import type { Logger } from "../log.ts";
import { Addresses, type Resolve } from "../net/resolve.ts";
import { Scraper, type ScrapeRecord, type ScrapeRecorder, TargetState } from "./scraper.ts";
import { createUpstream, type Upstream } from "./upstream.ts";

/** Addresses of one name that are scraped; a headless service has one per pod. */
const MAX_ADDRESSES = 256;

/** What {@linkcode Targets} need. */
export type TargetsOptions = {
  readonly metrics: {
    addServer(name: string): void;
    removeServer(name: string): void;
    recordScrape(name: string, record: ScrapeRecord): void;
  };
  readonly feed: {
    addServer(name: string): { begin(timeMs: number): ScrapeRecorder | undefined };
    removeServer(name: string): void;
  };
  readonly log: Logger;
  readonly resolve: Resolve;
  /** Scrapes of one server that may start in a second. */
  readonly maxPerSecond: number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
};

/** One server. Disposing it closes its connections. */
export type Target = Disposable & {
  readonly name: string;
  /** Its address for people, without secrets. */
  readonly label: string;
  readonly state: TargetState;
  readonly scraper: Scraper;
};

/** A server that should be there. */
interface Wanted {
  readonly name: string;
  readonly create: () => Upstream;
}

/** The servers. Dispose it to close their connections. */
export class Targets implements Disposable {
  /** Whether samples carry a label that distinguishes the servers. */
  readonly isMerged: boolean;
  readonly #options: TargetsOptions;
  readonly #entries: readonly (Wanted | DiscoveredName)[];
  readonly #memo = new SanitizerMemo();
  #targets = new Map<string, Target>();

  /**
   * Starts with the state of all servers unknown; nothing is sent or looked up.
   *
   * @throws {MetricsError} When a header field or a certificate cannot be used.
   */
  constructor({ list, isMerged }: ServersConfig, options: TargetsOptions) {
    this.isMerged = isMerged;
    this.#options = options;
    this.#entries = list.map((config) => {
      const { name, upstream } = config;
      if (config.isDiscovered) return new DiscoveredName(config, options);
      return { name, create: () => createUpstream(upstream) };
    });
    this.#update();
  }

  /** The servers as of the last lookup, in the order of the configuration. */
  get list(): readonly Target[] {
    return [...this.#targets.values()];
  }

  /**
   * Looks up discovered servers, for at most so many milliseconds. A name that does not resolve is
   * listed as one failing server.
   */
  async refresh(waitMs: number): Promise<readonly Target[]> {
    await Promise.all(this.#discovered().map((entry) => entry.refresh(waitMs)));
    this.#update();
    return this.list;
  }

  /** Closes the connections of all servers. */
  [Symbol.dispose](): void {
    for (const entry of this.#discovered()) entry[Symbol.dispose]();
    for (const target of this.#targets.values()) this.#remove(target);
    this.#targets.clear();
  }

  #discovered(): readonly DiscoveredName[] {
    return this.#entries.filter((entry) => entry instanceof DiscoveredName);
  }

  /** Keeps the servers that are wanted, adds new ones, removes the others. */
  #update(): void {
    const before = this.#targets;
    this.#targets = new Map();
    for (const entry of this.#entries) {
      for (const { name, create } of entry instanceof DiscoveredName ? entry.wanted() : [entry]) {
        if (this.#targets.has(name)) continue;
        this.#targets.set(name, before.get(name) ?? this.#create(name, create()));
      }
    }
    for (const target of before.values()) {
      if (!this.#targets.has(target.name)) this.#remove(target);
    }
  }

  #create(name: string, upstream: Upstream): Target {
    const { metrics, feed, log, maxPerSecond, now } = this.#options;
    const { label } = upstream;
    const state = new TargetState(label, this.isMerged ? name : undefined, log);
    metrics.addServer(name);
    const recorder = feed.addServer(name);
    const scraper = new Scraper({
      upstream,
      state,
      record: (record) => metrics.recordScrape(name, record),
      recorder: (timeMs) => recorder.begin(timeMs),
      memo: this.#memo,
      maxPerSecond,
      now,
    });
    return { name, label, state, scraper, [Symbol.dispose]: () => upstream[Symbol.dispose]() };
  }

  #remove(target: Target): void {
    this.#options.metrics.removeServer(target.name);
    this.#options.feed.removeServer(target.name);
    target[Symbol.dispose]();
  }
}

/** A configured name, every address of which is a server. */
class DiscoveredName implements Disposable {
  readonly #config: ServerConfig;
  readonly #log: Logger;
  readonly #addresses: Addresses;
  #found: readonly string[] = [];
  /** Why the name does not resolve. */
  #failure: unknown;

  constructor(config: ServerConfig, { log, resolve, now }: TargetsOptions) {
    const { url: { hostname }, label } = config.upstream;
    this.#config = config;
    this.#log = log;
    this.#addresses = new Addresses({ hostname, label, resolve, now });
    // Created for its checks, so that a bad certificate is reported at start.
    createUpstream(config.upstream)[Symbol.dispose]();
  }

  wanted(): readonly Wanted[] {
    if (this.#found.length > 0) {
      return this.#found.slice(0, MAX_ADDRESSES).map((address) => this.#at(address));
    }
    const { name, upstream: { label } } = this.#config;
    const unresolved = (): Upstream => ({
      label,
      sendsSecret: false,
      scrape: () => Promise.reject(this.#failure),
      [Symbol.dispose]: () => {},
    });
    return [{ name, create: unresolved }];
  }

  async refresh(waitMs: number): Promise<void> {
    const before = this.#found.length;
    try {
      this.#found = await this.#addresses.current(waitMs);
    } catch (error) {
      this.#failure = error;
      this.#found = [];
    }
    const found = this.#found.length;
    if (found <= MAX_ADDRESSES || before > MAX_ADDRESSES) return;
    const { label: upstream } = this.#config.upstream;
    this.#log.warn("Too many addresses", { upstream, found, used: MAX_ADDRESSES });
  }

  [Symbol.dispose](): void {
    this.#addresses[Symbol.dispose]();
  }

  #at(address: string): Wanted {
    const { name, isNamed, upstream } = this.#config;
    const url = new URL(upstream.url);
    url.hostname = address.includes(":") ? `[${address}]` : address;
    const found = hostAndPort(url);
    const instance = isNamed ? `${name}@${found}` : found;
    const config = { ...upstream, label: maskUrl(url) };
    return { name: instance, create: () => createUpstream(config, address) };
  }
}
