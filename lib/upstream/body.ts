/** The body of a scrape: counted, bounded, and never shorter than promised. */

import { MetricsError } from "../errors.ts";
import type { Deadline } from "./deadline.ts";
import { readerGone } from "./deadline.ts";
import { closedEarly, type Progress } from "./progress.ts";
import { tooLarge } from "./reply_failure.ts";

/** Settings of a {@linkcode ScrapeBody}. */
export interface BodyOptions {
  /** The URL for people. */
  label: string;
  /** Largest body, in bytes, after decompression. */
  maxBodyBytes: number;
  /** What breaks the scrape off. */
  deadline: Deadline;
  /** Kept up to date with each chunk. */
  progress: Progress;
  /** Makes the error for a source that breaks; an error of ours is passed on as it is. */
  onBroken: () => MetricsError;
}

/** Room for one read, in bytes, when it is known that as much can come. */
const MAX_READ_BYTES = 262_144;
/** Room for one read, in bytes, when nobody knows what can come. */
const READ_BYTES = 65_536;

/** A chunk, or the end of the body. */
export type BodyRead = ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;

/**
 * A body that is read chunk by chunk. It ends only when all of it has come; in
 * any other case a read throws a `MetricsError`.
 *
 * This is the hot path: one read a chunk, nothing read ahead, nothing copied,
 * and no stream around the stream, which would cost a third of a scrape.
 */
export class ScrapeBody implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  readonly #source: Source;
  readonly #options: BodyOptions;

  /**
   * @param source The body as it comes.
   * @param options Its limits, and whom to tell.
   */
  constructor(source: ReadableStream<Uint8Array<ArrayBuffer>>, options: BodyOptions) {
    this.#source = openSource(source);
    this.#options = options;
    options.progress.inBody = true;
    // Aborting the request is not enough: once Deno 2.9.6 has collected the response, its signal
    // reaches neither the body nor the connection.
    options.deadline.onBreak(() => this.#letGo());
  }

  /**
   * Reads the next chunk.
   *
   * @returns The bytes, or the end.
   * @throws {MetricsError} When the server fails, the time is up, or the body is too large.
   */
  async read(): Promise<BodyRead> {
    const { progress, deadline } = this.#options;
    progress.waiting = true;
    try {
      const read = await this.#source.read(this.#room());
      if (deadline.failure === undefined) this.#account(read);
      if (deadline.failure === undefined) return read;
    } catch (error) {
      // Breaking the scrape off breaks the read as well; what came first is what is told.
      deadline.break(error instanceof MetricsError ? error : this.#options.onBroken());
    } finally {
      progress.waiting = false;
    }
    throw deadline.failure;
  }

  /**
   * Ends the scrape before its end and aborts the request.
   *
   * @param reason Why; an error of ours becomes the error of the scrape.
   */
  async cancel(reason?: unknown): Promise<void> {
    this.#options.deadline.break(readerGone(this.#options.label, reason));
    await this.#letGo();
  }

  /** The chunks one by one; leaving the loop early cancels the body. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let ended = false;
    try {
      for (;;) {
        const { done, value } = await this.read();
        ended = done;
        if (done) return;
        yield value;
      }
    } finally {
      if (!ended) await this.cancel();
    }
  }

  async #letGo(): Promise<void> {
    try {
      await this.#source.cancel();
    } catch {
      // The source is broken already: there is nothing to cancel.
    }
  }

  /** How much can still come: the runtime then makes room for that, and not for more each time. */
  #room(): number {
    const { receivedBytes, expectedBytes } = this.#options.progress;
    if (expectedBytes === undefined) return READ_BYTES;
    return Math.max(1, Math.min(expectedBytes - receivedBytes, MAX_READ_BYTES));
  }

  #account({ done, value }: BodyRead): void {
    const { progress, deadline, label, maxBodyBytes } = this.#options;
    if (!done) {
      progress.receivedBytes += value.byteLength;
      if (progress.receivedBytes > maxBodyBytes) deadline.break(tooLarge(label, maxBodyBytes));
      return;
    }
    const { receivedBytes, expectedBytes } = progress;
    if (expectedBytes !== undefined && receivedBytes !== expectedBytes) {
      deadline.break(closedEarly(label, progress));
    } else deadline.end();
  }
}

/** A body that is read into rooms of a given size, if its stream can do that. */
interface Source {
  read(room: number): Promise<BodyRead>;
  cancel(): Promise<void>;
}

/** Bodies of `fetch` are byte streams, which read into the room they are given; others are not. */
function openSource(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Source {
  try {
    const reader = stream.getReader({ mode: "byob" });
    return {
      read: async (room) => {
        const { done, value } = await reader.read(new Uint8Array(room));
        return done || value === undefined ? { done: true } : { done, value };
      },
      cancel: () => reader.cancel(),
    };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const reader = stream.getReader();
    return { read: () => reader.read(), cancel: () => reader.cancel() };
  }
}
