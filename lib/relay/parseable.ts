/** Parseable as the relay sees it: a place that takes OTLP as JSON, or does not. */

import { STATUS_CODE, type StatusCode } from "@std/http/status";
import { type Answer, type Exchange, ExchangeFailure, wordsOf } from "../parseable/exchange.ts";
import { RelayError } from "./relay_error.ts";

/** How Parseable is reached. */
export interface ParseableOptions {
  /** The address for people. */
  readonly label: string;
  /** Where it takes metrics. */
  readonly url: URL;
  /** Sends requests to it. */
  readonly exchange: Exchange;
}

/** What Parseable answers when it is too busy: 2.9.5 says 408 when it reads a request too late. */
const BUSY: readonly number[] = [STATUS_CODE.RequestTimeout, STATUS_CODE.TooManyRequests];

/** A refusal that is Parseable's, or that there is no Parseable. */
export class DeliveryError extends RelayError {
  /** What Parseable said in its own words, unless the message says it; empty when it is silent. */
  readonly words: string;
  /** The status that Parseable answered; undefined when it did not answer. */
  readonly answered: number | undefined;
  /** Whether it is about this request, and other requests may be taken. */
  readonly isAboutRequest: boolean;

  /**
   * Makes one.
   *
   * @param answer What Parseable answered; undefined when there is no answer.
   * @param message What is wrong; no full stop, no secret.
   * @param options The status for the caller.
   */
  constructor(answer: Answer | undefined, message: string, { status }: { status: StatusCode }) {
    super(
      status,
      message,
      FINAL.includes(status) ? {} : { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
    this.name = "DeliveryError";
    const words = answer === undefined ? "" : wordsOf(answer.bytes);
    this.words = message.includes(words) ? "" : words;
    this.answered = answer?.status;
    this.isAboutRequest = answer !== undefined && answer.status >= 400 && answer.status < 500 &&
      !BUSY.includes(answer.status);
  }
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

function refusal(answer: Answer, label: string): DeliveryError {
  const { status } = answer;
  const words = wordsOf(answer.bytes);
  const said = HINTS[status] ?? (words === "" ? "it says nothing more" : words);
  const message = `Parseable at "${label}" answered ${status}: ${said}`;
  const passedOn = [...FINAL, STATUS_CODE.TooManyRequests].find((code) => code === status);
  return new DeliveryError(answer, message, {
    status: passedOn ?? STATUS_CODE.ServiceUnavailable,
  });
}

/**
 * Sends one body.
 *
 * @param body OTLP metrics as JSON.
 * @param headers The header fields, the caller's credentials among them.
 * @param options Where Parseable is.
 * @returns Undefined when Parseable stored it; 400 or 413 when it never will; 429 or 503 with a
 *   time to try again in all other cases, so that the caller keeps its data.
 */
export async function deliver(
  body: Uint8Array<ArrayBuffer>,
  headers: Headers,
  { label, url, exchange }: ParseableOptions,
): Promise<DeliveryError | undefined> {
  try {
    const answer = await exchange.send({ method: "POST", url, headers, body });
    const stored = answer.status >= 200 && answer.status < 300;
    return stored ? undefined : refusal(answer, label);
  } catch (error) {
    if (!(error instanceof ExchangeFailure)) throw error;
    const message = `Cannot reach Parseable at "${label}": ${error.message}`;
    return new DeliveryError(undefined, message, { status: STATUS_CODE.ServiceUnavailable });
  }
}
