/** A bound on bytes that are held at once. */

/** Bytes that can be taken and given back. */
export class ByteBudget {
  readonly #limit: number;
  #taken = 0;

  /**
   * Begins with nothing taken.
   *
   * @param limit Bytes that can be taken at once.
   */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Opens an account of what one user takes. */
  open(): ByteAccount {
    return new ByteAccount((bytes) => {
      if (this.#taken + bytes > this.#limit) return false;
      this.#taken += bytes;
      return true;
    });
  }
}

/** What one user has taken. */
export class ByteAccount implements Disposable {
  readonly #change: (bytes: number) => boolean;
  #taken = 0;

  /**
   * Begins with nothing taken; see {@linkcode ByteBudget.open}.
   *
   * @param change Takes bytes out of the budget, or a number below zero into it.
   */
  constructor(change: (bytes: number) => boolean) {
    this.#change = change;
  }

  /**
   * Takes bytes.
   *
   * @param bytes How many.
   * @returns Whether there were as many; if not, none are taken.
   */
  take(bytes: number): boolean {
    const isThere = this.#change(bytes);
    if (isThere) this.#taken += bytes;
    return isThere;
  }

  /** Gives all of it back; again does nothing. */
  [Symbol.dispose](): void {
    this.#change(-this.#taken);
    this.#taken = 0;
  }
}
