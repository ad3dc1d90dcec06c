/** The body of a response: decompressed, bounded, and never shorter than announced. */

import { Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { abortError, type Deadline, type Progress, truncatedError } from "./deadline.ts";
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

/** Bytes as the platform's streams and bodies take them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** What a {@linkcode Body} needs. */
export interface BodyOptions {
  /** Most bytes, after decompression. */
  readonly maxBytes: number;
  /** What breaks the request off. */
  readonly deadline: Deadline;
  /** Kept up to date with each chunk. */
  readonly progress: Progress;
  /** Its Content-Encoding in lower case; empty for none. */
  readonly coding: string;
  /** Words errors for the caller. */
  readonly describe: (error: NetError) => Error;
}

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
  readonly #source: Source;
  readonly #options: BodyOptions;

  /**
   * Opens the body.
   *
   * @throws {NetError} When the coding is unknown.
   */
  constructor(sent: ReadableStream<Bytes>, options: BodyOptions) {
    const { coding, progress, deadline } = options;
    this.#source = openSource(
      coding === "" ? sent : decoded(sent, coding, () => truncatedError(progress)),
    );
    this.#options = options;
    progress.inBody = true;
    // Aborting the request is not enough: once Deno 2.9.6 has collected the response, its signal
    // reaches neither the body nor the connection.
    deadline.onBreak(() => this.#release());
  }

  /**
   * Reads the next chunk.
   *
   * @throws {Error} When the server fails, the time is up, or the body is too large.
   */
  async read(): Promise<BodyRead> {
    const { progress, deadline, describe } = this.#options;
    progress.waiting = true;
    try {
      const { bytes, end: ended } = await this.#source.read();
      progress.receivedBytes += bytes.length;
      // All that was announced has come: the end that follows at once is read with it.
      const complete = !ended && progress.receivedBytes === progress.expectedBytes;
      const end = ended || (complete && await this.#source.endsNow());
      if (deadline.failure === undefined) this.#check(end);
      if (deadline.failure === undefined) return { bytes, end };
    } catch (error) {
      // Breaking the request off breaks the read as well; the first failure counts.
      deadline.break(error instanceof NetError ? error : this.#brokenError());
    } finally {
      progress.waiting = false;
    }
    const { failure } = deadline;
    throw failure instanceof NetError ? describe(failure) : failure;
  }

  /** Ends the request before its end. */
  async cancel(reason?: unknown): Promise<void> {
    this.#options.deadline.break(abortError(reason));
    await this.#release();
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
  async bytes(): Promise<Bytes> {
    return new Uint8Array(await new Response(ReadableStream.from(this)).arrayBuffer());
  }

  /** Reads all of the body as text. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  async #release(): Promise<void> {
    try {
      await this.#source.cancel();
    } catch {
      // The source is broken already: there is nothing to cancel.
    }
  }

  /** Ends the request when its body has ended, or breaks it off when the body is not as announced. */
  #check(end: boolean): void {
    const { progress, deadline, maxBytes } = this.#options;
    const { receivedBytes, expectedBytes } = progress;
    if (receivedBytes > maxBytes) deadline.break(tooLargeError(maxBytes));
    else if (!end) return;
    else if (expectedBytes === undefined || receivedBytes === expectedBytes) deadline.end();
    else deadline.break(truncatedError(progress));
  }

  #brokenError(): NetError {
    const { coding, progress } = this.#options;
    return coding === ""
      ? truncatedError(progress)
      : new NetError("failed", `the body does not decompress as ${coding}`);
  }
}

/** The error for a body over the limit. */
export function tooLargeError(limitBytes: number, bytes?: number): NetError {
  const size = bytes === undefined ? "" : `${bytes} bytes, `;
  return new NetError("tooLarge", `the body is too large, ${size}allowed are ${limitBytes}`, {
    hint: "Set MAX_BODY_BYTES higher if these are vLLM's metrics.",
  });
}

/** A body that is read into the same buffer again and again, if its stream can do that. */
interface Source {
  read(): Promise<BodyRead>;
  /** Whether no byte follows, when none should. */
  endsNow(): Promise<boolean>;
  cancel(): Promise<void>;
}

const EMPTY = new Uint8Array(0);

/** Bodies of `fetch` are byte streams, which read into the buffer they are given. */
function openSource(stream: ReadableStream<Bytes>): Source {
  try {
    const reader = stream.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(CHUNK_BYTES);
    return {
      read: async () => {
        // Reading detaches the buffer, and returns its memory as another one.
        const { done, value = EMPTY } = await reader.read(new Uint8Array(buffer));
        buffer = value.buffer;
        return { bytes: value, end: done };
      },
      endsNow: async () => (await reader.read(new Uint8Array(1))).done,
      cancel: () => reader.cancel(),
    };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const reader = stream.getReader();
    return {
      read: async () => {
        const { done, value = EMPTY } = await reader.read();
        return { bytes: value, end: done };
      },
      endsNow: async () => (await reader.read()).done,
      cancel: () => reader.cancel(),
    };
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
