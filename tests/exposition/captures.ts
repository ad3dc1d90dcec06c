/** Captured expositions of real servers, and the sanitiser in one call. */

import { detectFormat } from "../../lib/exposition/format.ts";
import type { Format } from "../../lib/exposition/header.ts";
import { Sanitizer } from "../../lib/exposition/sanitizer.ts";
import type { ShapeMemory } from "../../lib/exposition/shape_memory.ts";

const TESTDATA = new URL("../testdata/", import.meta.url);
const CAPTURES = new URL("vllm/", TESTDATA);

/** Bytes as the sanitiser takes and gives them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A captured exposition. */
export interface Capture {
  /** The file's name without folder and ending. */
  readonly name: string;
  /** What the server sent. */
  readonly bytes: Bytes;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text as UTF-8. */
export function encode(text: string): Bytes {
  return encoder.encode(text);
}

/** UTF-8 as text, a byte order mark included. */
export function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The address of a file below `tests/testdata/`. */
export function testdata(path: string): URL {
  return new URL(path, TESTDATA);
}

function capturesIn(folder: URL): Capture[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    if (entry.isDirectory) return capturesIn(new URL(`${entry.name}/`, folder));
    const [, name] = /^(.*)\.txt$/.exec(entry.name) ?? [];
    if (name === undefined || name.endsWith("-times")) return [];
    return [{ name, bytes: Deno.readFileSync(new URL(entry.name, folder)) }];
  });
}

/** All captures, series included, in the order of their names. */
export function readCaptures(): Capture[] {
  return capturesIn(CAPTURES).toSorted((a, b) => a.name < b.name ? -1 : 1);
}

/** The captures that hold anything: a server that restarts sends nothing. */
export function readFullCaptures(): Capture[] {
  return readCaptures().filter(({ bytes }) => bytes.length > 0);
}

/**
 * Reads one capture.
 *
 * @param name Its name without folder and ending.
 * @throws {RangeError} When there is no capture of that name.
 */
export function readCapture(name: string): Capture {
  const capture = readCaptures().find((each) => each.name === name);
  if (capture === undefined) throw new RangeError(`Cannot find the capture "${name}"`);
  return capture;
}

/** How {@linkcode sanitize} is to work. */
export interface SanitizeOptions {
  /** The format; found out from the bytes without. */
  readonly format?: Format;
  /** What is remembered of the server. */
  readonly memory?: ShapeMemory;
  /** Offsets at which the bytes are cut into chunks. */
  readonly cuts?: readonly number[];
  /** Longest line that is read, in bytes. */
  readonly maxLineBytes?: number;
}

/** What came of an exposition. */
export interface Sanitized {
  /** The text 0.0.4. */
  readonly bytes: Bytes;
  /** The same as a string. */
  readonly text: string;
  /** Lines left out, by reason. */
  readonly dropped: Record<string, number>;
  /** The sanitiser, at its end. */
  readonly sanitizer: Sanitizer;
}

/** Sanitises a whole exposition, without changing the bytes handed in. */
export function sanitize(input: Uint8Array | string, options: SanitizeOptions = {}): Sanitized {
  const bytes = typeof input === "string" ? encode(input) : input;
  const { format = detectFormat("", bytes), cuts = [], ...rest } = options;
  const sanitizer = new Sanitizer({ format, ...rest });
  const pieces: Bytes[] = [];
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    pieces.push(sanitizer.push(bytes.slice(start, end), false).slice());
    start = end;
  }
  pieces.push(sanitizer.push(new Uint8Array(0), true));
  const result = concat(pieces);
  const dropped = Object.fromEntries([...sanitizer.dropped.entries()].toSorted());
  return { bytes: result, text: decode(result), dropped, sanitizer };
}

/** Joins pieces of bytes. */
export function concat(pieces: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** Whether two arrays hold the same bytes; much faster than `assertEquals`. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
