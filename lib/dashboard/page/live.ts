/** The stream of views: opened, watched, and opened again when it breaks off. */

import type { View } from "../view.ts";

/** How the stream is. */
export type LiveState = "connecting" | "live" | "paused" | "lost" | "refused";

/** What {@linkcode Live} tells. */
export interface LiveListener {
  /** There is a new view. */
  onView(view: View): void;
  /** The stream is otherwise than before; the detail says why, or is empty. */
  onState(state: LiveState, detail: string): void;
}

/** First and longest time before the next attempt, in milliseconds. */
const RETRY_MS = { first: 1_000, longest: 10_000 };
/** Time without a view after which the stream is opened anew, in milliseconds: a computer that slept. */
const SILENCE_MS = 30_000;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Whether what the service sent is a view; it is ours, so its outer form is enough to tell. */
function isView(value: unknown): value is View {
  return isObject(value) && typeof value.version === "string" && Array.isArray(value.charts);
}

/** The error that the API wrote, in words; another text as it is. */
function refusalText(body: string): string {
  const reply: unknown = body.startsWith("{") ? JSON.parse(body) : undefined;
  const error = isObject(reply) ? reply.error : undefined;
  return isObject(error) ? `${error.message}. ${error.hint}` : body.trim();
}

/** Follows the service. */
export class Live {
  readonly #listener: LiveListener;
  #query = "";
  #source: EventSource | undefined;
  #state: LiveState | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = RETRY_MS.first;
  #openedMs = 0;
  #heardMs = 0;

  /** Does nothing until it is opened. */
  constructor(listener: LiveListener) {
    this.#listener = listener;
  }

  /** Whether the stream was stopped by hand. */
  get isPaused(): boolean {
    return this.#state === "paused";
  }

  /** Follows what a query asks for, such as `?window=300`, and nothing else any more. */
  open(query: string): void {
    this.#query = query;
    this.#openedMs = Date.now();
    this.#close();
    const source = new EventSource(`/api/v1/events${query}`);
    this.#source = source;
    if (this.#state === undefined || this.isPaused) this.#setState("connecting", "");
    source.addEventListener("view", (event) => {
      this.#retryMs = RETRY_MS.first;
      this.#heard(JSON.parse(event.data));
    });
    source.addEventListener("error", () => void this.#failed());
  }

  /** Stops the stream until {@linkcode open}. */
  pause(): void {
    this.#close();
    this.#setState("paused", "");
  }

  /** Opens the stream anew when it has been silent for too long, as after a computer's sleep. */
  check(): void {
    const silentMs = Date.now() - Math.max(this.#openedMs, this.#heardMs);
    if (this.isPaused || silentMs < SILENCE_MS) return;
    // A stream that was opened and never sent anything: the service hangs.
    if (this.#openedMs > this.#heardMs) this.#setState("lost", "");
    this.open(this.#query);
  }

  /** Does not wait for the next attempt: something has changed that makes it worthwhile. */
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
    if (this.#state !== "live") this.#setState("live", "");
    this.#listener.onView(value);
  }

  /** Asks once without a stream, which tells why it broke off, and opens it again later. */
  async #failed(): Promise<void> {
    this.#close();
    const query = this.#query;
    const waitMs = this.#retryMs * (0.75 + Math.random() / 2);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.longest);
    this.#timer = setTimeout(() => this.open(this.#query), waitMs);
    const timer = this.#timer;
    const isOld = (): boolean => this.#timer !== timer || this.#query !== query;
    try {
      const response = await fetch(`/api/v1/view${query}`, {
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
