/** The blocks of an engine's KV cache. */

/** The cached blocks of a shared prefix. */
interface CachedPrefix {
  readonly blocks: number;
  /** Requests that use it now. */
  users: number;
  /** It is evicted once this many blocks have been taken since the start. */
  lostAt: number;
}

/**
 * Counts blocks. Unused blocks are free, whatever they hold, and are reused in the order in which
 * they were freed: an unused prefix is evicted once as many blocks were taken as were free before it.
 */
export class KvCache {
  readonly #blocks: number;
  readonly #prefixes = new Map<number, CachedPrefix>();
  #used = 0;
  #taken = 0;

  /** An empty cache of so many blocks. */
  constructor(blocks: number) {
    this.#blocks = blocks;
  }

  /** Unused blocks. */
  get free(): number {
    return this.#blocks - this.#used;
  }

  /** Share of blocks in use, 0 to 1. */
  get usage(): number {
    return this.#used / this.#blocks;
  }

  /** Takes blocks; takes none and returns false when too few are free. */
  take(blocks: number): boolean {
    if (blocks > this.free) return false;
    this.#used += blocks;
    this.#taken += blocks;
    return true;
  }

  /** Gives blocks back. */
  give(blocks: number): void {
    this.#used -= blocks;
  }

  #cached(prefix: number): CachedPrefix | undefined {
    const cached = this.#prefixes.get(prefix);
    if (cached === undefined || cached.users > 0 || this.#taken < cached.lostAt) return cached;
    this.#prefixes.delete(prefix);
    return undefined;
  }

  /**
   * Takes the blocks of a new request, those of its prefix from the cache if they are there.
   *
   * @param blocks All blocks of the request.
   * @param prefix Its shared prefix; -1 without.
   * @returns How many of them were cached; undefined when there is no room.
   */
  admit(blocks: number, prefix: number): number | undefined {
    const cached = this.#cached(prefix);
    if (cached === undefined) return this.take(blocks) ? 0 : undefined;
    const idle = cached.users === 0 ? cached.blocks : 0;
    if (blocks - cached.blocks + idle > this.free) return undefined;
    this.#used += idle;
    cached.users++;
    this.take(blocks - cached.blocks);
    return cached.blocks;
  }

  /** Shares a computed prefix from now on; false if another request's blocks are shared already. */
  share(prefix: number, blocks: number): boolean {
    if (this.#cached(prefix) !== undefined) return false;
    this.#prefixes.set(prefix, { blocks, users: 1, lostAt: 0 });
    return true;
  }

  /** Ends one request's use of a prefix. */
  leave(prefix: number): void {
    const cached = this.#prefixes.get(prefix);
    if (cached === undefined || --cached.users > 0) return;
    this.#used -= cached.blocks;
    cached.lostAt = this.#taken + this.free;
  }

  /** Drops all unused prefixes, as an engine does when it goes to sleep. */
  forget(): void {
    for (const [prefix, { users }] of this.#prefixes) {
      if (users === 0) this.#prefixes.delete(prefix);
    }
  }
}
