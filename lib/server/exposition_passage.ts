/** The way of an exposition from the server to a reader, sanitised while it passes. */

import { setImmediate } from "node:timers/promises";
import { MetricsError } from "../errors.ts";
import { ByteBuffer } from "../exposition/byte_buffer.ts";
import { describeForeign, detectFormat, isMarkup } from "../exposition/format.ts";
import { Sanitizer } from "../exposition/sanitizer.ts";
import type { ShapeMemory } from "../exposition/shape_memory.ts";
import { type BodyRead, ROOM_BYTES } from "../upstream/body.ts";
import type { Scrape } from "../upstream/scrape.ts";
import type { Rooms } from "./rooms.ts";

/** What every reader is told it gets. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * How long the rest of a body may take to follow its first bytes before the
 * reply begins without it, in milliseconds: one timer a body, not one a chunk. A server that sends its metrics in
 * one go is answered in one go, with a Content-Length.
 */
const BURST_MS = 5;
/** Longest body that is waited for in this way; a longer one is streamed from its first bytes on. */
const MAX_BURST_BYTES = 1_048_576;
/** Bytes without a line of an exposition after which the body counts as something else. */
const MAX_FOREIGN_BYTES = 65_536;

/** Time after which a body whose bytes keep arriving lets others have a turn, in milliseconds. */
const TURN_MS = 20;
/** Samples of one scrape. vLLM writes about 400 an engine, so that this is enough for 700 engines. */
const MAX_SAMPLES = 300_000;
/** Families of one scrape; vLLM writes about 130. */
const MAX_FAMILIES = 20_000;

/** Bytes of a body that are looked at to say what else it is. */
const HEAD_BYTES = 1_024;

const EMPTY = new Uint8Array(0);

type Bytes = Uint8Array<ArrayBuffer>;

/** The first bytes for the reader. */
export interface Beginning {
  /** The bytes; when they are all, valid until {@linkcode ExpositionPassage.release}. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether they are all. */
  readonly whole: boolean;
}

/** The short time in which the chunks of one burst follow one another. */
class Burst implements Disposable {
  readonly #over = Promise.withResolvers<false>();
  readonly #timer = setTimeout(() => this.#over.resolve(false), BURST_MS);

  /** Says false when the time is up. */
  get over(): Promise<false> {
    return this.#over.promise;
  }

  /** Lets go of the timer. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** What a passage works with. */
export interface PassageOptions {
  /** The server's address for people. */
  readonly label: string;
  /** Whether the server was sent a secret, which it may repeat. */
  readonly sendsSecret: boolean;
  /** What is remembered of the server's expositions. */
  readonly memory: ShapeMemory;
  /** Where rooms to read into come from. */
  readonly rooms: Rooms;
}

/** A body on its way from the server to a reader. */
export class ExpositionPassage {
  /** Bytes that came from the server. */
  upstreamBytes = 0;
  /** Bytes that were handed out. */
  replyBytes = 0;

  readonly #scrape: Scrape;
  readonly #options: PassageOptions;
  #room: ArrayBuffer;
  #gathered: ArrayBuffer | undefined;
  #sanitizer: Sanitizer | undefined;
  #pending: Promise<BodyRead> | undefined;
  #turnMs = performance.now();

  /**
   * Begins a passage; nothing is read yet.
   *
   * @param scrape The server's reply.
   * @param options Label, memory and rooms.
   */
  constructor(scrape: Scrape, options: PassageOptions) {
    this.#scrape = scrape;
    this.#options = options;
    this.#room = options.rooms.take(ROOM_BYTES);
  }

  /** The sanitiser, once bytes have come. */
  get sanitizer(): Sanitizer | undefined {
    return this.#sanitizer;
  }

  /**
   * Reads until the whole body is there, or until it is sure to be an
   * exposition and the rest is late or long.
   *
   * @returns The bytes so far, and whether they are all.
   * @throws {MetricsError} When the server fails or sends something else.
   */
  async begin(): Promise<Beginning> {
    const { bytes, end } = await this.#gather(await this.#read());
    // A copy: the bytes are edited in place, and reading on detaches their room.
    const head = bytes.slice(0, HEAD_BYTES);
    const pieces = [this.#push(bytes, end)];
    this.#refuseForeign(head);
    while (await this.#mustWait()) {
      const read = await this.#read();
      pieces.push(this.#push(read.bytes, read.end));
      this.#refuseForeign(head);
    }
    return { bytes: join(pieces), whole: this.#sanitizer?.finished ?? false };
  }

  /**
   * Reads and sanitises one chunk.
   *
   * @returns What can be handed out, perhaps no byte; undefined at the end.
   * @throws {MetricsError} When the server fails.
   */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#sanitizer?.finished) return undefined;
    const { bytes, end } = await this.#read();
    return this.#push(bytes, end);
  }

  /** Gives the rooms back, when a whole body has been copied into a response. */
  release(): void {
    this.#options.rooms.give(this.#room);
    if (this.#gathered !== undefined) this.#options.rooms.give(this.#gathered);
    this.#gathered = undefined;
    this.#room = new ArrayBuffer(0);
  }

  /** Stops reading: the reader has gone. */
  async cancel(reason: unknown): Promise<void> {
    await this.#scrape.body.cancel(reason);
  }

  /** Whether the reply cannot begin yet. */
  async #mustWait(): Promise<boolean> {
    const { finished = false, recognized = false } = this.#sanitizer ?? {};
    if (finished || !recognized) return !finished;
    const isShort = this.upstreamBytes <= MAX_BURST_BYTES;
    if (this.#scrape.contentLength !== undefined || !isShort) return false;
    using burst = new Burst();
    return await this.#followsIn(burst);
  }

  async #read(): Promise<BodyRead> {
    if (this.#room.byteLength === 0) this.#room = this.#options.rooms.take(ROOM_BYTES);
    const read = await (this.#pending ?? this.#scrape.body.read(this.#room));
    this.#pending = undefined;
    // Bytes that are there already are read without a turn of the event loop.
    if (performance.now() - this.#turnMs > TURN_MS) {
      await setImmediate();
      this.#turnMs = performance.now();
    }
    this.#room = read.room;
    this.upstreamBytes += read.bytes.length;
    return read;
  }

  /** Puts the chunks of a body of known length behind one another as long as they come at once. */
  async #gather(first: BodyRead): Promise<{ bytes: Bytes; end: boolean }> {
    const { contentLength = Infinity } = this.#scrape;
    if (first.end || contentLength > MAX_BURST_BYTES) return first;
    this.#gathered = this.#options.rooms.take(contentLength);
    const bytes = new Uint8Array(this.#gathered);
    bytes.set(first.bytes);
    using burst = new Burst();
    let end = false;
    while (!end && await this.#followsIn(burst)) {
      const start = this.upstreamBytes;
      const read = await this.#read();
      bytes.set(read.bytes, start);
      end = read.end;
    }
    return { bytes: bytes.subarray(0, this.upstreamBytes), end };
  }

  /** Whether the next chunk comes before the burst is over. */
  #followsIn(burst: Burst): Promise<boolean> {
    this.#pending = this.#scrape.body.read(this.#room);
    // A failure is told by the read that takes the chunk.
    return Promise.race([this.#pending.then(() => true, () => true), burst.over]);
  }

  #push(bytes: Bytes, end: boolean): Bytes {
    if (this.#sanitizer === undefined) {
      const format = detectFormat(this.#scrape.contentType, bytes);
      this.#sanitizer = new Sanitizer({ format, memory: this.#options.memory });
    }
    const sanitized = this.#sanitizer.push(bytes, end);
    this.#refuseMany("samples", this.#sanitizer.samples, MAX_SAMPLES);
    this.#refuseMany("metric families", this.#sanitizer.families, MAX_FAMILIES);
    this.replyBytes += sanitized.length;
    // The room is read into again, unless this was the end.
    return !end && sanitized.buffer === this.#room ? sanitized.slice() : sanitized;
  }

  #refuseMany(what: string, count: number, limit: number): void {
    if (count <= limit) return;
    throw new MetricsError(
      "UPSTREAM_TOO_LARGE",
      `Cannot scrape "${this.#options.label}": the server sent more than ${limit} ${what}`,
      { hint: "Is this the address of vLLM's metrics? Scrape large deployments server by server." },
    );
  }

  #refuseForeign(head: Bytes): void {
    const { finished = false, recognized = false, samples = 0 } = this.#sanitizer ?? {};
    const refused = isMarkup(head) ||
      (finished ? samples === 0 : !recognized && this.upstreamBytes > MAX_FOREIGN_BYTES);
    if (!refused) return;
    throw new MetricsError(
      "UPSTREAM_NOT_EXPOSITION",
      `Cannot read "${this.#options.label}": the server sent ${
        describeForeign(head, !this.#options.sendsSecret)
      }`,
      { hint: "Is this the address of vLLM's metrics, and is no login page in front of it?" },
    );
  }
}

function join(pieces: readonly Bytes[]): Bytes {
  const [first = EMPTY] = pieces;
  if (pieces.length < 2) return first;
  const joined = new ByteBuffer();
  for (const piece of pieces) joined.append(piece);
  return joined.take();
}
