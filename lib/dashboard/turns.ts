/** Lets others get a turn in the midst of long work. */

/** Turns of the event loop, until there is no time for them any more. */
export class Turns {
  readonly #waiting = new Map<ReturnType<typeof setTimeout>, () => void>();
  #stopped = false;

  /** Waits until all that was due before has had its turn; at once after a stop. */
  async next(): Promise<void> {
    if (this.#stopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      resolve();
    }, 0);
    this.#waiting.set(timer, resolve);
    await promise;
  }

  /** Ends all waiting. */
  stop(): void {
    this.#stopped = true;
    for (const [timer, resolve] of this.#waiting) {
      clearTimeout(timer);
      resolve();
    }
    this.#waiting.clear();
  }
}
