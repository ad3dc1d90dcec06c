/** The servers that are scraped: those that were named, and those that a name leads to. */

import type { ServerConfig, ServersConfig } from "../config/config.ts";
import { hostAndPort } from "../config/server_list.ts";
import { ShapePool } from "../exposition/shape_memory.ts";
import { maskUrl } from "../config/url.ts";
import type { Logger } from "../log.ts";
import { Addresses } from "../upstream/addresses.ts";
import type { Resolve } from "../upstream/resolve.ts";
import { createUpstream, type Upstream } from "../upstream/upstream.ts";
import type { Admission } from "./admission.ts";
import type { HistoryFeed } from "./history_feed.ts";
import { MetricsRoute } from "./metrics_route.ts";
import type { OwnMetrics } from "./own_metrics.ts";
import { UpstreamState } from "./upstream_state.ts";

/** Addresses of one name that are scraped; a headless service has one a pod. */
const MAX_ADDRESSES = 256;
/** Stands for the servers of a name that leads to none. */
const NOWHERE = "";

/** What a {@linkcode Fleet} works with. */
export interface FleetOptions {
  /** The bound on requests at once. */
  readonly admission: Admission;
  /** Counts what happens. */
  readonly metrics: OwnMetrics;
  /** Takes their scrapes into the history. */
  readonly feed: HistoryFeed;
  /** Takes a line a change. */
  readonly log: Logger;
  /** Looks names up. */
  readonly resolve: Resolve;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** One server. */
export interface Server {
  /** What tells it from the others. */
  readonly name: string;
  /** How it is asked. */
  readonly upstream: Upstream;
  /** What is known of it. */
  readonly state: UpstreamState;
  /** Answers with its metrics alone. */
  readonly route: MetricsRoute;
}

/** What stands at one place of the configuration. */
interface Group extends Disposable {
  /** The servers as of the last look-up. */
  readonly servers: readonly Server[];
  /** Looks them up, if they have to be. */
  renew(waitMs: number): Promise<void>;
}

/** The servers. Dispose it to let go of their connections. */
export class Fleet implements Disposable {
  /** Whether a label tells the servers' samples apart. */
  readonly isMerged: boolean;
  readonly #groups: readonly Group[];

  /**
   * Begins with all servers unknown; nothing is sent and nothing looked up.
   *
   * @param config The servers.
   * @param options What they work with.
   * @throws {MetricsError} When a header field or a certificate cannot be used.
   */
  constructor(config: ServersConfig, options: FleetOptions) {
    this.isMerged = config.isMerged;
    const crew = new Crew(config.isMerged, options);
    this.#groups = config.list.map((server) =>
      server.isDiscovered ? new FoundServers(server, crew) : new NamedServer(server, crew)
    );
  }

  /** The servers as of the last look-up, in the order of the configuration. */
  get servers(): readonly Server[] {
    return [...new Set(this.#groups.flatMap(({ servers }) => servers))];
  }

  /**
   * Gives the servers of now. A name that leads nowhere stands for its servers, as one that fails.
   *
   * @param waitMs Longest wait for name servers, in milliseconds.
   */
  async current(waitMs: number): Promise<readonly Server[]> {
    await Promise.all(this.#groups.map((group) => group.renew(waitMs)));
    return this.servers;
  }

  /** Lets go of all servers. */
  [Symbol.dispose](): void {
    for (const group of this.#groups) group[Symbol.dispose]();
  }
}

/** A server and how many places lead to it. */
interface Member {
  readonly server: Server;
  places: number;
}

/** Makes servers and lets them go; where two names lead to one address there is one server. */
class Crew {
  readonly options: FleetOptions;
  readonly #isMerged: boolean;
  readonly #members = new Map<string, Member>();
  readonly #pool = new ShapePool();

  constructor(isMerged: boolean, options: FleetOptions) {
    this.#isMerged = isMerged;
    this.options = options;
  }

  add(name: string, create: () => Upstream): Server {
    const member = this.#members.get(name) ?? { server: this.#make(create()), places: 0 };
    member.places++;
    this.#members.set(name, member);
    return member.server;
  }

  remove({ name, upstream }: Server): void {
    const member = this.#members.get(name);
    if (member === undefined || --member.places > 0) return;
    this.#members.delete(name);
    this.options.metrics.removeServer(name);
    this.options.feed.removeServer(name);
    upstream[Symbol.dispose]();
  }

  #make(upstream: Upstream): Server {
    const { admission, metrics, feed, log, now } = this.options;
    const { instance: name, label } = upstream;
    const names = { upstream: label, instance: this.#isMerged ? name : undefined };
    const state = new UpstreamState(names, log);
    metrics.addServer(name);
    const tap = feed.addServer(name);
    const pool = this.#pool;
    const route = new MetricsRoute({ upstream, admission, metrics, state, now, tap, pool });
    return { name, upstream, state, route };
  }
}

/** A server with an address of its own. */
class NamedServer implements Group {
  readonly servers: readonly Server[];
  readonly #crew: Crew;

  constructor({ name, upstream }: ServerConfig, crew: Crew) {
    this.#crew = crew;
    this.servers = [crew.add(name, () => createUpstream(upstream, { instance: name }))];
  }

  renew(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    for (const server of this.servers) this.#crew.remove(server);
  }
}

/** The servers that a host name leads to. */
class FoundServers implements Group {
  readonly #config: ServerConfig;
  readonly #crew: Crew;
  readonly #addresses: Addresses;
  #servers = new Map<string, Server>();
  /** Why the name leads nowhere. */
  #failure: unknown;
  #isCut = false;

  constructor(config: ServerConfig, crew: Crew) {
    const { url, label } = config.upstream;
    const { resolve, now } = crew.options;
    this.#config = config;
    this.#crew = crew;
    this.#addresses = new Addresses({ hostname: url.hostname, label, resolve, now });
    // Made for its checks: what is wrong with a certificate is told at the start.
    createUpstream(config.upstream)[Symbol.dispose]();
    this.#set([NOWHERE]);
  }

  get servers(): readonly Server[] {
    return [...this.#servers.values()];
  }

  async renew(waitMs: number): Promise<void> {
    try {
      const addresses = await this.#addresses.current(waitMs);
      if (addresses.length > MAX_ADDRESSES && !this.#isCut) {
        const { log } = this.#crew.options;
        const { label: upstream } = this.#config.upstream;
        log.warn("Too many addresses", { upstream, found: addresses.length, used: MAX_ADDRESSES });
      }
      this.#isCut = addresses.length > MAX_ADDRESSES;
      this.#set(addresses.slice(0, MAX_ADDRESSES));
    } catch (error) {
      this.#failure = error;
      this.#set([NOWHERE]);
    }
  }

  [Symbol.dispose](): void {
    this.#addresses[Symbol.dispose]();
    for (const server of this.servers) this.#crew.remove(server);
  }

  /** Keeps the servers of these addresses, adds those that are new, lets the others go. */
  #set(addresses: readonly string[]): void {
    const before = this.#servers;
    this.#servers = new Map();
    for (const address of addresses) {
      this.#servers.set(address, before.get(address) ?? this.#add(address));
    }
    for (const [address, server] of before) {
      if (!this.#servers.has(address)) this.#crew.remove(server);
    }
  }

  #add(address: string): Server {
    const { name, isNamed, upstream } = this.#config;
    if (address === NOWHERE) return this.#crew.add(name, () => this.#nowhere());
    const url = new URL(upstream.url);
    url.hostname = address.includes(":") ? `[${address}]` : address;
    const found = hostAndPort(url);
    const instance = isNamed ? `${name}@${found}` : found;
    const config = { ...upstream, label: maskUrl(url) };
    return this.#crew.add(instance, () => createUpstream(config, { instance, address }));
  }

  #nowhere(): Upstream {
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
