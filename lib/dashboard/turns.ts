/** Lets others get a turn in the midst of long work. */

/** Turns of the event loop, one after the other, until there is no time for them any more. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * Waits until all that was due before has had its turn; at once after a stop. Of several who
   * wait, one goes on a turn: together they would hold others up as long as all of them need.
   */
  async next(): Promise<void> {
    if (this.#stopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#schedule();
    await promise;
  }

  /** Ends all waiting. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#waiting.shift()?.();
      this.#schedule();
    }, 0);
  }
}
