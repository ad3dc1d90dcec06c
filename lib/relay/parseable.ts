/** Parseable as the relay sees it: a place that takes OTLP as JSON, or does not. */

import { STATUS_CODE, type StatusCode } from "@std/http/status";
import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { toText } from "@std/streams/to-text";
import { RelayError } from "./relay_error.ts";

/** How Parseable is reached. */
export interface ParseableOptions {
  /** Where OTLP metrics go: the base address and `/v1/metrics`. */
  readonly url: URL;
  /** The address for people. */
  readonly label: string;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Sends a request; `fetch`, with the TLS settings of the configuration. */
  readonly send: (url: URL, init: RequestInit) => Promise<Response>;
}

/** What became of one body. */
export interface Delivery {
  /** The refusal; undefined when Parseable stored the body. */
  readonly error: RelayError | undefined;
  /** What Parseable said, in its own words; empty when it said nothing or could not be reached. */
  readonly words: string;
}

/** Bytes of an answer that are read: its errors are one sentence. */
const MAX_ANSWER_BYTES = 2_048;
/** After how many seconds a caller may try again: Parseable restarts in a few. */
const RETRY_AFTER_SECONDS = 5;

/**
 * What to do about statuses that an operator can mend. Parseable answers a wrong
 * password with 403, and 404 for a stream that is gone (facts of v2.9.5).
 */
const HINTS: Readonly<Record<number, string>> = {
  [STATUS_CODE.Unauthorized]: "the caller sends no credentials it can read",
  [STATUS_CODE.Forbidden]: "the caller's user name or password is wrong, or it may not write",
  [STATUS_CODE.NotFound]: "there is no such stream or route; is PARSEABLE_URL right?",
};

/** Refusals that are the caller's data's: sending it again changes nothing. */
const FINAL: readonly StatusCode[] = [STATUS_CODE.BadRequest, STATUS_CODE.ContentTooLarge];

function unreachable(error: unknown, options: ParseableOptions): RelayError {
  const late = error instanceof DOMException && error.name === "TimeoutError";
  const reason = late ? `no answer within ${options.timeoutMs} ms` : "no connection";
  return new RelayError(
    STATUS_CODE.ServiceUnavailable,
    `Cannot reach Parseable at "${options.label}": ${reason}`,
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}

function refusal(status: number, words: string, options: ParseableOptions): RelayError {
  const said = HINTS[status] ?? (words === "" ? "it says nothing more" : words);
  const message = `Parseable at "${options.label}" answered ${status}: ${said}`;
  const final = FINAL.find((code) => code === status);
  if (final !== undefined) return new RelayError(final, message);
  const code = status === STATUS_CODE.TooManyRequests
    ? STATUS_CODE.TooManyRequests
    : STATUS_CODE.ServiceUnavailable;
  return new RelayError(code, message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** The beginning of an answer as one line. */
async function wordsOf(response: Response): Promise<string> {
  if (response.body === null) return "";
  const beginning = response.body.pipeThrough(
    new LimitedBytesTransformStream(MAX_ANSWER_BYTES),
  );
  return (await toText(beginning)).replace(/\s+/g, " ").trim();
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
  options: ParseableOptions,
): Promise<Delivery> {
  try {
    const response = await options.send(options.url, {
      method: "POST",
      headers,
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    const words = await wordsOf(response);
    const error = response.ok ? undefined : refusal(response.status, words, options);
    return { error, words };
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException) {
      return { error: unreachable(error, options), words: "" };
    }
    throw error;
  }
}
