/** Numbers as Fluent Bit 5.1.1 reads them: with the functions of the C library. */

import { ScrapeLost } from "./fluent_bit_tokens.ts";

const SMALLEST_NORMAL = 2 ** -1022;
/** Denormal numbers that round to it are refused: it must be written with all its digits. */
const SMALLEST_TEXT = /^[+-]?2\.2250738585072014e-308$/i;
const LARGEST_INTEGER = 2n ** 63n - 1n;
/** Where 64 bits without a sign end: for counts, and for nanoseconds. */
const UNSIGNED_END = 2 ** 64;

/** `strtod` on the whole text; undefined for what it does not read, or sets ERANGE on. */
export function readDouble(text: string): number | undefined {
  const infinite = /^\s*([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinite !== null) return infinite[1] === "-" ? -Infinity : Infinity;
  if (/^\s*[+-]?nan$/i.test(text)) return NaN;
  if (!/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return undefined;
  const value = Number(text);
  const isZero = !/[1-9]/.test(text.split(/e/i, 1)[0] ?? "");
  const isTiny = Math.abs(value) < SMALLEST_NORMAL ||
    (Math.abs(value) === SMALLEST_NORMAL && !SMALLEST_TEXT.test(text.trim()));
  return !Number.isFinite(value) || (isTiny && !isZero) ? undefined : value;
}

/** `strtoll` on the whole text, negative numbers as 0. */
function readInteger(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace("+", ""));
  if (value > LARGEST_INTEGER || value < -LARGEST_INTEGER - 1n) return undefined;
  return value < 0n ? 0 : Number(value);
}

/** Reads a count, as an integer or else as a double that is cut to one. */
export function readCount(text: string): number {
  const integer = readInteger(text);
  if (integer !== undefined) return integer;
  const value = readDouble(text);
  if (value === undefined || value < 0) throw new ScrapeLost(`"${text}" is no count`);
  if (Number.isNaN(value)) return 2 ** 63;
  return value >= UNSIGNED_END ? 0 : Math.trunc(value);
}

/** Reads a timestamp in milliseconds; beyond 64 bits of nanoseconds it comes out as 0. */
export function readTime(text: string): number | undefined {
  if (text === "") return undefined;
  const time = readInteger(text);
  if (time === undefined) throw new ScrapeLost(`"${text}" is no timestamp`);
  return time * 1e6 >= UNSIGNED_END ? 0 : time;
}
