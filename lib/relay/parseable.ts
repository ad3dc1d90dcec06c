/** Sending a body of OTLP/JSON to Parseable. */

import { STATUS_CODE, type StatusCode } from "@std/http/status";
import { type Answer, type Exchange, ExchangeFailure, wordsOf } from "../parseable/exchange.ts";
import { RequestError } from "../otlp/http.ts";

/** Fields with the sender's credentials. The relay has none of its own. */
const CREDENTIALS: readonly string[] = ["authorization", "x-api-key"];

/** `admin:admin`, Parseable's default credentials, as Basic credentials (RFC 7617). */
const DEFAULT_CREDENTIALS = "Basic YWRtaW46YWRtaW4=";

/**
 * The header fields of the request to Parseable: `Authorization`, `X-API-Key` and
 * `X-P-*` of the sender, its stream and log source or the default ones, and the one
 * Content-Type that Parseable accepts.
 */
export function forwardHeaders(from: Headers, stream: string): Headers {
  const headers = new Headers({
    "content-type": "application/json",
    "x-p-stream": stream,
    "x-p-log-source": "otel-metrics",
  });
  for (const [name, value] of from) {
    if (value === "") continue;
    if (CREDENTIALS.includes(name) || name.startsWith("x-p-")) headers.set(name, value);
  }
  return headers;
}

/** Whether a sender sends credentials, of whatever kind. */
export function hasCredentials(headers: Headers): boolean {
  return CREDENTIALS.some((name) => (headers.get(name) ?? "") !== "");
}

/** Whether a sender uses the default credentials. */
export function hasDefaultCredentials(headers: Headers): boolean {
  return headers.get("authorization") === DEFAULT_CREDENTIALS;
}

/** How Parseable is reached. */
export interface ParseableOptions {
  /** Its address, without secrets. */
  readonly label: string;
  /** Where it accepts metrics. */
  readonly url: URL;
  /** Sends requests to it. */
  readonly exchange: Exchange;
}

/** Statuses of a busy Parseable: 2.9.5 sends 408 when it reads a request too late. */
const BUSY: readonly number[] = [STATUS_CODE.RequestTimeout, STATUS_CODE.TooManyRequests];

/** A refusal by Parseable, or no response from it. */
export class DeliveryError extends RequestError {
  /** The text of Parseable's response, unless the message has it. */
  readonly words: string;
  /** Parseable's status; undefined when it did not respond. */
  readonly answered: number | undefined;
  /** Whether it is about this request, and others may be stored. */
  readonly isAboutRequest: boolean;

  /** Without an answer there was no connection, or no response in time. */
  constructor(status: StatusCode, message: string, answer?: Answer) {
    // Parseable restarts in a few seconds.
    super(status, message, FINAL.includes(status) ? {} : { retryAfterSeconds: 5 });
    const words = answer === undefined ? "" : wordsOf(answer.bytes);
    this.words = message.includes(words) ? "" : words;
    this.answered = answer?.status;
    this.isAboutRequest = answer !== undefined && answer.status >= 400 && answer.status < 500 &&
      !BUSY.includes(answer.status);
  }
}

/**
 * What to do about statuses that an operator can fix. Parseable 2.9.5 answers a wrong
 * password with 403, and a stream that does not exist with 404.
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
  return new DeliveryError(passedOn ?? STATUS_CODE.ServiceUnavailable, message, answer);
}

/** Sends one body. */
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
    return new DeliveryError(STATUS_CODE.ServiceUnavailable, message);
  }
}
