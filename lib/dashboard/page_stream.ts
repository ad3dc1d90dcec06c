/** The stream of events to one open page. */

import { MetricsError } from "../errors.ts";
import type { EncodedView } from "./view_source.ts";

/** What {@linkcode PageStream} is told. */
export interface PageStreamOptions {
  /** Bytes that may wait to be read. */
  readonly maxQueuedBytes: number;
  /** Called once, when the page has gone or was dropped. */
  readonly onEnd: () => void;
}

/** One open page. What it does not read waits up to a bound; then it is dropped. */
export class PageStream {
  /** What the page reads. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;

  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  readonly #onEnd: () => void;
  #viewMs: number | undefined;

  /**
   * Opens a stream.
   *
   * @param options The bound, and whom to tell of the end.
   */
  constructor({ maxQueuedBytes, onEnd }: PageStreamOptions) {
    this.#onEnd = onEnd;
    this.body = new ReadableStream({
      start: (controller): void => {
        this.#controller = controller;
      },
      cancel: (): void => this.#end(),
    }, { highWaterMark: maxQueuedBytes, size: ({ byteLength }) => byteLength });
  }

  /**
   * Sends bytes, unless the page has left too many unread: then it is dropped with what waits,
   * and its connection breaks off.
   *
   * @returns Whether they were sent.
   */
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

  /**
   * Sends a view, unless the page has it already.
   *
   * @returns Whether the page is still there.
   */
  show({ event, timeMs }: EncodedView): boolean {
    if (timeMs === this.#viewMs) return true;
    this.#viewMs = timeMs;
    return this.send(event);
  }

  /** Breaks the stream off, without what waits; again does nothing. */
  fail(reason: unknown): void {
    this.#controller?.error(reason);
    this.#end();
  }

  /** Ends the stream behind what waits; again does nothing. */
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
