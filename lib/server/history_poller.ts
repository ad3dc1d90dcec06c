/** Scrapes by itself while somebody needs the history and no reader does it. */

/** A reader that comes at its interval is waited for a little longer than that. */
const PATIENCE = 1.5;

/** What a {@linkcode HistoryPoller} works with. */
export interface HistoryPollerOptions {
  /** When the last scrape began, whoever made it, in milliseconds since 1970. */
  readonly lastMs: () => number;
  /** Time from one scrape to the next, in milliseconds. */
  readonly intervalMs: number;
  /** Answers a request on `/metrics`, as for any reader. */
  readonly answer: (request: Request) => Promise<Response>;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** Counts who needs the history, and scrapes for them. */
export class HistoryPoller implements Disposable {
  /** How often it has scraped. */
  polls = 0;
  readonly #options: HistoryPollerOptions;
  readonly #stop = new AbortController();
  #watchers = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPolling = false;
  #polledMs = -Infinity;
  #askedMs = -Infinity;

  /**
   * Begins with nobody.
   *
   * @param options How to scrape, and when.
   */
  constructor(options: HistoryPollerOptions) {
    this.#options = options;
  }

  /**
   * Somebody needs the history.
   *
   * @returns Dispose it when that is over.
   */
  watch(): Disposable {
    this.#watchers++;
    if (this.#timer === undefined && !this.#isPolling) this.#schedule();
    let isOver = false;
    return {
      [Symbol.dispose]: (): void => {
        if (isOver) return;
        isOver = true;
        this.#watchers--;
        if (this.#watchers === 0) this.#unschedule();
      },
    };
  }

  /** Ends a scrape under way and makes no more. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#unschedule();
  }

  #schedule(): void {
    if (this.#watchers === 0 || this.#stop.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, this.#waitMs()));
  }

  #unschedule(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** How long until a scrape must be made, in milliseconds. */
  #waitMs(): number {
    const { lastMs, intervalMs, now } = this.#options;
    const [nowMs, last] = [now(), lastMs()];
    // A time that has not come yet is of before the clock was set back: it says nothing.
    const afterMs = (timeMs: number, waitMs: number): number =>
      timeMs > nowMs ? 0 : timeMs + waitMs - nowMs;
    const patienceMs = last > this.#polledMs ? intervalMs * PATIENCE : intervalMs;
    // What was asked for and refused, for want of a place, has left no scrape behind.
    return Math.max(afterMs(last, patienceMs), afterMs(this.#askedMs, intervalMs));
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    if (this.#waitMs() <= 0) {
      this.#isPolling = true;
      await this.#poll();
      this.#isPolling = false;
    }
    this.#schedule();
  }

  /** Reads a reply to its end: what is wrong with it is known where it comes from. */
  async #poll(): Promise<void> {
    const { answer, lastMs, now } = this.#options;
    this.polls++;
    this.#askedMs = now();
    try {
      const { signal } = this.#stop;
      const response = await answer(new Request("http://history/metrics", { signal }));
      await response.body?.pipeTo(new WritableStream());
    } catch {
      // A body that broke off.
    }
    this.#polledMs = lastMs();
  }
}
