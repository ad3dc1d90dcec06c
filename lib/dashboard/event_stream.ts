/** Sends views to open pages as server-sent events. */

import { MetricsError } from "../errors.ts";
import type { ViewRequest } from "./view_builder.ts";
import type { View } from "./view.ts";
import { changeEvent, type EncodedView, keyOf, type ViewCache } from "./view_cache.ts";
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

/** A change from one view to the next. */
interface Change {
  readonly before: View;
  readonly event: Uint8Array<ArrayBuffer>;
}

/** The stream to one page. A page that leaves too much unread is dropped. */
class PageStream {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #onEnd: (isDropped: boolean) => void;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  /** What the page shows. */
  #shown: View | undefined;

  constructor(maxQueuedBytes: number, onEnd: (isDropped: boolean) => void) {
    this.#onEnd = onEnd;
    this.body = new ReadableStream({
      start: (controller): void => {
        this.#controller = controller;
      },
      cancel: (): void => this.#end(),
    }, { highWaterMark: maxQueuedBytes, size: ({ byteLength }) => byteLength });
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    const hasRoom = (this.#controller?.desiredSize ?? 0) > 0;
    if (hasRoom) this.#controller?.enqueue(bytes);
    else this.fail(new MetricsError("READER_SLOW", "The page does not read its events"), true);
  }

  /** Sends a view as a whole, or what changed when the page shows the one before. */
  show({ view, event, timeMs }: EncodedView, change: Change | undefined): void {
    if (timeMs === this.#shown?.timeMs) return;
    this.send(change !== undefined && change.before === this.#shown ? change.event : event);
    this.#shown = view;
  }

  /** Aborts the stream. */
  fail(reason: unknown, isDropped = false): void {
    this.#controller?.error(reason);
    this.#end(isDropped);
  }

  /** Ends the stream after what is queued. */
  close(): void {
    this.#controller?.close();
    this.#end();
  }

  #end(isDropped = false): void {
    if (this.#controller === undefined) return;
    this.#controller = undefined;
    this.#onEnd(isDropped);
  }
}

/** The streams to all open pages: each view is computed once per interval. */
export class EventStreams {
  /** Pages refused because too many were open. */
  refused = 0;
  /** Pages dropped because they did not read. */
  dropped = 0;

  readonly #options: EventStreamOptions;
  readonly #limits: EventStreamLimits;
  readonly #pages = new Map<PageStream, ViewRequest>();
  /** The newest view of each kind that pages got. */
  readonly #sent = new Map<string, View>();
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
    return this.#pages.size;
  }

  /**
   * Opens a page. It gets the newest view at once, and then each new one; undefined when too many
   * pages are open, or the service stops.
   */
  open(request: ViewRequest): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    const { maxPages, maxViews, maxQueuedBytes } = this.#limits;
    const views = this.#views();
    const isNewView = !views.has(keyOf(request));
    if (this.#isStopped || this.pages >= maxPages || (isNewView && views.size >= maxViews)) {
      this.refused++;
      return undefined;
    }
    const viewer = this.#options.viewers.add();
    const page = new PageStream(maxQueuedBytes, (isDropped) => {
      viewer[Symbol.dispose]();
      if (isDropped) this.dropped++;
      this.#leave(page);
    });
    this.#pages.set(page, request);
    page.send(GREETING);
    void this.#publish(request, [page], false);
    this.#heartbeat ??= setInterval(() => {
      for (const each of [...this.#pages.keys()]) each.send(HEARTBEAT);
    }, this.#limits.heartbeatMs);
    if (!this.#isRunning) void this.#run();
    return page.body;
  }

  /** Ends all streams, and opens no more. */
  stop(): void {
    this.#isStopped = true;
    for (const page of [...this.#pages.keys()]) page.close();
  }

  /** The pages of each view. */
  #views(): Map<string, PageStream[]> {
    return Map.groupBy(this.#pages.keys(), (page) => {
      const request = this.#pages.get(page);
      return request === undefined ? "" : keyOf(request);
    });
  }

  #leave(page: PageStream): void {
    this.#pages.delete(page);
    const views = this.#views();
    for (const key of this.#sent.keys()) if (!views.has(key)) this.#sent.delete(key);
    if (this.#pages.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    this.#wake();
  }

  /** Sends views while pages are open. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    const { updateMs } = this.#options;
    let tookMs = 0;
    while (this.#pages.size > 0) {
      // At most half of the time is spent computing, however many views there are.
      await this.#pause(Math.max(updateMs - tookMs, tookMs));
      const startedMs = performance.now();
      for (const pages of this.#views().values()) {
        const request = pages[0] && this.#pages.get(pages[0]);
        if (request !== undefined) await this.#publish(request, pages, true);
      }
      tookMs = performance.now() - startedMs;
    }
    this.#isRunning = false;
  }

  /** Waits; not when the last page has left. */
  async #pause(ms: number): Promise<void> {
    if (this.#pages.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = (): void => {
      clearTimeout(timer);
      resolve();
    };
    await promise;
  }

  /** Sends a view to its pages, a new one or one that is still fresh. */
  async #publish(
    request: ViewRequest,
    pages: readonly PageStream[],
    isNew: boolean,
  ): Promise<void> {
    const { cache } = this.#options;
    try {
      const view = await (isNew ? cache.renew(request) : cache.get(request));
      const before = this.#sent.get(keyOf(request));
      const change = before === undefined || before === view.view
        ? undefined
        : { before, event: changeEvent(before, view.view) };
      this.#sent.set(keyOf(request), view.view);
      for (const page of pages) page.show(view, change);
    } catch (error) {
      // A view that cannot be computed ends its pages, not the service; they ask again for the reason.
      for (const page of pages) page.fail(error);
    }
  }
}
