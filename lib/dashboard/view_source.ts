/** Views as bytes: each is computed and encoded once, however many look at it. */

import type { ViewRequest } from "./view_builder.ts";
import { Turns } from "./turns.ts";
import type { View } from "./view.ts";

const ENCODER = new TextEncoder();
/** What ends an event (HTML standard, "server-sent events"). */
const END = "\n\n";

/**
 * Views that are kept, of single questions and of open pages: with one engine each has 60 to 70 KB,
 * with eight up to 105.
 */
const MAX_KEPT = 32;

/** How long a view is computed before others get a turn, in milliseconds: scrapes go on meanwhile. */
const SLICE_MS = 5;

/** A view as bytes. */
export interface EncodedView {
  /** When it was computed, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The view as JSON. */
  readonly json: Uint8Array<ArrayBuffer>;
  /** The view as a server-sent event. */
  readonly event: Uint8Array<ArrayBuffer>;
}

/** What {@linkcode ViewSource} works with. */
export interface ViewSourceOptions {
  /** Computes a view, a piece at a time. */
  readonly build: (request: ViewRequest, nowMs: number) => Generator<undefined, View, undefined>;
  /** How long a view is new enough, in milliseconds. */
  readonly updateMs: number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** Tells requests for the same view. */
export function keyOf({ selection, windowSeconds }: ViewRequest): string {
  const { instance, model, engine } = selection;
  return JSON.stringify([windowSeconds, instance, model, engine]);
}

/**
 * One view as a server-sent event, and the JSON in it. `ServerSentEventStream` of
 * `@std/http` is not used: it encodes for one stream, and so once for each page.
 */
function encode(view: View): EncodedView {
  const head = `id: ${view.timeMs}\nevent: view\ndata: `;
  const event = ENCODER.encode(head + JSON.stringify(view) + END);
  // The head is ASCII, so its length in bytes is that of the text.
  return {
    timeMs: view.timeMs,
    json: event.subarray(head.length, event.length - END.length),
    event,
  };
}

/** Gives views, and keeps the newest of each kind. */
export class ViewSource {
  /** Views computed. */
  computed = 0;

  readonly #options: ViewSourceOptions;
  readonly #kept = new Map<string, EncodedView>();
  readonly #underWay = new Map<string, Promise<EncodedView>>();
  readonly #turns = new Turns();

  /**
   * Begins without views.
   *
   * @param options How a view is computed, and how long it is new.
   */
  constructor(options: ViewSourceOptions) {
    this.#options = options;
  }

  /** Gives a view that is new enough. */
  async get(request: ViewRequest): Promise<EncodedView> {
    const kept = this.#kept.get(keyOf(request));
    const oldestMs = this.#options.now() - this.#options.updateMs;
    return kept === undefined || kept.timeMs <= oldestMs ? await this.renew(request) : kept;
  }

  /** Gives a view of now; all who ask while it is computed get the same. */
  renew(request: ViewRequest): Promise<EncodedView> {
    const key = keyOf(request);
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    const view = this.#compute(request).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, view);
    return view;
  }

  /** Lets views that are being computed come to their end at once. */
  stop(): void {
    this.#turns.stop();
  }

  async #compute(request: ViewRequest): Promise<EncodedView> {
    const steps = this.#options.build(request, this.#options.now());
    await this.#turns.next();
    let sliceMs = performance.now();
    let step = steps.next();
    while (!step.done) {
      if (performance.now() - sliceMs >= SLICE_MS) {
        await this.#turns.next();
        sliceMs = performance.now();
      }
      step = steps.next();
    }
    this.computed++;
    const view = encode(step.value);
    this.#keep(keyOf(request), view);
    return view;
  }

  #keep(key: string, view: EncodedView): void {
    this.#kept.delete(key);
    this.#kept.set(key, view);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}
