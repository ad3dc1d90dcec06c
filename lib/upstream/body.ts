/** The body of a scrape: counted, bounded, and never shorter than promised. */

import { MetricsError } from "../errors.ts";
import type { Deadline } from "./deadline.ts";
import { readerGone } from "./deadline.ts";
import { closedEarly, type Progress } from "./progress.ts";
import { tooLarge } from "./reply_failure.ts";

/** Settings of {@linkcode guardBody}. */
export interface BodyOptions {
  /** The URL for people. */
  label: string;
  /** Largest body, in bytes, after decompression. */
  maxBodyBytes: number;
  /** What breaks the scrape off. */
  deadline: Deadline;
  /** Kept up to date with each chunk. */
  progress: Progress;
  /** Makes the error for a source that breaks; an error of ours is passed on as it is. */
  onBroken: () => MetricsError;
}

/**
 * Passes a body on chunk by chunk. It ends only when all of it has come; in any
 * other case it errors with a `MetricsError`. Cancelling it aborts the request.
 *
 * This is the hot path: one `pull` a chunk, nothing read ahead, nothing copied.
 *
 * @param source The body as it comes.
 * @param options Its limits, and whom to tell.
 * @returns The same bytes.
 */
export function guardBody(
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
  options: BodyOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { label, maxBodyBytes, deadline, progress } = options;
  const reader = source.getReader();
  progress.inBody = true;
  return new ReadableStream({
    start(controller): void {
      deadline.onBreak((failure) => controller.error(failure));
    },
    async pull(controller): Promise<void> {
      progress.waiting = true;
      try {
        const { done, value } = await reader.read();
        if (deadline.failure !== undefined) return;
        if (done) {
          const { receivedBytes, expectedBytes } = progress;
          if (expectedBytes !== undefined && receivedBytes !== expectedBytes) {
            deadline.break(closedEarly(label, progress));
            return;
          }
          deadline.end();
          controller.close();
          return;
        }
        progress.receivedBytes += value.byteLength;
        if (progress.receivedBytes > maxBodyBytes) {
          deadline.break(tooLarge(label, maxBodyBytes));
          return;
        }
        controller.enqueue(value);
      } catch (error) {
        // Breaking the scrape off breaks the read as well; what came first is what is told.
        if (deadline.failure !== undefined) return;
        deadline.break(error instanceof MetricsError ? error : options.onBroken());
      } finally {
        progress.waiting = false;
      }
    },
    async cancel(reason): Promise<void> {
      deadline.break(readerGone(label, reason));
      try {
        await reader.cancel();
      } catch {
        // The request is aborted already, and so the source is broken: there is nothing to cancel.
      }
    },
  }, { highWaterMark: 0 });
}
