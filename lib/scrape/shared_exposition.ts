/** One exposition for several readers, each at its own pace within bounds. */

import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers/promises";
import { MetricsError } from "../errors.ts";

/**
 * How far a reader may fall behind before the source waits for it, in characters. Together with the
 * buffers of its connection that is more than the metrics of an engine.
 */
const MAX_LAG = 262_144;
/** How long one reader may hold up the others, in milliseconds. */
const MAX_HOLD_UP_MS = 1_000;
/** Longest text that is handed out in one piece when all of it has come, in characters. */
const MAX_WHOLE = 1_048_576;
/** Turns of the event loop within which what has arrived already is delivered. */
const TURNS = 32;

/** The first text of an exposition. */
export type Beginning = {
  readonly text: string;
  readonly bytes: number;
  /** Whether they are all. */
  readonly isWhole: boolean;
  /** Whether another client caused the scrape. */
  readonly isShared: boolean;
};

/** An exposition on its way to one client. Dispose it to stop reading; again does nothing. */
export interface ExpositionReader extends Disposable {
  /**
   * Waits for the first text.
   *
   * @throws {MetricsError} When the scrape fails before, or the client's time is up.
   */
  begin(): Promise<Beginning>;
  /**
   * Waits for the next text; undefined at the end.
   *
   * @throws {MetricsError} When the scrape fails: what was read is not complete.
   */
  next(): Promise<string | undefined>;
}

/** Who reads, and for how long. */
export type ReadOptions = {
  readonly signal: AbortSignal;
  /** Longest wait for the last byte, in milliseconds; the scrape's own limit if undefined. */
  readonly timeoutMs?: number | undefined;
};

/** Hands text to all its readers. The source waits for the slowest of them. */
export class SharedExposition {
  /** Whether more readers may join: none of its values has been read yet. */
  isOpen = true;
  /** Called when the last reader leaves. */
  onEmpty: (() => void) | undefined;
  readonly #late: (timeoutMs: number, isWaiting: boolean) => MetricsError;
  readonly #readers = new Set<Reader>();
  readonly #stop = new AbortController();
  #joined = 0;
  /** The first text, held back while more of it may come at once. */
  #held = "";
  #beginning: Promise<void> | undefined;
  #isBegun = false;
  #isOver = false;
  #wake: (() => void) | undefined;

  /** `late` words the error for a reader whose time is up. */
  constructor(late: (timeoutMs: number, isWaiting: boolean) => MetricsError) {
    this.#late = late;
  }

  /** How many readers there are. */
  get readers(): number {
    return this.#readers.size;
  }

  /** Aborts when the last reader leaves before the end. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Adds a reader. A client whose own time is up says nothing about the server, so the scrape
   * continues without it; it stops when the last client disconnects.
   */
  read({ signal, timeoutMs }: ReadOptions): ExpositionReader {
    const isShared = this.#joined++ > 0;
    const reader = new Reader(() => this.#wake?.());
    this.#readers.add(reader);
    let hasLeft = false;
    const leave = (): void => {
      hasLeft = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", disconnect);
      this.#readers.delete(reader);
      this.#wake?.();
    };
    const disconnect = (): void => {
      if (hasLeft) return;
      leave();
      if (!this.#isOver) {
        const text = "Cannot finish the response: the reader left";
        reader.end(new MetricsError("READER_GONE", text));
      }
      if (this.#readers.size > 0) return;
      this.isOpen = false;
      if (!this.#isOver) this.#stop.abort();
      this.onEmpty?.();
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
      leave();
      reader.end(this.#late(timeoutMs, !reader.isReady));
    }, timeoutMs);
    signal.addEventListener("abort", disconnect);
    if (signal.aborted) disconnect();
    return {
      begin: async (): Promise<Beginning> => ({ ...await reader.begin(), isShared }),
      next: () => reader.next(),
      [Symbol.dispose]: disconnect,
    };
  }

  /** Hands out text; `end` follows at once when it is the last. */
  push(text: string, isLast: boolean): void {
    if (this.#isBegun) return this.#readers.forEach((reader) => reader.push(text));
    this.#held += text;
    if (!isLast) this.#beginning ??= this.#begin();
  }

  /** Ends the text for all readers, with a failure or without. */
  end(failure?: MetricsError): void {
    this.isOpen = false;
    this.#isOver = true;
    if (failure === undefined && !this.#isBegun) this.#handOut(true);
    this.#isBegun = true;
    this.#readers.forEach((reader) => reader.end(failure));
  }

  /** Waits until the slowest reader is near enough, or has held up the others for too long. */
  async room(): Promise<void> {
    if (!this.#isHeldUp()) return;
    const timer = setInterval(() => this.#dropSlow(), MAX_HOLD_UP_MS);
    while (this.#isHeldUp()) await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = undefined;
    clearInterval(timer);
  }

  /** Hands out the first text once no more of it comes at once. */
  async #begin(): Promise<void> {
    let length = 0;
    for (let turn = 0; turn < TURNS && length <= MAX_WHOLE; turn++) {
      await setImmediate();
      if (this.#isBegun) return;
      if (this.#held.length > length) turn = 0;
      length = this.#held.length;
    }
    this.#handOut(false);
  }

  #handOut(isWhole: boolean): void {
    const text = this.#held;
    const beginning = { text, bytes: Buffer.byteLength(text), isWhole };
    this.#held = "";
    this.#isBegun = true;
    this.#readers.forEach((reader) => reader.start(beginning));
  }

  #isHeldUp(): boolean {
    return this.#readers.values().some(({ lag }) => lag > MAX_LAG);
  }

  /** Drops the readers that hold up others. */
  #dropSlow(): void {
    const all = [...this.#readers];
    if (all.every(({ isReady }) => isReady)) return;
    for (const reader of all) {
      if (reader.lag <= MAX_LAG) continue;
      this.#readers.delete(reader);
      const text = "Cannot finish the reply: the client reads too slowly";
      reader.end(new MetricsError("READER_SLOW", text));
      this.#wake?.();
    }
  }
}

/** What one reader has not taken yet. */
class Reader {
  /** Characters that wait for it. */
  lag = 0;
  readonly #onTaken: () => void;
  readonly #texts: string[] = [];
  #first: Omit<Beginning, "isShared"> | undefined;
  #end: { readonly failure: MetricsError | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
  }

  /** Whether there is something to take. */
  get isReady(): boolean {
    return this.lag > 0 || this.#end !== undefined;
  }

  start(first: Omit<Beginning, "isShared">): void {
    this.#first = first;
    this.lag = first.text.length;
    this.#wake?.();
  }

  push(text: string): void {
    if (text === "") return;
    this.#texts.push(text);
    this.lag += text.length;
    this.#wake?.();
  }

  /** No text follows; only the first call counts. */
  end(failure?: MetricsError): void {
    this.#end ??= { failure };
    this.#wake?.();
  }

  async begin(): Promise<Omit<Beginning, "isShared">> {
    while (this.#first === undefined) await this.#more();
    this.#take(this.#first.text);
    return this.#first;
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      const text = this.#texts.shift();
      if (text !== undefined) {
        this.#take(text);
        return text;
      }
      if (this.#end !== undefined && this.#end.failure === undefined) return undefined;
      await this.#more();
    }
  }

  /** Waits for what comes next. */
  async #more(): Promise<void> {
    if (this.#end?.failure !== undefined) throw this.#end.failure;
    await new Promise<void>((resolve) => this.#wake = resolve);
  }

  #take(text: string): void {
    this.lag -= text.length;
    this.#onTaken();
  }
}
