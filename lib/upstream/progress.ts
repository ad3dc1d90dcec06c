/** How far a scrape has come, and the errors that tell it. */

import { MetricsError } from "../errors.ts";

/** How far a scrape has come. */
export interface Progress {
  /** True once the headers have come. */
  inBody: boolean;
  /** Bytes of the body that have come, after decompression. */
  receivedBytes: number;
  /** Bytes of the body that should come; undefined when nobody said. */
  expectedBytes: number | undefined;
  /** True while the reader waits for the server, false while the server waits for the reader. */
  waiting: boolean;
}

/**
 * Makes the error for a body that ends before its end.
 *
 * @param label The URL for people.
 * @param progress How far it came.
 * @returns The error.
 */
export function closedEarly(label: string, progress: Progress): MetricsError {
  return new MetricsError(
    "UPSTREAM_CLOSED",
    `Cannot scrape "${label}": the server closed the connection in the middle of the body, ` +
      `after ${amount(progress)}`,
    { hint: "Did vLLM stop, or a gateway in front of it give up?" },
  );
}

/**
 * Makes the error for a scrape whose time is up.
 *
 * @param label The URL for people.
 * @param timeoutMs The time it had, in milliseconds.
 * @param progress How far it came.
 * @returns `UPSTREAM_TIMEOUT`, or `READER_SLOW` when it was the reader who was waited for.
 */
export function timeUp(label: string, timeoutMs: number, progress: Progress): MetricsError {
  const milliseconds = Math.round(timeoutMs);
  const time = milliseconds < 1000 ? `${milliseconds}ms` : `${milliseconds / 1000}s`;
  if (progress.inBody && !progress.waiting) {
    return new MetricsError(
      "READER_SLOW",
      `Cannot finish the scrape of "${label}": the reader took only ${amount(progress)} in ${time}`,
    );
  }
  const state = progress.inBody
    ? `only ${amount(progress)} of the body within ${time}`
    : `no answer within ${time}`;
  return new MetricsError("UPSTREAM_TIMEOUT", `Cannot scrape "${label}": ${state}`, {
    hint: "Is vLLM overloaded? SCRAPE_TIMEOUT and the reader's own timeout set the limit.",
  });
}

function amount({ receivedBytes, expectedBytes }: Progress): string {
  return expectedBytes === undefined
    ? `${receivedBytes} bytes`
    : `${receivedBytes} of ${expectedBytes} bytes`;
}
