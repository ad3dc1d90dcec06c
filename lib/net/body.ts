/** The body of a response: in time, decompressed, bounded, and never shorter than announced. */

import { Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { NetError } from "./net_error.ts";

/** Most bytes that one read returns: what the runtime delivers at once at most. */
export const CHUNK_BYTES = 65_536;

/** The codings of RFC 9110, section 8.4.1. */
const DECODERS: ReadonlyMap<string, () => Transform> = new Map([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
]);

const EMPTY = new Uint8Array(0);

/** Bytes as the platform's streams and bodies take them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Bounds of a request, until the last byte of its response. */
export interface Limits {
  /** Time for all of it, in milliseconds. */
  readonly timeoutMs: number;
  /** Most bytes of the response's body, after decompression. */
  readonly maxBytes: number;
  /** Aborts it; an error as its reason is thrown as it is. */
  readonly signal?: AbortSignal;
  /** Words errors for the caller. @default {a NetError is thrown as it is} */
  readonly describe?: (error: NetError) => Error;
}

/** How far a request has come. */
export type Progress = Readonly<
  Pick<Body, "inBody" | "receivedBytes" | "expectedBytes" | "waiting">
>;

/** What one read returned. */
export interface BodyRead {
  /** The bytes, perhaps none; valid until the next read, which may use the same memory. */
  readonly bytes: Bytes;
  /** Whether they are the last ones. */
  readonly end: boolean;
}

/**
 * A body that is read chunk by chunk. It ends only when all of it has come; in any other case a
 * read throws. This is the hot path: nothing is read ahead or copied.
 */
export class Body implements AsyncIterable<Bytes> {
  /** Whether the headers have come. */
  inBody = false;
  /** Bytes that have come, after decompression. */
  receivedBytes = 0;
  /** Bytes that should come; undefined when unknown. */
  expectedBytes: number | undefined;
  /** Whether the caller waits for the server, and not the server for the caller. */
  waiting = false;
  /** Why the request broke off; undefined as long as it did not. */
  failure: Error | undefined;
  readonly #limits: Limits;
  readonly #controller = new AbortController();
  readonly #leave = (): void => this.fail(abortError(this.#limits.signal?.reason));
  readonly #timer: ReturnType<typeof setTimeout>;
  #coding = "";
  #source: Source | undefined;

  /** Starts the clock, before the request is sent. */
  constructor(limits: Limits) {
    this.#limits = limits;
    const { timeoutMs, signal } = limits;
    this.#timer = setTimeout(() => this.fail(timeoutError(timeoutMs, this)), timeoutMs);
    signal?.addEventListener("abort", this.#leave);
    if (signal?.aborted) this.#leave();
  }

  /** Aborts when the request breaks off. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * The headers have come: takes the stream behind them.
   *
   * @throws {NetError} When the coding is unknown.
   */
  open(stream: ReadableStream<Bytes>, coding: string, expectedBytes: number | undefined): void {
    this.#coding = coding;
    this.#source = new Source(
      coding === "" ? stream : decoded(stream, coding, () => truncatedError(this)),
    );
    this.inBody = true;
    this.expectedBytes = expectedBytes;
    if (this.failure !== undefined) void this.#source.cancel();
  }

  /**
   * Reads the next chunk.
   *
   * @throws {Error} When the server fails, the time is up, or the body is too large.
   */
  async read(): Promise<BodyRead> {
    this.waiting = true;
    try {
      const { bytes, end: ended } = await this.#source?.read() ?? { bytes: EMPTY, end: true };
      this.receivedBytes += bytes.length;
      // All that was announced has come: the end that follows at once is read with it.
      const isAll = !ended && this.receivedBytes === this.expectedBytes;
      const end = ended || (isAll && await this.#source?.endsNow() === true);
      if (this.failure === undefined) this.#check(end);
      if (this.failure === undefined) return { bytes, end };
    } catch (error) {
      // Breaking the request off breaks the read as well; the first failure counts.
      if (error instanceof NetError) this.fail(error);
      else if (this.#coding === "") this.fail(truncatedError(this));
      else this.fail(new NetError("failed", `the body does not decompress as ${this.#coding}`));
    } finally {
      this.waiting = false;
    }
    throw this.describe(this.failure);
  }

  /** Gives the memory of the last chunk to the next body; optional, after the end. */
  release(): void {
    this.#source?.release();
  }

  /** Ends the request before its end. */
  async cancel(reason?: unknown): Promise<void> {
    this.fail(abortError(reason));
    await this.#source?.cancel();
  }

  /** Breaks the request off; only the first failure counts. */
  fail(failure: Error): void {
    if (this.failure !== undefined) return;
    this.failure = failure;
    this.#end();
    // Aborting the request is not enough: once Deno 2.9.6 has collected the response, its signal
    // reaches neither the body nor the connection.
    void this.#source?.cancel();
    this.#controller.abort(failure);
  }

  /** Words an error for the caller. */
  describe(error: unknown): unknown {
    const { describe } = this.#limits;
    return error instanceof NetError && describe !== undefined ? describe(error) : error;
  }

  /** Copies of the chunks, one by one; leaving the loop early cancels the body. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    let end = false;
    try {
      while (!end) {
        const read = await this.read();
        end = read.end;
        if (read.bytes.length > 0) yield read.bytes.slice();
      }
    } finally {
      if (!end) await this.cancel();
    }
  }

  /** Reads all of the body. */
  bytes(): Promise<Bytes> {
    return new Response(ReadableStream.from(this)).bytes();
  }

  /** Reads all of the body as text. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** Ends the request when its body has ended, or breaks it off when the body is not as announced. */
  #check(end: boolean): void {
    const { maxBytes } = this.#limits;
    if (this.receivedBytes > maxBytes) this.fail(tooLargeError(maxBytes));
    else if (!end) return;
    else if ((this.expectedBytes ?? this.receivedBytes) === this.receivedBytes) this.#end();
    else this.fail(truncatedError(this));
  }

  /** Releases timer and signal. */
  #end(): void {
    clearTimeout(this.#timer);
    this.#limits.signal?.removeEventListener("abort", this.#leave);
  }
}

/** The error for a caller that gave up. */
export function abortError(reason?: unknown): Error {
  // Without a reason of its own, a signal has a DOMException.
  if (reason instanceof Error && !(reason instanceof DOMException)) return reason;
  return new NetError("aborted", "the reader left");
}

/** The error for a request whose time is up. */
export function timeoutError(timeoutMs: number, progress: Progress): NetError {
  const milliseconds = Math.round(timeoutMs);
  const time = milliseconds < 1000 ? `${milliseconds}ms` : `${milliseconds / 1000}s`;
  if (progress.inBody && !progress.waiting) {
    return new NetError("slow", `the reader took only ${amount(progress)} in ${time}`);
  }
  const state = progress.inBody
    ? `only ${amount(progress)} of the body within ${time}`
    : `no answer within ${time}`;
  return new NetError("timeout", state, {
    hint: "Is vLLM overloaded? SCRAPE_TIMEOUT and the reader's own timeout set the limit.",
  });
}

/** The error for a body over the limit. */
export function tooLargeError(limitBytes: number, bytes?: number): NetError {
  const size = bytes === undefined ? "" : `${bytes} bytes, `;
  return new NetError("tooLarge", `the body is too large, ${size}allowed are ${limitBytes}`, {
    hint: "Set MAX_BODY_BYTES higher if these are vLLM's metrics.",
  });
}

function truncatedError(progress: Progress): NetError {
  return new NetError(
    "closed",
    `the server closed the connection in the middle of the body, after ${amount(progress)}`,
    { hint: "Did vLLM stop, or a gateway in front of it give up?" },
  );
}

function amount({ receivedBytes, expectedBytes }: Progress): string {
  const all = expectedBytes === undefined ? "" : ` of ${expectedBytes}`;
  return `${receivedBytes}${all} bytes`;
}

/** The memory of a body that has ended, for the next one. */
let spare: ArrayBuffer | undefined;

/** Reads a stream into the same memory again and again, if it is a byte stream, as `fetch` has it. */
class Source {
  readonly #byteReader: ReadableStreamBYOBReader | undefined;
  readonly #reader: ReadableStreamDefaultReader<Bytes> | undefined;
  #memory: ArrayBuffer | undefined;

  constructor(stream: ReadableStream<Bytes>) {
    try {
      this.#byteReader = stream.getReader({ mode: "byob" });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.#reader = stream.getReader();
    }
  }

  async read(): Promise<BodyRead> {
    if (this.#byteReader === undefined) {
      const { done = true, value = EMPTY } = await this.#reader?.read() ?? {};
      return { bytes: value, end: done };
    }
    if (this.#memory === undefined) {
      this.#memory = spare ?? new ArrayBuffer(CHUNK_BYTES);
      spare = undefined;
    }
    // Reading detaches the buffer, and returns its memory as another one.
    const { done, value = EMPTY } = await this.#byteReader.read(new Uint8Array(this.#memory));
    this.#memory = value.buffer;
    return { bytes: value, end: done };
  }

  /** Whether no byte follows, when none should. */
  async endsNow(): Promise<boolean> {
    const read = this.#byteReader?.read(new Uint8Array(1)) ?? this.#reader?.read();
    return (await read)?.done ?? true;
  }

  release(): void {
    spare = this.#memory;
    this.#memory = undefined;
  }

  async cancel(): Promise<void> {
    try {
      await (this.#byteReader ?? this.#reader)?.cancel();
    } catch {
      // The source is broken already: there is nothing to cancel.
    }
  }
}

/**
 * Decompresses a body piece by piece. `DecompressionStream` makes one piece of all that a chunk
 * holds, and 700 bytes of brotli hold 500 MB.
 */
function decoded(
  body: ReadableStream<Bytes>,
  coding: string,
  onBroken: () => Error,
): ReadableStream<Bytes> {
  const decoder = DECODERS.get(coding)?.();
  if (decoder === undefined) {
    throw new NetError("failed", "the body is compressed in a way that was not asked for", {
      hint: "Let what stands in front of vLLM send it plain, or as gzip, deflate or br.",
    });
  }
  const source = Readable.fromWeb(body);
  source.on("error", () => decoder.destroy(onBroken()));
  decoder.on("close", () => source.destroy());
  // The reader gets the error; when nobody reads, it must not end the process.
  decoder.on("error", () => {});
  const pieces: AsyncIterator<Uint8Array> = source.pipe(decoder)[Symbol.asyncIterator]();
  // In Deno 2.9.6 what `Readable.toWeb` makes throws out of nowhere when it is cancelled.
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    cancel(): void {
      decoder.destroy();
    },
  }, { highWaterMark: 0 });
}
