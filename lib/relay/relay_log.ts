/** What the relay tells the operator: changes, and each refusal of Parseable once. */

import type { Logger } from "../log.ts";
import { hasDefaultCredentials } from "./forward_headers.ts";
import type { DeliveryError } from "./parseable.ts";
import type { RelayError } from "./relay_error.ts";

/** Refusals remembered so as to tell each once; beyond that they are told again. */
const MAX_REMEMBERED = 100;

/** What errors of one kind have in common: numbers and quoted values differ. */
function kindOf({ status, message }: RelayError): string {
  return `${status} ${message.replace(/\d+|(?<= )"[^"]*"/g, "")}`;
}

/** Log lines of the relay. */
export class RelayLog {
  readonly #log: Logger;
  readonly #label: string;
  readonly #told = new Set<string>();
  #state = "unknown";
  #warnedOfDefaults = false;

  /**
   * Begins with nothing told.
   *
   * @param log Takes the lines.
   * @param label Parseable's address for people.
   */
  constructor(log: Logger, label: string) {
    this.#log = log;
    this.#label = label;
  }

  /**
   * Notes a delivery: a line when Parseable begins or ceases to take data. Senders
   * differ in password, stream and data, so a refusal that is about the request
   * says nothing of Parseable, and each kind is told once.
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

  /** Notes a request that was refused before it was sent on, each kind once. */
  refused(error: RelayError): void {
    if (!this.#isNew(kindOf(error))) return;
    this.#log.warn("Refused an OTLP request", { status: error.status, error: error.message });
  }

  /** Notes a fault of the relay's own, each kind once. */
  failed(error: unknown): void {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    if (this.#isNew(text)) this.#log.error("Unexpected error in the relay", { error: text });
  }

  /** Whether a kind of error was not logged yet. */
  #isNew(kind: string): boolean {
    if (this.#told.has(kind)) return false;
    if (this.#told.size >= MAX_REMEMBERED) this.#told.clear();
    this.#told.add(kind);
    return true;
  }

  /** Warns once of a caller that uses the password that everybody knows. */
  checkCredentials(headers: Headers): void {
    if (this.#warnedOfDefaults || !hasDefaultCredentials(headers)) return;
    this.#warnedOfDefaults = true;
    this.#log.warn("Parseable is used with admin:admin, which everybody knows", {
      hint: "Set P_USERNAME and P_PASSWORD in parseable.env.",
    });
  }
}
