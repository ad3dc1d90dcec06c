/** The answer on `/metrics`: one scrape, sanitised while it passes. */

import { ByteBuffer } from "../exposition/byte_buffer.ts";
import { describeForeign, detectFormat, isMarkup } from "../exposition/format.ts";
import { Sanitizer } from "../exposition/sanitizer.ts";
import type { ShapeMemory } from "../exposition/shape_memory.ts";
import { MetricsError } from "../errors.ts";
import type { BodyRead } from "../upstream/body.ts";
import type { Scrape } from "../upstream/scrape.ts";

/** What every reader is told it gets. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * How long the rest of a body may take to follow its first bytes before the
 * reply begins without it, in milliseconds. A server that sends its metrics in
 * one go is answered in one go, with a Content-Length.
 */
const BURST_MS = 5;
/** Bytes that are waited for in this way; a larger body is streamed from its first bytes on. */
const MAX_BURST_BYTES = 1_048_576;
/** Bytes without a line of an exposition after which the body counts as something else. */
const MAX_FOREIGN_BYTES = 65_536;

const EMPTY = new Uint8Array(0);

type Bytes = Uint8Array<ArrayBuffer>;

/** A body on its way from the server to a reader. */
export class ExpositionPassage {
  /** Bytes that came from the server. */
  upstreamBytes = 0;
  /** Bytes that were handed out. */
  replyBytes = 0;

  readonly #scrape: Scrape;
  readonly #label: string;
  readonly #memory: ShapeMemory;
  #head: Bytes = EMPTY;
  #sanitizer: Sanitizer | undefined;
  #pending: Promise<BodyRead> | undefined;

  /**
   * @param scrape The server's reply.
   * @param label The server's address for people.
   * @param memory What is remembered of the server's expositions.
   */
  constructor(scrape: Scrape, label: string, memory: ShapeMemory) {
    this.#scrape = scrape;
    this.#label = label;
    this.#memory = memory;
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
  async begin(): Promise<{ bytes: Bytes; whole: boolean }> {
    const pieces: Bytes[] = [];
    for (;;) {
      pieces.push(await this.next() ?? EMPTY);
      const whole = this.#sanitizer?.finished ?? false;
      this.#refuseForeign(whole);
      if (whole) return { bytes: join(pieces), whole };
      if (!this.#sanitizer?.recognized) continue;
      if (this.upstreamBytes > MAX_BURST_BYTES || !await this.#followsSoon()) {
        return { bytes: join(pieces), whole };
      }
    }
  }

  /**
   * Reads and sanitises one chunk.
   *
   * @returns What can be handed out, perhaps no byte; undefined at the end.
   * @throws {MetricsError} When the server fails.
   */
  async next(): Promise<Bytes | undefined> {
    if (this.#sanitizer?.finished) return undefined;
    let { done, value = EMPTY } = await this.#read();
    this.upstreamBytes += value.length;
    if (!done && this.upstreamBytes === this.#scrape.contentLength) {
      // All has come: the end that follows at once is taken with it.
      ({ done } = await this.#scrape.body.read());
    }
    if (this.#sanitizer === undefined) {
      this.#head = value;
      const format = detectFormat(this.#scrape.contentType, value);
      this.#sanitizer = new Sanitizer({ format, memory: this.#memory });
    }
    const bytes = this.#sanitizer.push(value, done);
    this.replyBytes += bytes.length;
    return bytes;
  }

  /** Stops reading: the reader has gone. */
  async cancel(reason: unknown): Promise<void> {
    await this.#scrape.body.cancel(reason);
  }

  #read(): Promise<BodyRead> {
    const pending = this.#pending ?? this.#scrape.body.read();
    this.#pending = undefined;
    return pending;
  }

  /** Whether the next chunk comes at once. */
  async #followsSoon(): Promise<boolean> {
    this.#pending ??= this.#scrape.body.read();
    const { promise: late, resolve } = Promise.withResolvers<false>();
    const timer = setTimeout(() => resolve(false), BURST_MS);
    // A failure is told by the read that takes the chunk.
    const soon = await Promise.race([this.#pending.then(() => true, () => true), late]);
    clearTimeout(timer);
    return soon;
  }

  #refuseForeign(whole: boolean): void {
    const { recognized = false, samples = 0 } = this.#sanitizer ?? {};
    const refused = (this.replyBytes === 0 && isMarkup(this.#head)) ||
      (whole ? samples === 0 : !recognized && this.upstreamBytes > MAX_FOREIGN_BYTES);
    if (!refused) return;
    throw new MetricsError(
      "UPSTREAM_NOT_EXPOSITION",
      `Cannot read "${this.#label}": the server sent ${describeForeign(this.#head)}`,
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
