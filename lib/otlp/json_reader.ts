/** Reads untrusted OTLP/JSON. */

import { DecodeError, MAX_NUMBERS, MAX_POINTS, MAX_UINT64 } from "./limits.ts";

/** A JSON object. */
export type JsonObject = { readonly [name: string]: unknown };

/** What no count can be; stands for counts that are negative, fractional or too large. */
const IMPOSSIBLE = -1n;

/** An integer of 64 bits in text; longer ones are read as doubles, and are none. */
const INTEGER = /^-?\d{1,20}$/;

const HEX = /^(?:[0-9a-f]{2})*$/i;

/**
 * Reads fields by the JSON mapping of proto3 as OTLP narrows it (OTLP 1.x,
 * "JSON Protobuf Encoding"): a missing field and `null` are the default value,
 * unknown fields are ignored, 64-bit integers are text or numbers. What has the
 * wrong type throws a {@linkcode DecodeError} with the path to it.
 */
export class JsonReader {
  readonly #path: (string | number)[] = [];
  #points = 0;

  /** Reads a list of objects. */
  list<T>(parent: JsonObject, name: string, read: (item: JsonObject) => T): T[] {
    return this.#items(parent, name, (item) => read(this.object(item)));
  }

  /** Reads the list of data points. */
  points<T>(parent: JsonObject, read: (item: JsonObject) => T): T[] {
    return this.list(parent, "dataPoints", (point) => {
      if (++this.#points > MAX_POINTS) this.fail(`more than ${MAX_POINTS} data points`);
      return read(point);
    });
  }

  /** Reads a nested object; `undefined` when there is none. */
  nested<T>(parent: JsonObject, name: string, read: (object: JsonObject) => T): T | undefined {
    const value = parent[name];
    if (value === undefined || value === null) return undefined;
    this.#path.push(name);
    const result = read(this.object(value));
    this.#path.pop();
    return result;
  }

  /** Takes a value as an object. */
  object(value: unknown): JsonObject {
    if (isObject(value)) return value;
    return this.fail("not an object");
  }

  /** Reads a text. */
  text(parent: JsonObject, name: string): string {
    const value = parent[name] ?? "";
    if (typeof value !== "string") return this.fail("not a text", name);
    // A lone surrogate is no Unicode text; Parseable would refuse the request for it.
    return value.toWellFormed();
  }

  /** Reads a truth value. */
  bool(parent: JsonObject, name: string): boolean {
    const value = parent[name] ?? false;
    return typeof value === "boolean" ? value : this.fail("not true or false", name);
  }

  /** Reads a double; `undefined` when there is none. */
  double(parent: JsonObject, name: string): number | undefined {
    const value = parent[name] ?? undefined;
    return value === undefined ? undefined : this.#double(value, name);
  }

  /** Reads a list of doubles. */
  doubles(parent: JsonObject, name: string): number[] {
    return this.#numbers(parent, name, (item) => this.#double(item));
  }

  /** Reads an `int32` or an enum. */
  int32(parent: JsonObject, name: string): number {
    return this.#within(parent, name, -(2 ** 31), 2 ** 31 - 1);
  }

  /** Reads a `uint32`. */
  uint32(parent: JsonObject, name: string): number {
    return this.#within(parent, name, 0, 2 ** 32 - 1);
  }

  /** Reads an integer of 64 bits; a double where the number is none. */
  integer(parent: JsonObject, name: string): bigint | number {
    return this.#integer(parent[name] ?? 0, name);
  }

  /** Reads an `int64`. */
  int64(parent: JsonObject, name: string): bigint {
    const value = this.integer(parent, name);
    return typeof value === "bigint" ? BigInt.asIntN(64, value) : this.fail("not an integer", name);
  }

  /** Reads bytes in base64, in either alphabet. */
  base64(parent: JsonObject, name: string): Uint8Array<ArrayBuffer> {
    const text = this.text(parent, name).replaceAll("-", "+").replaceAll("_", "/");
    try {
      return Uint8Array.fromBase64(text);
    } catch (cause) {
      if (cause instanceof SyntaxError) this.fail("not bytes in base64", name);
      throw cause;
    }
  }

  /** Reads bytes in hex, as OTLP has traces and spans, or in base64, as proto3 has them. */
  hex(parent: JsonObject, name: string): Uint8Array<ArrayBuffer> {
    const text = this.text(parent, name);
    return HEX.test(text) ? Uint8Array.fromHex(text) : this.base64(parent, name);
  }

  /** Reads a count; -1 for a number that no count can be, which costs only its point. */
  count(parent: JsonObject, name: string): bigint {
    return countOf(this.integer(parent, name));
  }

  /** Reads a list of counts, each as {@linkcode count} does. */
  counts(parent: JsonObject, name: string): bigint[] {
    return this.#numbers(parent, name, (item) => countOf(this.#integer(item)));
  }

  /** Reads a time. */
  nanoTime(parent: JsonObject, name: string): bigint {
    const value = this.count(parent, name);
    return value === IMPOSSIBLE ? this.fail("not a time", name) : value;
  }

  /** Throws what is wrong with the value at `name`. */
  fail(problem: string, name?: string): never {
    const path = name === undefined ? this.#path : [...this.#path, name];
    throw new DecodeError({ path: pathText(path) }, problem);
  }

  #numbers<T>(parent: JsonObject, name: string, read: (item: unknown) => T): T[] {
    const numbers = this.#items(parent, name, read);
    if (numbers.length > MAX_NUMBERS) this.fail(`more than ${MAX_NUMBERS} numbers`, name);
    return numbers;
  }

  #items<T>(parent: JsonObject, name: string, read: (item: unknown) => T): T[] {
    const value = parent[name] ?? [];
    if (!Array.isArray(value)) return this.fail("not a list", name);
    const { length } = this.#path;
    const results: T[] = [];
    for (const item of value) {
      this.#path.push(name, results.length);
      results.push(read(item));
      this.#path.length = length;
    }
    return results;
  }

  #within(parent: JsonObject, name: string, least: number, most: number): number {
    const value = Number(this.#integer(parent[name] ?? 0, name));
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    return this.fail(`not an integer from ${least} to ${most}`, name);
  }

  #double(value: unknown, name?: string): number {
    if (typeof value === "number") return value;
    if (value === "NaN") return NaN;
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : NaN;
    return Number.isNaN(number) ? this.fail("not a number", name) : number;
  }

  #integer(value: unknown, name?: string): bigint | number {
    if (typeof value === "string" && INTEGER.test(value)) return BigInt(value);
    const number = this.#double(value, name);
    return Number.isInteger(number) ? BigInt(number) : number;
  }
}

function countOf(value: bigint | number): bigint {
  return typeof value === "bigint" && value >= 0n && value <= MAX_UINT64 ? value : IMPOSSIBLE;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function pathText(path: readonly (string | number)[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text === "" ? "the request" : text;
}

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
 * Estimates the memory of parsed JSON by counting separators: `JSON.parse` can turn
 * a body of 16 MiB into hundreds of megabytes.
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

/** A long integer, probably outside of texts. */
const LONG_INTEGER = /[:[,]\s*-?\d{16}/;

/** A JSON string or number. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;

/** A token that is a long integer. */
const BARE_INTEGER = /^-?\d{16,}$/;

/**
 * Parses JSON, and gives integers of 16 or more digits as text, which the JSON
 * mapping of proto3 takes as well: `JSON.parse` would round `1795492763745751924`.
 *
 * @throws {SyntaxError} When it is not JSON.
 */
export function parseExact(json: string): unknown {
  const value: unknown = JSON.parse(json);
  if (!LONG_INTEGER.test(json)) return value;
  // After JSON.parse every text is known to end; otherwise TOKEN backtracks endlessly.
  const quoted = json.replace(TOKEN, (token) => BARE_INTEGER.test(token) ? `"${token}"` : token);
  return JSON.parse(quoted);
}
