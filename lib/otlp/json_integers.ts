/** JSON with integers that a double cannot hold. */

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
