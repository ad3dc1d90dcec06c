/** Whether anybody looks, so that somebody scrapes only then. */

/** Scrapes until it is disposed of. */
export type Watch = () => Disposable;

/**
 * How long a single question counts as looking, in milliseconds: a script that
 * asks each minute finds numbers without gaps.
 */
export const LINGER_MS = 120_000;

/** Keeps one watch for all who look. */
export class Attention {
  readonly #watch: Watch;
  #looking = 0;
  #watching: Disposable | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * Begins with nobody who looks.
   *
   * @param watch Begins to scrape.
   */
  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** Somebody begins to look, until what this gives is disposed of. */
  look(): Disposable {
    this.#looking++;
    this.#watching ??= this.#watch();
    return { [Symbol.dispose]: () => this.#away() };
  }

  /** Somebody looked once. */
  glance(): void {
    if (this.#stopped) return;
    if (this.#linger === undefined) this.#looking++;
    clearTimeout(this.#linger);
    this.#watching ??= this.#watch();
    this.#linger = setTimeout(() => {
      this.#linger = undefined;
      this.#away();
    }, LINGER_MS);
  }

  /** Nobody looks any more, since the service stops. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#linger);
    this.#looking = 0;
    this.#away();
  }

  #away(): void {
    this.#looking = Math.max(0, this.#looking - 1);
    if (this.#looking > 0) return;
    this.#watching?.[Symbol.dispose]();
    this.#watching = undefined;
  }
}
