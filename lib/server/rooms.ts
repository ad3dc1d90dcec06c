/** Array buffers that are used again: making a new one for each scrape costs more than the scrape. */

/** Bytes of all rooms that are kept. */
const MAX_KEPT_BYTES = 4 * 1_048_576;

/** A bounded store of rooms that nobody uses. */
export class Rooms {
  readonly #free: ArrayBuffer[] = [];
  #freeBytes = 0;

  /**
   * Takes a room out of the store, or makes one.
   *
   * @param bytes How large it must be at least.
   * @returns A room with whatever was in it.
   */
  take(bytes: number): ArrayBuffer {
    const index = this.#free.findIndex(({ byteLength }) => byteLength >= bytes);
    const [room] = index < 0 ? [] : this.#free.splice(index, 1);
    if (room === undefined) return new ArrayBuffer(bytes);
    this.#freeBytes -= room.byteLength;
    return room;
  }

  /**
   * Puts a room into the store. Nobody may use it any more.
   *
   * @param room The room; it is let go when the store is full.
   */
  give(room: ArrayBuffer): void {
    if (room.byteLength === 0 || this.#freeBytes + room.byteLength > MAX_KEPT_BYTES) return;
    this.#free.push(room);
    this.#freeBytes += room.byteLength;
  }
}
