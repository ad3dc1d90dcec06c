/** A request body that grows at its end. */

/**
 * How many UTF-16 units to keep as text before they become bytes. One scrape
 * stays below it and is encoded at once; of a large body no more than this has
 * the several times larger form that a growing text has in memory.
 */
const MAX_TEXT_UNITS = 262_144;

/** Most bytes of UTF-8 that one UTF-16 unit takes. */
const MAX_UNIT_BYTES = 3;

const ENCODER = new TextEncoder();

/** Text collected as UTF-8. */
export class BodyText {
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #chunkBytes = 0;
  #text = "";

  /**
   * Adds to the end.
   *
   * @param text What to add.
   */
  append(text: string): void {
    this.#text += text;
    if (this.#text.length > MAX_TEXT_UNITS) this.#flush();
  }

  /**
   * Says whether there is room. Bytes are counted only near the limit.
   *
   * @param text What would be added.
   * @param maxBytes How long the whole may be.
   * @returns Whether it may be added.
   */
  fits(text: string, maxBytes: number): boolean {
    const units = this.#text.length + text.length;
    if (this.#chunkBytes + units * MAX_UNIT_BYTES <= maxBytes) return true;
    this.#flush();
    if (this.#chunkBytes + text.length * MAX_UNIT_BYTES <= maxBytes) return true;
    return this.#chunkBytes + ENCODER.encode(text).length <= maxBytes;
  }

  /**
   * Gives what was collected, and starts anew.
   *
   * @returns The bytes.
   */
  take(): Uint8Array<ArrayBuffer> {
    this.#flush();
    const [first, ...others] = this.#chunks;
    let bytes = first ?? new Uint8Array();
    if (others.length > 0) {
      bytes = new Uint8Array(this.#chunkBytes);
      let at = 0;
      for (const chunk of this.#chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
    }
    this.#chunks = [];
    this.#chunkBytes = 0;
    return bytes;
  }

  #flush(): void {
    if (this.#text === "") return;
    const chunk = ENCODER.encode(this.#text);
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    this.#text = "";
  }
}
