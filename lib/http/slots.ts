/** How many requests are answered at once, and which of them are dropped for others. */

/** How long a client may leave its response unread before others take its slot, in milliseconds. */
const STALLED_MS = 1_000;

/** What {@linkcode Slots} need. */
export type SlotsOptions = {
  readonly limit: number;
  /** The time in milliseconds. */
  readonly now: () => number;
  readonly onChange?: (requests: number) => void;
  readonly onEvict?: () => void;
};

/** One of the requests being answered. */
export class Slot {
  /** Drops the request; set while it can be dropped. */
  evict: (() => void) | undefined;
  /** Since when the service waits for the client, in milliseconds; undefined while it does not. */
  stalledSince: number | undefined;

  /** `leave` frees the slot; again does nothing. */
  constructor(readonly leave: () => void) {}
}

/** A bounded number of slots. */
export class Slots {
  readonly #options: SlotsOptions;
  readonly #taken = new Set<Slot>();

  /** Starts with all slots free. */
  constructor(options: SlotsOptions) {
    this.#options = options;
  }

  /** Takes a slot, that of a stalled client if need be; undefined when no client is stalled. */
  enter(): Slot | undefined {
    const { limit, onChange } = this.#options;
    if (this.#taken.size >= limit && !this.evict()) return undefined;
    const slot = new Slot(() => {
      if (this.#taken.delete(slot)) onChange?.(this.#taken.size);
    });
    this.#taken.add(slot);
    onChange?.(this.#taken.size);
    return slot;
  }

  /** Drops the request that has been there the longest among those whose client is stalled. */
  evict(): boolean {
    const latest = this.#options.now() - STALLED_MS;
    for (const slot of this.#taken) {
      if (slot.evict === undefined || (slot.stalledSince ?? Infinity) > latest) continue;
      slot.evict();
      slot.leave();
      this.#options.onEvict?.();
      return true;
    }
    return false;
  }
}
