/** A reply that has begun well, and the checks that say so. */

import { ScrapeBody } from "./body.ts";
import type { Target } from "./complaint.ts";
import type { Deadline } from "./deadline.ts";
import { codingOf, decode } from "./encoding.ts";
import { closedEarly, type Progress } from "./progress.ts";
import { badCoding, tooLarge, unknownCoding, wrongStatus } from "./reply_failure.ts";
import type { Reply } from "./transport.ts";

/** A reply of the upstream that has begun well. */
export interface Scrape {
  /** The `Content-Type` as sent; empty when there was none. */
  contentType: string;
  /** Bytes of the body, when the upstream said so and sends it plain. */
  contentLength: number | undefined;
  /** The body, plain. Read it to its end or cancel it: cancelling aborts the request. */
  body: ScrapeBody;
}

/** Settings of {@linkcode acceptReply}. */
export interface AcceptOptions {
  /** What was asked. */
  target: Target;
  /** Largest body, in bytes, after decompression. */
  maxBodyBytes: number;
  /** What breaks the scrape off. */
  deadline: Deadline;
  /** Kept up to date while the body is read. */
  progress: Progress;
}

/**
 * Checks a reply by its status and header fields, and opens its body.
 *
 * @param reply The reply.
 * @param options What was asked, and the limits.
 * @returns What is handed out.
 * @throws {MetricsError} When the status is not 200, the body too large or its coding unknown.
 */
export function acceptReply(reply: Reply, options: AcceptOptions): Scrape {
  const { target, maxBodyBytes, deadline, progress } = options;
  const { label } = target;
  if (reply.status !== 200) throw wrongStatus(reply.status, target);
  const sentBytes = lengthOf(reply.headers);
  if (sentBytes !== undefined && sentBytes > maxBodyBytes) {
    throw tooLarge(label, maxBodyBytes, sentBytes);
  }
  const coding = codingOf(reply.headers);
  const sent = reply.body ?? ReadableStream.from<Uint8Array<ArrayBuffer>>([]);
  const plain = coding === "" ? sent : decode(sent, coding, () => closedEarly(label, progress));
  if (plain === undefined) throw unknownCoding(label);
  const contentLength = coding === "" ? sentBytes : undefined;
  progress.expectedBytes = contentLength;
  return {
    contentType: reply.headers.get("content-type") ?? "",
    contentLength,
    body: new ScrapeBody(plain, {
      label,
      maxBodyBytes,
      deadline,
      progress,
      onBroken: () => coding === "" ? closedEarly(label, progress) : badCoding(label, coding),
    }),
  };
}

/** Reads `Content-Length`; digits only, and few enough to be exact. */
function lengthOf(headers: Headers): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
