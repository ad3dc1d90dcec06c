/** The extent of a Zstandard frame (RFC 8878, section 3.1.1). */

const MAGIC = 0xfd2fb528;
const CHECKSUM_BYTES = 4;
/** Length of the content size by the two highest bits of the descriptor. */
const CONTENT_SIZE_BYTES: readonly number[] = [0, 2, 4, 8];
/** Length of the dictionary's id by the two lowest bits of the descriptor. */
const DICTIONARY_ID_BYTES: readonly number[] = [0, 1, 2, 4];
/** A block of one byte that is repeated. */
const RLE_BLOCK = 1;

/**
 * Tells whether bytes are one frame, neither cut off nor with anything behind it.
 *
 * @param bytes What was sent.
 * @returns True when the last block ends where the bytes end.
 */
export function isOneZstdFrame(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 5 || view.getUint32(0, true) !== MAGIC) return false;
  const descriptor = view.getUint8(4);
  let at = 5 + headerBytes(descriptor);
  for (let isLast = false; !isLast;) {
    if (at + 3 > bytes.length) return false;
    const block = view.getUint16(at, true) | view.getUint8(at + 2) << 16;
    isLast = (block & 1) === 1;
    at += 3 + ((block >> 1 & 3) === RLE_BLOCK ? 1 : block >> 3);
  }
  const hasChecksum = (descriptor >> 2 & 1) === 1;
  return at + (hasChecksum ? CHECKSUM_BYTES : 0) === bytes.length;
}

/** How many bytes of header are behind the descriptor. */
function headerBytes(descriptor: number): number {
  const isSingleSegment = (descriptor >> 5 & 1) === 1;
  const window = isSingleSegment ? 0 : 1;
  const contentSize = CONTENT_SIZE_BYTES[descriptor >> 6] || 1 - window;
  return window + contentSize + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0);
}
