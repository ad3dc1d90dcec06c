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

/** Size of a room to read into, in bytes: what the runtime delivers at once at most. */
export const ROOM_BYTES = 65_536;

/** What one read gave. */
export interface BodyRead {
  /** The bytes; they stand in the room when the runtime could read into it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether they are the last ones. */
  readonly end: boolean;
  /** The room to use from now on: the one that was given is detached. */
  readonly room: ArrayBuffer;
}

/**
 * A body that is read chunk by chunk. It ends only when all of it has come; in
 * any other case a read throws a `MetricsError`.
 *
 * This is the hot path: one read a chunk, nothing read ahead, nothing copied, no
 * room made anew for each chunk, and no stream around the stream.
 */
export class ScrapeBody implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  readonly #source: Source;
  readonly #options: BodyOptions;

  /**
   * Opens the body.
   *
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
   * @param room Where to read it to; a new room unless given.
   * @returns The bytes, and whether they are the last.
   * @throws {MetricsError} When the server fails, the time is up, or the body is too large.
   */
  async read(room: ArrayBuffer = new ArrayBuffer(ROOM_BYTES)): Promise<BodyRead> {
    const { progress, deadline } = this.#options;
    progress.waiting = true;
    try {
      const read = await this.#source.read(room);
      progress.receivedBytes += read.bytes.length;
      // All that was promised has come: the end that follows at once is taken with it.
      const complete = !read.end && progress.receivedBytes === progress.expectedBytes;
      const end = read.end || (complete && (await this.#source.read(new ArrayBuffer(1))).end);
      if (deadline.failure === undefined) this.#check(end);
      if (deadline.failure === undefined) return { bytes: read.bytes, end, room: read.room };
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
    let end = false;
    try {
      while (!end) {
        const read = await this.read();
        end = read.end;
        if (read.bytes.length > 0) yield read.bytes;
      }
    } finally {
      if (!end) await this.cancel();
    }
  }

  async #letGo(): Promise<void> {
    try {
      await this.#source.cancel();
    } catch {
      // The source is broken already: there is nothing to cancel.
    }
  }

  /** Ends the scrape when its body has ended, or breaks it off when that is not as it must be. */
  #check(end: boolean): void {
    const { progress, deadline, label, maxBodyBytes } = this.#options;
    const { receivedBytes, expectedBytes } = progress;
    if (receivedBytes > maxBodyBytes) deadline.break(tooLarge(label, maxBodyBytes));
    else if (!end) return;
    else if (expectedBytes === undefined || receivedBytes === expectedBytes) deadline.end();
    else deadline.break(closedEarly(label, progress));
  }
}

/** A body that is read into a room, if its stream can do that. */
interface Source {
  read(room: ArrayBuffer): Promise<BodyRead>;
  cancel(): Promise<void>;
}

const EMPTY = new Uint8Array(0);

/** Bodies of `fetch` are byte streams, which read into the room they are given; others are not. */
function openSource(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Source {
  try {
    const reader = stream.getReader({ mode: "byob" });
    return {
      read: async (room) => {
        const { done, value = EMPTY } = await reader.read(new Uint8Array(room));
        return { bytes: value, end: done, room: value.buffer };
      },
      cancel: () => reader.cancel(),
    };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const reader = stream.getReader();
    return {
      read: async (room) => {
        const { done, value = EMPTY } = await reader.read();
        return { bytes: value, end: done, room };
      },
      cancel: () => reader.cancel(),
    };
  }
}
