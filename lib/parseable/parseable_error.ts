/** What can go wrong between us and Parseable's API, in words for the operator. */

import { STATUS_CODE } from "@std/http/status";
import { type ErrorCode, MetricsError } from "../errors.ts";

/** How a {@linkcode ParseableError} is worded. */
export interface ParseableErrorOptions {
  /** What was asked, for people. */
  readonly label: string;
  /** What is wrong, without a full stop. */
  readonly reason: string;
  /** The status that was answered; absent without an answer. */
  readonly answered?: number;
  /** What to do about it. */
  readonly hint?: string;
}

/** A request that Parseable did not fulfil, or did not get. */
export class ParseableError extends MetricsError {
  /** What is wrong, without a full stop and without the address. */
  readonly reason: string;
  /** The status that was answered; undefined without an answer. */
  readonly answered: number | undefined;

  /**
   * Words the error.
   *
   * @param code What went wrong.
   * @param options What was asked, and what is wrong.
   */
  constructor(code: ErrorCode, options: ParseableErrorOptions) {
    const { label, reason, answered, hint = "" } = options;
    super(code, `Cannot use Parseable at "${label}": ${reason}`, { hint });
    this.name = "ParseableError";
    this.reason = reason;
    this.answered = answered;
  }
}

/**
 * Names the refusal of a request. Parseable 2.9.5 answers 403 to a wrong password as well as to a
 * lack of privilege, and 401 to a wrong key.
 *
 * @param status What was answered, not 2xx.
 * @param words What Parseable said; empty when it said nothing.
 * @param label What was asked, for people.
 * @returns The error.
 */
export function refusalOf(status: number, words: string, label: string): ParseableError {
  const said = words === "" ? "" : `: ${words.replace(/\.$/, "")}`;
  const options = { label, reason: `it answered ${status}${said}`, answered: status };
  switch (status) {
    case STATUS_CODE.Unauthorized:
      return new ParseableError("PARSEABLE_DENIED", {
        ...options,
        hint: "It knows no such key, or a proxy took the credentials away.",
      });
    case STATUS_CODE.Forbidden:
      return new ParseableError("PARSEABLE_DENIED", {
        ...options,
        hint: "The user name or password is wrong, or this user may not do that.",
      });
  }
  // 408 is what Parseable 2.9.5 says when it is too busy to read a request in time.
  const isBusy = status === STATUS_CODE.RequestTimeout || status === STATUS_CODE.TooManyRequests;
  const hasFailed = isBusy || status >= STATUS_CODE.InternalServerError;
  return new ParseableError(hasFailed ? "PARSEABLE_FAILED" : "PARSEABLE_REFUSED", options);
}
