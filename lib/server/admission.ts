/** How many requests are answered at once, and who makes room. */

/** How long a client may keep its place waiting before others take it, in milliseconds. */
const STALLED_MS = 1_000;

/** What {@linkcode Admission} needs from outside. */
export interface AdmissionOptions {
  /** Requests answered at once. */
  readonly limit: number;
  /** The time in milliseconds. */
  readonly now: () => number;
  /** Told whenever the number of requests changes. */
  readonly onChange?: (requests: number) => void;
  /** Told when a client that kept its place waiting had to make room. */
  readonly onEvict?: () => void;
}

/** A place among the requests being answered. */
export class Ticket {
  /** Breaks the request off; set by whoever waits for the client. */
  evict: (() => void) | undefined;
  /** Since when the client is waited for, in milliseconds; absent while it is not. */
  stalledSince: number | undefined;

  readonly #leave: (ticket: Ticket) => void;

  /**
   * Takes a place.
   *
   * @param leave Gives the place back.
   */
  constructor(leave: (ticket: Ticket) => void) {
    this.#leave = leave;
  }

  /** Gives the place back; again does nothing. */
  leave(): void {
    this.#leave(this);
  }
}

/** A bounded number of places. Clients that are waited for lose theirs when others come. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #tickets = new Set<Ticket>();

  /**
   * Begins with all places free.
   *
   * @param options The bound, the clock, and whom to tell.
   */
  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Takes a place; undefined when all are taken by requests that move. */
  enter(): Ticket | undefined {
    if (this.#tickets.size >= this.#options.limit && !this.evictStalled()) return undefined;
    const ticket = new Ticket((left) => {
      if (this.#tickets.delete(left)) this.#options.onChange?.(this.#tickets.size);
    });
    this.#tickets.add(ticket);
    this.#options.onChange?.(this.#tickets.size);
    return ticket;
  }

  /** Breaks off one request whose client was waited for long enough; false when there is none. */
  evictStalled(): boolean {
    const latest = this.#options.now() - STALLED_MS;
    for (const ticket of this.#tickets) {
      if (ticket.evict === undefined || (ticket.stalledSince ?? Infinity) > latest) continue;
      ticket.evict();
      ticket.leave();
      this.#options.onEvict?.();
      return true;
    }
    return false;
  }
}
