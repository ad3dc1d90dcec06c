/** A failed request in words, and what the words need to know of it. */

import type { ErrorCode } from "../errors.ts";

/** What the sentences about a failed request need to know of it. */
export interface Target {
  /** The URL for people. */
  label: string;
  /** The host name, for the sentence about a name that is not found. */
  hostname: string;
  /** True when the requests carry credentials. */
  hasCredentials: boolean;
  /** True when the requests carry a client certificate. */
  hasCertificate: boolean;
}

/** The right half of a message, and its hint. */
export interface Complaint {
  /** What went wrong, as a stable word. */
  code: ErrorCode;
  /** What is wrong, for the end of `Cannot scrape "…": `. */
  text: string;
  /** What to do about it; empty when there is nothing to add. */
  hint: string;
}
