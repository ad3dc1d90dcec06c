/** The stream of views: opened, monitored, and reopened when it breaks. */

import { applyPatch, isPatch } from "../patch.ts";
import type { View } from "../view.ts";

/** The state of the stream. */
export type LiveState = "connecting" | "live" | "paused" | "lost" | "refused";

/** Receives what {@linkcode Live} reports. */
export interface LiveListener {
  /** A new view. */
  onView(view: View): void;
  /** A new state; the detail says why, or is empty. */
  onState(state: LiveState, detail: string): void;
}

/** First and longest delay before a retry, in milliseconds. */
const RETRY_MS = { first: 1_000, longest: 10_000 };
/** Time without a view after which the stream is reopened, in milliseconds: the computer slept. */
const SILENCE_MS = 30_000;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Whether a value is a view; it comes from our service, so its outer form is enough. */
function isView(value: unknown): value is View {
  return isObject(value) && typeof value.version === "string" && Array.isArray(value.charts);
}

/** The error of the API as a sentence; other text as it is. */
function refusalText(body: string): string {
  const reply: unknown = body.startsWith("{") ? JSON.parse(body) : undefined;
  const error = isObject(reply) ? reply.error : undefined;
  return isObject(error) ? `${error.message}. ${error.hint}` : body.trim();
}

/** Follows the stream. */
export class Live {
  readonly #listener: LiveListener;
  #query = "";
  #source: EventSource | undefined;
  #state: LiveState | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = RETRY_MS.first;
  #openedMs = 0;
  #heardMs = 0;
  #view: View | undefined;

  /** Starts closed. */
  constructor(listener: LiveListener) {
    this.#listener = listener;
  }

  /** Whether the user paused the stream. */
  get isPaused(): boolean {
    return this.#state === "paused";
  }

  /** Follows a query such as `?window=300`, and no other. */
  open(query: string): void {
    this.#query = query;
    this.#openedMs = Date.now();
    this.#close();
    const source = new EventSource(`api/v1/events${query}`);
    this.#source = source;
    if (this.#state === undefined || this.isPaused) this.#setState("connecting", "");
    source.addEventListener("view", (event) => {
      this.#retryMs = RETRY_MS.first;
      this.#heard(JSON.parse(event.data));
    });
    source.addEventListener("change", (event) => {
      const patch: unknown = JSON.parse(event.data);
      if (this.#view !== undefined && isPatch(patch)) this.#heard(applyPatch(this.#view, patch));
    });
    source.addEventListener("error", () => void this.#failed());
  }

  /** Stops the stream until {@linkcode open}. */
  pause(): void {
    this.#close();
    this.#setState("paused", "");
  }

  /** Reopens the stream after a long silence, as when the computer slept. */
  check(): void {
    const silentMs = Date.now() - Math.max(this.#openedMs, this.#heardMs);
    if (this.isPaused || silentMs < SILENCE_MS) return;
    // The stream was opened and never sent anything: the service hangs.
    if (this.#openedMs > this.#heardMs) this.#setState("lost", "");
    this.open(this.#query);
  }

  /** Retries now, when something has changed. */
  hurry(): void {
    if (this.#timer === undefined) this.check();
    else this.open(this.#query);
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#source?.close();
    this.#source = undefined;
  }

  #setState(state: LiveState, detail: string): void {
    this.#state = state;
    this.#listener.onState(state, detail);
  }

  #heard(value: unknown): void {
    if (!isView(value)) return;
    this.#heardMs = Date.now();
    this.#view = value;
    if (this.#state !== "live") this.#setState("live", "");
    this.#listener.onView(value);
  }

  /** Sends one request without a stream, to learn why it broke, and reopens it later. */
  async #failed(): Promise<void> {
    this.#close();
    const query = this.#query;
    const waitMs = this.#retryMs * (0.75 + Math.random() / 2);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.longest);
    this.#timer = setTimeout(() => this.open(this.#query), waitMs);
    const timer = this.#timer;
    const isOld = (): boolean => this.#timer !== timer || this.#query !== query;
    try {
      const response = await fetch(`api/v1/view${query}`, {
        signal: AbortSignal.timeout(RETRY_MS.longest),
      });
      const text = await response.text();
      if (isOld()) return;
      if (response.ok) this.#heard(JSON.parse(text));
      else this.#setState("refused", refusalText(text));
    } catch {
      if (!isOld()) this.#setState("lost", "");
    }
  }
}
