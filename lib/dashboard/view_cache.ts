/** Views as bytes: each is computed and encoded once, however many viewers it has. */

import { createPatch } from "./patch.ts";
import type { View } from "./view.ts";
import type { ViewRequest } from "./view_builder.ts";

const ENCODER = new TextEncoder();
/** Ends an event (HTML standard, "server-sent events"). */
const EVENT_END = "\n\n";

/** Views that are kept. A view has 80 to 100 KB with one engine, up to 150 KB with eight. */
const MAX_KEPT = 32;

/**
 * Longest computation before scrapes and other requests run, in milliseconds. With four views of eight
 * engines in one go, the p95 of /metrics rose from 19 to 201 ms.
 */
const SLICE_MS = 5;

/** A view as bytes. */
export interface EncodedView {
  /** When it was computed, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The view. */
  readonly view: View;
  /** The view as JSON. */
  readonly json: Uint8Array<ArrayBuffer>;
  /** The view as a server-sent event. */
  readonly event: Uint8Array<ArrayBuffer>;
}

/** A change from one view to the next as a server-sent event. */
export function changeEvent(before: View, after: View): Uint8Array<ArrayBuffer> {
  const patch = createPatch(before, after) ?? {};
  return ENCODER.encode(
    `id: ${after.timeMs}\nevent: change\ndata: ${JSON.stringify(patch)}${EVENT_END}`,
  );
}

/** What {@linkcode ViewCache} works with. */
export interface ViewCacheOptions {
  /** Computes a view in steps. */
  readonly build: (request: ViewRequest, nowMs: number) => Generator<undefined, View, undefined>;
  /** How long a view stays fresh, in milliseconds. */
  readonly updateMs: number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** A key that is equal for requests for the same view. */
export function keyOf({ selection, windowSeconds, toMs }: ViewRequest): string {
  const { instance, model, engine } = selection;
  return JSON.stringify([windowSeconds, toMs, instance, model, engine]);
}

/** Encodes a view once for all pages; `ServerSentEventStream` of `@std/http` encodes for each. */
function encode(view: View): EncodedView {
  const head = `id: ${view.timeMs}\nevent: view\ndata: `;
  const event = ENCODER.encode(head + JSON.stringify(view) + EVENT_END);
  // The head is ASCII, so its length in bytes is that of the text.
  return {
    timeMs: view.timeMs,
    view,
    json: event.subarray(head.length, event.length - EVENT_END.length),
    event,
  };
}

/** Computes views one after the other, and keeps the newest of each kind. */
export class ViewCache {
  /** Views computed. */
  computed = 0;

  readonly #options: ViewCacheOptions;
  readonly #kept = new Map<string, EncodedView>();
  readonly #pending = new Map<string, Promise<EncodedView>>();
  /** The end of the last computation. */
  #queue: Promise<unknown> = Promise.resolve();
  #isStopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resume = (): void => {};

  /** Starts without views. */
  constructor(options: ViewCacheOptions) {
    this.#options = options;
  }

  /** Gives a fresh view. */
  async get(request: ViewRequest): Promise<EncodedView> {
    const kept = this.#kept.get(keyOf(request));
    const oldestMs = this.#options.now() - this.#options.updateMs;
    return kept === undefined || kept.timeMs <= oldestMs ? await this.renew(request) : kept;
  }

  /** Computes a view; concurrent requests for it share the computation. */
  renew(request: ViewRequest): Promise<EncodedView> {
    const key = keyOf(request);
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const view = this.#queue.then(() => this.#compute(request))
      .finally(() => this.#pending.delete(key));
    this.#queue = view.catch(() => {});
    this.#pending.set(key, view);
    return view;
  }

  /** Lets pending computations finish without pauses. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#resume();
  }

  async #compute(request: ViewRequest): Promise<EncodedView> {
    await this.#pause();
    const steps = this.#options.build(request, this.#options.now());
    let startedMs = performance.now();
    let step = steps.next();
    while (!step.done) {
      if (performance.now() - startedMs >= SLICE_MS) {
        await this.#pause();
        startedMs = performance.now();
      }
      step = steps.next();
    }
    this.computed++;
    const view = encode(step.value);
    this.#keep(keyOf(request), view);
    return view;
  }

  /** Lets everything else that is due run first. */
  async #pause(): Promise<void> {
    if (this.#isStopped) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      this.#timer = setTimeout(resolve, 0);
    });
  }

  #keep(key: string, view: EncodedView): void {
    this.#kept.delete(key);
    this.#kept.set(key, view);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}
