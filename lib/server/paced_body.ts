/** The body of a reply that holds its place among the requests until its reader has all of it. */

import { MetricsError } from "../errors.ts";
import type { Ticket } from "./admission.ts";

/** What {@linkcode pacedBody} is made of. */
export interface PacedBodyOptions {
  /** The place; its reader loses it when it stands still and others wait. */
  readonly ticket: Ticket;
  /** The time in milliseconds. */
  readonly now: () => number;
  /** The first bytes. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** Gives the next bytes; undefined at the end, which it notes. */
  readonly next: () => Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Notes a failure of `next`, and gives it as what the reply breaks off with. */
  readonly fail: (error: unknown) => MetricsError;
  /** Notes that the reader has gone or lost its place. */
  readonly leave: (reason: unknown) => Promise<void>;
}

/**
 * Makes a body that is read no faster than its reader takes it.
 *
 * @param options Where the bytes come from, and whom to tell.
 * @returns The body; when `next` fails it breaks off.
 */
export function pacedBody(options: PacedBodyOptions): ReadableStream<Uint8Array> {
  const { ticket, now, head, next, fail, leave } = options;
  return new ReadableStream<Uint8Array>({
    start: (controller): void => {
      ticket.evict = (): void => {
        const gone = new MetricsError("READER_GONE", "The reader stood still");
        controller.error(gone);
        void leave(gone);
      };
      controller.enqueue(head);
    },
    pull: async (controller): Promise<void> => {
      ticket.stalledSince = undefined;
      try {
        const bytes = await next();
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      } catch (error) {
        controller.error(fail(error));
      }
      ticket.stalledSince = now();
    },
    cancel: (reason): Promise<void> => leave(reason),
  }, { highWaterMark: 0 });
}
