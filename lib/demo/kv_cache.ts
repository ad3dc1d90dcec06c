/** The blocks of an engine's KV cache. */

/** A common text whose blocks can be used again. */
interface CachedPrefix {
  readonly blocks: number;
  /** How many requests use it now. */
  users: number;
  /** How many blocks must have been taken since the start for it to be overwritten. */
  lostAt: number;
}

/**
 * Counts blocks. Blocks that nobody uses are free, whatever they hold, and are taken in the order
 * in which they were freed: a common text that nobody uses is lost once as many blocks were taken
 * as were free before it.
 */
export class KvCache {
  /** All blocks. */
  readonly blocks: number;
  readonly #prefixes = new Map<number, CachedPrefix>();
  #used = 0;
  #taken = 0;

  /**
   * Makes an empty one.
   *
   * @param blocks How many blocks there are.
   */
  constructor(blocks: number) {
    this.blocks = blocks;
  }

  /** Blocks that nobody uses. */
  get free(): number {
    return this.blocks - this.#used;
  }

  /** Share of blocks in use, 0 to 1. */
  get usage(): number {
    return this.#used / this.blocks;
  }

  /** Takes blocks; false, and none are taken, when there are not so many. */
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
   * Takes the blocks of a request that begins, those of its common text from the cache if they
   * are there.
   *
   * @param blocks All blocks of the request.
   * @param prefix The common text; -1 without.
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

  /**
   * Lets others use a common text that one request has computed.
   *
   * @returns Whether its blocks are shared from now on; false when others' are there already.
   */
  share(prefix: number, blocks: number): boolean {
    if (this.#cached(prefix) !== undefined) return false;
    this.#prefixes.set(prefix, { blocks, users: 1, lostAt: 0 });
    return true;
  }

  /** Ends one request's use of a common text. */
  leave(prefix: number): void {
    const cached = this.#prefixes.get(prefix);
    if (cached === undefined) return;
    cached.users--;
    if (cached.users > 0) return;
    this.#used -= cached.blocks;
    cached.lostAt = this.#taken + this.free;
  }

  /** Forgets all common texts that nobody uses, as an engine does that goes to sleep. */
  forget(): void {
    for (const [prefix, { users }] of this.#prefixes) {
      if (users === 0) this.#prefixes.delete(prefix);
    }
  }
}
