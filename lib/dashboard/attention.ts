/** Whether anybody looks, so that somebody scrapes only then. */

/** Scrapes until it is disposed of. */
export type Watch = () => Disposable;

/**
 * How long a single question counts as looking, in milliseconds: a script that
 * asks each minute finds numbers without gaps.
 */
const LINGER_MS = 120_000;

/** Keeps one watch for all who look. */
export class Attention {
  /** Since when somebody has looked, in milliseconds since 1970; undefined while nobody does. */
  sinceMs: number | undefined;

  readonly #watch: Watch;
  readonly #now: () => number;
  #looking = 0;
  #watching: Disposable | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * Begins with nobody who looks.
   *
   * @param watch Begins to scrape.
   * @param now The time in milliseconds since 1970.
   */
  constructor(watch: Watch, now: () => number) {
    this.#watch = watch;
    this.#now = now;
  }

  /** Somebody begins to look, until what this gives is disposed of. */
  look(): Disposable {
    this.#come();
    return { [Symbol.dispose]: () => this.#away() };
  }

  /** Somebody looked once. */
  glance(): void {
    if (this.#stopped) return;
    if (this.#linger === undefined) this.#come();
    clearTimeout(this.#linger);
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

  #come(): void {
    this.#looking++;
    this.sinceMs ??= this.#now();
    this.#watching ??= this.#watch();
  }

  #away(): void {
    this.#looking = Math.max(0, this.#looking - 1);
    if (this.#looking > 0) return;
    this.#watching?.[Symbol.dispose]();
    this.#watching = undefined;
    this.sinceMs = undefined;
  }
}
