/** Byte buffers and lines of bytes. */

const ENCODER = new TextEncoder();
const LINE_FEED = 0x0a;

/** Room to start with once there is something to hold, in bytes. */
const INITIAL_BYTES = 4_096;

/** A growing array of bytes that is written at its end and read from its start. */
export class ByteBuffer {
  #bytes: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;

  /**
   * Begins empty.
   *
   * @param capacity Bytes that it has room for at first.
   */
  constructor(capacity = 0) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** How many bytes it holds. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds a copy of `bytes`, or of a part of them. */
  append(bytes: Uint8Array, from = 0, to: number = bytes.length): void {
    this.#reserve(to - from);
    this.#bytes.set(bytes.subarray(from, to), this.#end);
    this.#end += to - from;
  }

  /** Adds `text` as UTF-8; a lone surrogate becomes U+FFFD. */
  appendText(text: string): void {
    // A UTF-16 unit takes at most three bytes in UTF-8.
    this.#reserve(text.length * 3);
    this.#end += ENCODER.encodeInto(text, this.#bytes.subarray(this.#end)).written;
  }

  /** Room behind the content, of at least `bytes`, to write to before {@linkcode grow}. */
  room(bytes: number): Uint8Array<ArrayBuffer> {
    this.#reserve(bytes);
    return this.#bytes.subarray(this.#end);
  }

  /** Adds what was written to {@linkcode room}. */
  grow(bytes: number): void {
    this.#end += bytes;
  }

  /** The content without a copy: valid until the next call that adds or removes. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** Removes bytes at the start. */
  drop(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.clear();
  }

  /** A copy of the content; the buffer is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(this.#start, this.#end);
    this.clear();
    return taken;
  }

  /** Removes everything; the room is kept. */
  clear(): void {
    this.#start = 0;
    this.#end = 0;
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return;
    const { length } = this;
    const needed = length + more;
    // Moving the content to the front is worth it only when that frees half of the room.
    const isRoomy = needed <= this.#bytes.length && this.#start >= length;
    const target = isRoomy
      ? this.#bytes
      : new Uint8Array(Math.max(needed, this.#bytes.length * 2, INITIAL_BYTES));
    target.set(this.view());
    this.#bytes = target;
    this.#start = 0;
    this.#end = length;
  }
}

/**
 * Finds the next line feed.
 *
 * @param bytes The text.
 * @param start Where to begin.
 * @returns Its index, or the length of the text when there is none.
 */
export function lineEnd(bytes: Uint8Array, start: number): number {
  const at = bytes.indexOf(LINE_FEED, start);
  return at < 0 ? bytes.length : at;
}
