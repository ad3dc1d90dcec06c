/** The servers that are scraped: configured ones, and those that a host name resolves to. */

import type { ServerConfig, ServersConfig } from "../config/config.ts";
import { hostAndPort } from "../config/server_list.ts";
import { maskUrl } from "../config/url.ts";
import { SanitizerMemo } from "../exposition/sanitizer.ts";
import type { Logger } from "../log.ts";
import type { Resolve } from "../net/resolve.ts";
import { Addresses } from "./addresses.ts";
import { Scraper, type ScrapeRecord, type ScrapeRecorder } from "./scraper.ts";
import { TargetState } from "./target_state.ts";
import { createUpstream, type Upstream } from "./upstream.ts";

/** Addresses of one name that are scraped; a headless service has one per pod. */
const MAX_ADDRESSES = 256;
/** Stands for the addresses of a name that does not resolve. */
const UNRESOLVED = "";

/** What {@linkcode Targets} need. */
export interface TargetsOptions {
  /** Counts scrapes per server. */
  readonly metrics: {
    /** A server was added. */
    addServer(name: string): void;
    /** A server was removed. */
    removeServer(name: string): void;
    /** A scrape ended. */
    recordScrape(name: string, record: ScrapeRecord): void;
  };
  /** Records scrapes per server. */
  readonly feed: {
    /** A server was added. */
    addServer(name: string): { begin(timeMs: number): ScrapeRecorder | undefined };
    /** A server was removed. */
    removeServer(name: string): void;
  };
  /** Logs changes. */
  readonly log: Logger;
  /** Resolves host names. */
  readonly resolve: Resolve;
  /** Scrapes of one server that may start in a second. */
  readonly maxPerSecond: number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** One server. */
export interface Target {
  /** Distinguishes it from the others: its name, or host and port. */
  readonly name: string;
  /** Its address for people, without secrets. */
  readonly label: string;
  /** What is known of it. */
  readonly state: TargetState;
  /** Scrapes it. */
  readonly scraper: Scraper;
  /** Closes its connections. */
  readonly close: () => void;
}

/** The servers of one entry of the configuration. */
interface Group extends Disposable {
  /** The servers as of the last lookup. */
  readonly targets: readonly Target[];
  /** Looks them up if they are discovered. */
  refresh(waitMs: number): Promise<void>;
}

/** The servers. Dispose it to close their connections. */
export class Targets implements Disposable {
  /** Whether samples carry a label that distinguishes the servers. */
  readonly isMerged: boolean;
  readonly #groups: readonly Group[];

  /**
   * Starts with the state of all servers unknown; nothing is sent or looked up.
   *
   * @throws {MetricsError} When a header field or a certificate cannot be used.
   */
  constructor(config: ServersConfig, options: TargetsOptions) {
    this.isMerged = config.isMerged;
    const pool = new TargetPool(config.isMerged, options);
    this.#groups = config.list.map((server) =>
      server.isDiscovered ? new DiscoveredTargets(server, pool) : new StaticTarget(server, pool)
    );
  }

  /** The servers as of the last lookup, in the order of the configuration. */
  get list(): readonly Target[] {
    return [...new Set(this.#groups.flatMap(({ targets }) => targets))];
  }

  /** Looks up discovered servers. A name that does not resolve is listed as one failing server. */
  async refresh(waitMs: number): Promise<readonly Target[]> {
    await Promise.all(this.#groups.map((group) => group.refresh(waitMs)));
    return this.list;
  }

  /** Closes the connections of all servers. */
  [Symbol.dispose](): void {
    for (const group of this.#groups) group[Symbol.dispose]();
  }
}

/** A server, and how many entries of the configuration lead to it. */
interface Member {
  readonly target: Target;
  entries: number;
}

/** Creates and removes servers; two names that lead to one address share a server. */
class TargetPool {
  readonly options: TargetsOptions;
  readonly #isMerged: boolean;
  readonly #members = new Map<string, Member>();
  readonly #memo = new SanitizerMemo();

  constructor(isMerged: boolean, options: TargetsOptions) {
    this.#isMerged = isMerged;
    this.options = options;
  }

  add(name: string, create: () => Upstream): Target {
    const member = this.#members.get(name) ?? { target: this.#create(create()), entries: 0 };
    member.entries++;
    this.#members.set(name, member);
    return member.target;
  }

  remove({ name, close }: Target): void {
    const member = this.#members.get(name);
    if (member === undefined || --member.entries > 0) return;
    this.#members.delete(name);
    this.options.metrics.removeServer(name);
    this.options.feed.removeServer(name);
    close();
  }

  #create(upstream: Upstream): Target {
    const { metrics, feed, log, maxPerSecond, now } = this.options;
    const { instance: name, label } = upstream;
    const names = { upstream: label, instance: this.#isMerged ? name : undefined };
    const state = new TargetState(names, log);
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
    return { name, label, state, scraper, close: () => upstream[Symbol.dispose]() };
  }
}

/** A server with an address of its own. */
class StaticTarget implements Group {
  readonly targets: readonly Target[];
  readonly #pool: TargetPool;

  constructor({ name, upstream }: ServerConfig, pool: TargetPool) {
    this.#pool = pool;
    this.targets = [pool.add(name, () => createUpstream(upstream, { instance: name }))];
  }

  refresh(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    for (const target of this.targets) this.#pool.remove(target);
  }
}

/** The servers that a host name resolves to. */
class DiscoveredTargets implements Group {
  readonly #config: ServerConfig;
  readonly #pool: TargetPool;
  readonly #addresses: Addresses;
  #targets = new Map<string, Target>();
  /** Why the name does not resolve. */
  #failure: unknown;
  #isTruncated = false;

  constructor(config: ServerConfig, pool: TargetPool) {
    const { url, label } = config.upstream;
    const { resolve, now } = pool.options;
    this.#config = config;
    this.#pool = pool;
    this.#addresses = new Addresses({ hostname: url.hostname, label, resolve, now });
    // Created for its checks, so that a bad certificate is reported at start.
    createUpstream(config.upstream)[Symbol.dispose]();
    this.#set([UNRESOLVED]);
  }

  get targets(): readonly Target[] {
    return [...this.#targets.values()];
  }

  async refresh(waitMs: number): Promise<void> {
    try {
      const addresses = await this.#addresses.current(waitMs);
      if (addresses.length > MAX_ADDRESSES && !this.#isTruncated) {
        const { log } = this.#pool.options;
        const { label: upstream } = this.#config.upstream;
        log.warn("Too many addresses", { upstream, found: addresses.length, used: MAX_ADDRESSES });
      }
      this.#isTruncated = addresses.length > MAX_ADDRESSES;
      this.#set(addresses.slice(0, MAX_ADDRESSES));
    } catch (error) {
      this.#failure = error;
      this.#set([UNRESOLVED]);
    }
  }

  [Symbol.dispose](): void {
    this.#addresses[Symbol.dispose]();
    for (const target of this.targets) this.#pool.remove(target);
  }

  /** Keeps the servers of these addresses, adds new ones, removes the others. */
  #set(addresses: readonly string[]): void {
    const before = this.#targets;
    this.#targets = new Map();
    for (const address of addresses) {
      this.#targets.set(address, before.get(address) ?? this.#add(address));
    }
    for (const [address, target] of before) {
      if (!this.#targets.has(address)) this.#pool.remove(target);
    }
  }

  #add(address: string): Target {
    const { name, isNamed, upstream } = this.#config;
    if (address === UNRESOLVED) return this.#pool.add(name, () => this.#unresolved());
    const url = new URL(upstream.url);
    url.hostname = address.includes(":") ? `[${address}]` : address;
    const found = hostAndPort(url);
    const instance = isNamed ? `${name}@${found}` : found;
    const config = { ...upstream, label: maskUrl(url) };
    return this.#pool.add(instance, () => createUpstream(config, { instance, address }));
  }

  #unresolved(): Upstream {
    const { name, upstream: { label } } = this.#config;
    return {
      instance: name,
      label,
      sendsSecret: false,
      scrape: () => Promise.reject(this.#failure),
      [Symbol.dispose]: () => {},
    };
  }
}
