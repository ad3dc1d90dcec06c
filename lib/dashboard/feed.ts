/** Sends views to open pages: one computation an interval for all who look at the same. */

import type { Attention } from "./attention.ts";
import { PageStream } from "./page_stream.ts";
import type { ViewRequest } from "./view_builder.ts";
import { keyOf, type ViewSource } from "./view_source.ts";

const ENCODER = new TextEncoder();
/** How long a browser waits before it comes back, in milliseconds (HTML standard, `retry`). */
const GREETING = ENCODER.encode("retry: 2000\n\n");
/** A comment, which keeps proxies from taking a quiet connection for a dead one. */
const HEARTBEAT = ENCODER.encode(":\n\n");

/** Bounds of {@linkcode Feed}. */
export interface FeedLimits {
  /** Pages open at once. */
  readonly maxPages: number;
  /** Different views at once. */
  readonly maxViews: number;
  /** Bytes that may wait for one page. */
  readonly maxQueuedBytes: number;
  /** Distance of heartbeats, in milliseconds. */
  readonly heartbeatMs: number;
}

/**
 * Bounds that hold unless told otherwise. A view of eight engines takes 25 to 90 ms to compute, by
 * its window: 16 of them 0.4 to 1.4 s, and they come less often when that is more than half of an
 * interval. Half a megabyte is eight views of one engine, and 256 pages that do not read hold
 * 128 MB. Proxies close what is quiet for 30 s or more.
 */
export const FEED_LIMITS: FeedLimits = {
  maxPages: 256,
  maxViews: 16,
  maxQueuedBytes: 524_288,
  heartbeatMs: 15_000,
};

/** What {@linkcode Feed} works with. */
export interface FeedOptions {
  /** Where views come from. */
  readonly source: ViewSource;
  /** Told that pages look. */
  readonly attention: Attention;
  /** Distance of two views, in milliseconds. */
  readonly updateMs: number;
  /** Bounds. @default {FEED_LIMITS} */
  readonly limits?: FeedLimits;
}

/** All pages that look at the same view. */
interface Topic {
  readonly request: ViewRequest;
  readonly pages: Set<PageStream>;
}

/** Sends views to open pages. */
export class Feed {
  /** Pages refused because too many were open. */
  refused = 0;
  /** Pages dropped because they did not read. */
  dropped = 0;

  readonly #options: FeedOptions;
  readonly #limits: FeedLimits;
  readonly #topics = new Map<string, Topic>();
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #isRunning = false;
  #stopped = false;
  /** Ends the pause that the feed is in. */
  #wake: () => void = () => {};

  /**
   * Begins without pages.
   *
   * @param options Where views come from, and how often.
   */
  constructor(options: FeedOptions) {
    this.#options = options;
    this.#limits = options.limits ?? FEED_LIMITS;
  }

  /** Open pages. */
  get pages(): number {
    return [...this.#topics.values()].reduce((sum, { pages }) => sum + pages.size, 0);
  }

  /**
   * Opens a page. It gets the newest view at once, and from then on each new one.
   *
   * @param request What it looks at.
   * @returns Its events; undefined when there are too many pages, or the feed has stopped.
   */
  open(request: ViewRequest): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    const key = keyOf(request);
    const isNew = !this.#topics.has(key);
    const { maxPages, maxViews, maxQueuedBytes } = this.#limits;
    if (
      this.#stopped || this.pages >= maxPages || (isNew && this.#topics.size >= maxViews)
    ) {
      this.refused++;
      return undefined;
    }
    const topic = this.#topics.get(key) ?? { request, pages: new Set() };
    const looking = this.#options.attention.look();
    const page = new PageStream({
      maxQueuedBytes,
      onEnd: () => {
        looking[Symbol.dispose]();
        this.#leave(key, topic, page);
      },
    });
    this.#topics.set(key, topic);
    topic.pages.add(page);
    page.send(GREETING);
    void this.#sendFirst(page, request);
    this.#heartbeat ??= setInterval(
      () => this.#send(this.#allPages(), (page) => page.send(HEARTBEAT)),
      this.#limits.heartbeatMs,
    );
    if (!this.#isRunning) void this.#run();
    return page.body;
  }

  /** Ends all streams, and takes no more pages. */
  stop(): void {
    this.#stopped = true;
    for (const page of this.#allPages()) page.close();
  }

  #allPages(): PageStream[] {
    return [...this.#topics.values()].flatMap(({ pages }) => [...pages]);
  }

  #leave(key: string, topic: Topic, page: PageStream): void {
    topic.pages.delete(page);
    if (topic.pages.size === 0) this.#topics.delete(key);
    if (this.#topics.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    this.#wake();
  }

  /** Sends something to pages, and counts those that were dropped. */
  #send(pages: Iterable<PageStream>, send: (page: PageStream) => boolean): void {
    for (const page of [...pages]) if (!send(page)) this.dropped++;
  }

  /** Sends views as long as pages are open. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    const { updateMs } = this.#options;
    let tookMs = 0;
    while (this.#topics.size > 0) {
      // Never more than half of the time, however many views there are.
      await this.#pause(Math.max(updateMs - tookMs, tookMs));
      const startedMs = performance.now();
      // One after the other: each lets scrapes and other requests in between.
      for (const topic of [...this.#topics.values()]) await this.#publish(topic);
      tookMs = performance.now() - startedMs;
    }
    this.#isRunning = false;
  }

  /** Waits, but not when nobody is left to see what comes. */
  async #pause(ms: number): Promise<void> {
    if (this.#topics.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = (): void => {
      clearTimeout(timer);
      resolve();
    };
    await promise;
  }

  /** Sends the newest view to a page that has just come. */
  async #sendFirst(page: PageStream, request: ViewRequest): Promise<void> {
    try {
      page.show(await this.#options.source.get(request));
    } catch (error) {
      page.fail(error);
    }
  }

  /** Sends a new view to all pages that look at it. */
  async #publish({ request, pages }: Topic): Promise<void> {
    try {
      const view = await this.#options.source.renew(request);
      this.#send(pages, (page) => page.show(view));
    } catch (error) {
      // A view that cannot be computed ends its pages, not the service; they ask again, and are told.
      for (const page of [...pages]) page.fail(error);
    }
  }
}
