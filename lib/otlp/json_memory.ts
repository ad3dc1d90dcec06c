/** How much memory a JSON text becomes, told before it is parsed. */

/** Bytes of an object with its place in a list, and of what is made of it. */
const OBJECT_BYTES = 256;
/** Bytes of a list with its place in another. */
const LIST_BYTES = 64;
/** Bytes of a value or a name: a number of its own in an object with many names. */
const VALUE_BYTES = 64;
/** Bytes of the text for each byte of the body: two where one character is beyond Latin-1. */
const TEXT_BYTES = 2;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BYTES_OF = new Uint16Array(256);
for (const [character, bytes] of Object.entries({ "{": OBJECT_BYTES, "[": LIST_BYTES })) {
  BYTES_OF[character.charCodeAt(0)] = bytes;
}
for (const character of ",:") BYTES_OF[character.charCodeAt(0)] = VALUE_BYTES;

/**
 * Estimates from what separates the values. `JSON.parse` makes hundreds of
 * megabytes of a body of 16 MiB, before anything can be counted.
 *
 * @param bytes JSON text, maybe malformed.
 * @returns The bytes of the text, of the values, and of what is made of them.
 */
export function jsonMemory(bytes: Uint8Array): number {
  let memory = bytes.length * TEXT_BYTES;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) isText = !isText;
    else if (!isText) memory += BYTES_OF[byte] ?? 0;
    else if (byte === BACKSLASH) at++;
  }
  return memory;
}
