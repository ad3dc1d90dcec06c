/** JSON texts: how much memory they become, and their long integers. */

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

/** A long integer that is not within a text, as far as this can tell. */
const LONG_INTEGER = /[:[,]\s*-?\d{16}/;

/** A text, or a number with all that belongs to it. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;

/** A token that is a long integer. */
const BARE_INTEGER = /^-?\d{16,}$/;

/**
 * Parses JSON, and gives integers of 16 or more digits as text, which the JSON
 * mapping of proto3 takes as well: `JSON.parse` would round `1795492763745751924`.
 *
 * @param json JSON text.
 * @returns The value.
 * @throws {SyntaxError} When it is not JSON.
 */
export function parseExact(json: string): unknown {
  const value: unknown = JSON.parse(json);
  if (!LONG_INTEGER.test(json)) return value;
  // Only now is it known that every text ends, without which this takes for ever.
  const quoted = json.replace(TOKEN, (token) => BARE_INTEGER.test(token) ? `"${token}"` : token);
  return JSON.parse(quoted);
}
