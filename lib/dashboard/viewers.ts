/** Tracks viewers: the servers are scraped for the page only while there is one. */

/** Scrapes until it is disposed of. */
export type Watch = () => Disposable;

/** How long one request counts as a viewer, in milliseconds: a script may ask once a minute. */
const LINGER_MS = 120_000;

/** Holds one watch for all viewers. */
export class Viewers {
  /** When the first of the present viewers came, in milliseconds since 1970; undefined without one. */
  sinceMs: number | undefined;

  readonly #watch: Watch;
  readonly #now: () => number;
  #count = 0;
  #watching: Disposable | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  /** Starts without viewers. */
  constructor(watch: Watch, now: () => number) {
    this.#watch = watch;
    this.#now = now;
  }

  /** Adds a viewer until the returned value is disposed of. */
  add(): Disposable {
    this.#enter();
    return { [Symbol.dispose]: () => this.#leave() };
  }

  /** Adds a viewer for a while, after a single request. */
  addRequest(): void {
    if (this.#isStopped) return;
    if (this.#linger === undefined) this.#enter();
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => {
      this.#linger = undefined;
      this.#leave();
    }, LINGER_MS);
  }

  /** Removes all viewers: the service stops. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#linger);
    this.#count = 0;
    this.#leave();
  }

  #enter(): void {
    this.#count++;
    this.sinceMs ??= this.#now();
    this.#watching ??= this.#watch();
  }

  #leave(): void {
    this.#count = Math.max(0, this.#count - 1);
    if (this.#count > 0) return;
    this.#watching?.[Symbol.dispose]();
    this.#watching = undefined;
    this.sinceMs = undefined;
  }
}
