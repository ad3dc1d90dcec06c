/** Sends views to open pages as server-sent events. */

import { MetricsError } from "../errors.ts";
import type { ViewRequest } from "./view_builder.ts";
import { type EncodedView, keyOf, type ViewCache } from "./view_cache.ts";
import type { Viewers } from "./viewers.ts";

const ENCODER = new TextEncoder();
/** How long a browser waits before it reconnects, in milliseconds (HTML standard, `retry`). */
const GREETING = ENCODER.encode("retry: 2000\n\n");
/** A comment: proxies close connections that are quiet for 30 s or more. */
const HEARTBEAT = ENCODER.encode(":\n\n");

/** Limits of {@linkcode EventStreams}. */
export interface EventStreamLimits {
  /** Pages open at once. */
  readonly maxPages: number;
  /** Different views at once. */
  readonly maxViews: number;
  /** Unread bytes of one page. */
  readonly maxQueuedBytes: number;
  /** Distance of heartbeats, in milliseconds. */
  readonly heartbeatMs: number;
}

/**
 * Default limits. A view of eight engines takes 25 to 90 ms to compute, depending on its window: 16 of
 * them 0.4 to 1.4 s, and they come less often when that is more than half of an interval. Half a
 * megabyte is eight views of one engine, and 256 pages that do not read hold 128 MB.
 */
export const EVENT_STREAM_LIMITS: EventStreamLimits = {
  maxPages: 256,
  maxViews: 16,
  maxQueuedBytes: 524_288,
  heartbeatMs: 15_000,
};

/** What {@linkcode EventStreams} works with. */
export interface EventStreamOptions {
  /** Computes views. */
  readonly cache: ViewCache;
  /** Counts viewers. */
  readonly viewers: Viewers;
  /** Distance of two views, in milliseconds. */
  readonly updateMs: number;
  /** Limits. @default {EVENT_STREAM_LIMITS} */
  readonly limits?: EventStreamLimits;
}

/** The stream to one page. A page that leaves too much unread is dropped. */
class PageStream {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #shownMs: number | undefined;

  constructor(maxQueuedBytes: number, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.body = new ReadableStream({
      start: (controller): void => {
        this.#controller = controller;
      },
      cancel: (): void => this.#end(),
    }, { highWaterMark: maxQueuedBytes, size: ({ byteLength }) => byteLength });
  }

  /** Sends bytes; false when the page is gone, or is dropped because it does not read. */
  send(bytes: Uint8Array<ArrayBuffer>): boolean {
    const controller = this.#controller;
    if (controller === undefined) return false;
    if ((controller.desiredSize ?? 0) > 0) {
      controller.enqueue(bytes);
      return true;
    }
    this.fail(new MetricsError("READER_SLOW", "The page does not read its events"));
    return false;
  }

  /** Sends a view unless the page has it already; false as above. */
  show({ event, timeMs }: EncodedView): boolean {
    if (timeMs === this.#shownMs) return true;
    this.#shownMs = timeMs;
    return this.send(event);
  }

  /** Aborts the stream. */
  fail(reason: unknown): void {
    this.#controller?.error(reason);
    this.#end();
  }

  /** Ends the stream after what is queued. */
  close(): void {
    this.#controller?.close();
    this.#end();
  }

  #end(): void {
    if (this.#controller === undefined) return;
    this.#controller = undefined;
    this.#onEnd();
  }
}

/** All pages with the same view. */
interface Topic {
  readonly request: ViewRequest;
  readonly pages: Set<PageStream>;
}

/** The streams to all open pages: each view is computed once per interval. */
export class EventStreams {
  /** Pages refused because too many were open. */
  refused = 0;
  /** Pages dropped because they did not read. */
  dropped = 0;

  readonly #options: EventStreamOptions;
  readonly #limits: EventStreamLimits;
  readonly #topics = new Map<string, Topic>();
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #isRunning = false;
  #isStopped = false;
  /** Ends the pause between two rounds. */
  #wake: () => void = () => {};

  /** Starts without pages. */
  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#limits = options.limits ?? EVENT_STREAM_LIMITS;
  }

  /** Open pages. */
  get pages(): number {
    return this.#allPages().length;
  }

  /** Opens a page. It gets the newest view at once, and then each new one. */
  open(request: ViewRequest): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    const key = keyOf(request);
    const { maxPages, maxViews, maxQueuedBytes } = this.#limits;
    const isOverLimit = this.pages >= maxPages ||
      (!this.#topics.has(key) && this.#topics.size >= maxViews);
    if (this.#isStopped || isOverLimit) {
      this.refused++;
      return undefined;
    }
    const topic = this.#topics.get(key) ?? { request, pages: new Set() };
    const viewer = this.#options.viewers.add();
    const page = new PageStream(maxQueuedBytes, () => {
      viewer[Symbol.dispose]();
      this.#leave(key, topic, page);
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

  /** Ends all streams, and opens no more. */
  stop(): void {
    this.#isStopped = true;
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

  /** Sends something to pages, and counts those that are dropped. */
  #send(pages: Iterable<PageStream>, send: (page: PageStream) => boolean): void {
    for (const page of [...pages]) if (!send(page)) this.dropped++;
  }

  /** Sends views while pages are open. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    const { updateMs } = this.#options;
    let tookMs = 0;
    while (this.#topics.size > 0) {
      // At most half of the time is spent computing, however many views there are.
      await this.#pause(Math.max(updateMs - tookMs, tookMs));
      const startedMs = performance.now();
      for (const topic of [...this.#topics.values()]) await this.#publish(topic);
      tookMs = performance.now() - startedMs;
    }
    this.#isRunning = false;
  }

  /** Waits; not when the last page has left. */
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

  /** Sends the newest view to a new page. */
  async #sendFirst(page: PageStream, request: ViewRequest): Promise<void> {
    try {
      page.show(await this.#options.cache.get(request));
    } catch (error) {
      page.fail(error);
    }
  }

  /** Sends a new view to all its pages. */
  async #publish({ request, pages }: Topic): Promise<void> {
    try {
      const view = await this.#options.cache.renew(request);
      this.#send(pages, (page) => page.show(view));
    } catch (error) {
      // A view that cannot be computed ends its pages, not the service; they ask again for the reason.
      for (const page of [...pages]) page.fail(error);
    }
  }
}
