/** Log lines of the relay: changes of state, and each kind of refusal once. */

import type { Logger } from "../log.ts";
import type { RequestError } from "../otlp/http.ts";
import { type DeliveryError, hasDefaultCredentials } from "./parseable.ts";

/** Kinds of errors remembered to log each only once; the set is cleared when full. */
const MAX_REMEMBERED = 100;

/** What errors of one kind have in common: numbers and quoted values differ. */
function kindOf({ status, message }: RequestError): string {
  return `${status} ${message.replace(/\d+|(?<= )"[^"]*"/g, "")}`;
}

/** Log lines of the relay. */
export class RelayLog {
  readonly #log: Logger;
  readonly #label: string;
  readonly #logged = new Set<string>();
  #state = "unknown";
  #warnedOfDefaults = false;

  /** Starts with nothing logged; `label` is Parseable's address without secrets. */
  constructor(log: Logger, label: string) {
    this.#log = log;
    this.#label = label;
  }

  /**
   * Logs when Parseable starts or stops storing data. Senders differ in password,
   * stream and data, so a refusal that is about the request says nothing about
   * Parseable, and each kind is logged once.
   */
  delivered(error: DeliveryError | undefined): void {
    if (error?.isAboutRequest && !this.#isNew(kindOf(error))) return;
    if (!error?.isAboutRequest) {
      const state = error?.message ?? "up";
      if (state === this.#state) return;
      this.#state = state;
    }
    if (error === undefined) {
      this.#log.info("Parseable stores what is sent", { parseable: this.#label });
      return;
    }
    const lost = error.retryAfterSeconds === undefined;
    this.#log.warn(lost ? "Parseable refuses data for good" : "Parseable does not take data", {
      parseable: this.#label,
      error: error.message,
      words: error.words === "" ? undefined : error.words,
    });
  }

  /** Logs a request that was refused before it was sent on, each kind once. */
  refused(error: RequestError): void {
    if (!this.#isNew(kindOf(error))) return;
    this.#log.warn("Refused an OTLP request", { status: error.status, error: error.message });
  }

  /** Logs a bug, each kind once. */
  failed(error: unknown): void {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    if (this.#isNew(text)) this.#log.error("Unexpected error in the relay", { error: text });
  }

  #isNew(kind: string): boolean {
    if (this.#logged.has(kind)) return false;
    if (this.#logged.size >= MAX_REMEMBERED) this.#logged.clear();
    this.#logged.add(kind);
    return true;
  }

  /** Warns once about a sender that uses Parseable's default password. */
  checkCredentials(headers: Headers): void {
    if (this.#warnedOfDefaults || !hasDefaultCredentials(headers)) return;
    this.#warnedOfDefaults = true;
    this.#log.warn("Parseable is used with the default password admin:admin", {
      hint: "Set P_USERNAME and P_PASSWORD in parseable.env.",
    });
  }
}
