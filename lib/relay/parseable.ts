/** Parseable as the relay sees it: a place that takes OTLP as JSON, or does not. */

import { STATUS_CODE, type StatusCode } from "@std/http/status";
import { type Answer, type Post, PostFailure } from "./post.ts";
import { RelayError } from "./relay_error.ts";

/** How Parseable is reached. */
export interface ParseableOptions {
  /** The address for people. */
  readonly label: string;
  /** Sends requests to it. */
  readonly post: Post;
}

/** What became of one body. */
export interface Delivery {
  /** The refusal; undefined when Parseable stored the body. */
  readonly error: RelayError | undefined;
  /** What Parseable said, in its own words; empty when it said nothing or could not be reached. */
  readonly words: string;
}

/** After how many seconds a caller may try again: Parseable restarts in a few. */
const RETRY_AFTER_SECONDS = 5;

/**
 * What to do about statuses that an operator can mend. Parseable answers a wrong
 * password with 403, and 404 for a stream that is gone (facts of v2.9.5).
 */
const HINTS: Readonly<Record<number, string>> = {
  [STATUS_CODE.Unauthorized]: "the sender sends no credentials that it can read",
  [STATUS_CODE.Forbidden]: "the sender's user name or password is wrong, or it may not write",
  [STATUS_CODE.NotFound]: "there is no such stream or route; is PARSEABLE_URL right?",
};

/** Refusals that are the data's fault: sending it again changes nothing. */
const FINAL: readonly StatusCode[] = [STATUS_CODE.BadRequest, STATUS_CODE.ContentTooLarge];

function refusal({ status, words }: Answer, label: string): RelayError {
  const said = HINTS[status] ?? (words === "" ? "it says nothing more" : words);
  const message = `Parseable at "${label}" answered ${status}: ${said}`;
  const final = FINAL.find((code) => code === status);
  if (final !== undefined) return new RelayError(final, message);
  const code = status === STATUS_CODE.TooManyRequests
    ? STATUS_CODE.TooManyRequests
    : STATUS_CODE.ServiceUnavailable;
  return new RelayError(code, message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/**
 * Sends one body.
 *
 * @param body OTLP metrics as JSON.
 * @param headers The header fields, the caller's credentials among them.
 * @param options Where Parseable is.
 * @returns Nothing wrong when Parseable stored it; 400 or 413 when it never will; 429 or 503 with a
 *   time to try again in all other cases, so that the caller keeps its data.
 */
export async function deliver(
  body: Uint8Array<ArrayBuffer>,
  headers: Headers,
  { label, post }: ParseableOptions,
): Promise<Delivery> {
  try {
    const answer = await post.send(body, headers);
    const stored = answer.status >= 200 && answer.status < 300;
    return { error: stored ? undefined : refusal(answer, label), words: answer.words };
  } catch (error) {
    if (!(error instanceof PostFailure)) throw error;
    const message = `Cannot reach Parseable at "${label}": ${error.message}`;
    const retryAfterSeconds = RETRY_AFTER_SECONDS;
    return {
      error: new RelayError(STATUS_CODE.ServiceUnavailable, message, { retryAfterSeconds }),
      words: "",
    };
  }
}
