/** Views as bytes: each is computed and encoded once, however many viewers it has. */

import type { View } from "./view.ts";
import type { ViewRequest } from "./view_builder.ts";

const ENCODER = new TextEncoder();
/** Ends an event (HTML standard, "server-sent events"). */
const EVENT_END = "\n\n";

/** Views that are kept. A view has 60 to 70 KB with one engine, up to 105 KB with eight. */
const MAX_KEPT = 32;

/** A view as bytes. */
export interface EncodedView {
  /** When it was computed, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The view as JSON. */
  readonly json: Uint8Array<ArrayBuffer>;
  /** The view as a server-sent event. */
  readonly event: Uint8Array<ArrayBuffer>;
}

/** What {@linkcode ViewCache} works with. */
export interface ViewCacheOptions {
  /** Computes a view. */
  readonly build: (request: ViewRequest, nowMs: number) => View;
  /** How long a view stays fresh, in milliseconds. */
  readonly updateMs: number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** A key that is equal for requests for the same view. */
export function keyOf({ selection, windowSeconds }: ViewRequest): string {
  const { instance, model, engine } = selection;
  return JSON.stringify([windowSeconds, instance, model, engine]);
}

/** Encodes a view once for all pages; `ServerSentEventStream` of `@std/http` encodes for each. */
function encode(view: View): EncodedView {
  const head = `id: ${view.timeMs}\nevent: view\ndata: `;
  const event = ENCODER.encode(head + JSON.stringify(view) + EVENT_END);
  // The head is ASCII, so its length in bytes is that of the text.
  return {
    timeMs: view.timeMs,
    json: event.subarray(head.length, event.length - EVENT_END.length),
    event,
  };
}

/** Computes views, and keeps the newest of each kind. */
export class ViewCache {
  /** Views computed. */
  computed = 0;

  readonly #options: ViewCacheOptions;
  readonly #kept = new Map<string, EncodedView>();

  /** Starts without views. */
  constructor(options: ViewCacheOptions) {
    this.#options = options;
  }

  /** Gives a fresh view. */
  get(request: ViewRequest): EncodedView {
    const kept = this.#kept.get(keyOf(request));
    const oldestMs = this.#options.now() - this.#options.updateMs;
    return kept === undefined || kept.timeMs <= oldestMs ? this.renew(request) : kept;
  }

  /** Computes a view; one of eight engines takes 25 to 90 ms. */
  renew(request: ViewRequest): EncodedView {
    const view = encode(this.#options.build(request, this.#options.now()));
    this.computed++;
    this.#kept.delete(keyOf(request));
    this.#kept.set(keyOf(request), view);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return view;
  }
}
