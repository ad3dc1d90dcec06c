/** Values and timestamps as text: what Go's ParseFloat takes in, what every reader takes out. */

/**
 * Smallest number that is not denormal; Fluent Bit refuses smaller ones (strtod's ERANGE), also
 * when they round to this one.
 */
const SMALLEST_NORMAL = 2.2250738585072014e-308;
/** Longest number that Fluent Bit reads, in characters. */
const LONGEST_NUMBER = 62;
/** Latest timestamp whose nanoseconds fit 64 bits, in milliseconds since 1970. */
const LATEST_TIMESTAMP_MS = 18_446_744_073_709;

/** Numbers that need no second look: neither too long, nor too large, nor too small. */
const PLAIN = /^-?[0-9]{1,15}(?:\.[0-9]{1,17})?$/;
const DECIMAL = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([+-]?[0-9]+)$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;
const NOT_A_NUMBER = /^[+-]?nan$/i;

/** Writes a double as text that reads back as the same double and that every reader takes. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return Math.abs(value) < SMALLEST_NORMAL ? "0" : String(value);
}

function hexadecimal(text: string): number | undefined {
  const [, sign, whole, fraction = "", exponent] = HEXADECIMAL.exec(text) ?? [];
  if (sign === undefined || whole === undefined) return undefined;
  const digits = whole + fraction;
  if (digits === "" || digits.length > 13) return undefined; // 13 digits are 52 bits: exact
  const magnitude = parseInt(digits, 16) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === "-" ? -magnitude : magnitude;
}

/**
 * Reads a sample value and gives the text that every reader takes: unchanged
 * when it can stay, `+Inf` or `0` when it is beyond a double, rounded to a
 * double when it is longer than 62 characters, decimal when it was hexadecimal.
 *
 * @param text The value as it stands in the exposition.
 * @returns The text to hand out, or undefined when it is not a number.
 */
export function sanitizeValue(text: string): string | undefined {
  if (PLAIN.test(text)) return text;
  if (DECIMAL.test(text)) {
    const value = Number(text);
    const plain = Number.isFinite(value) &&
      (Math.abs(value) > SMALLEST_NORMAL || !/[1-9]/.test(text.replace(/[eE].*/, "")));
    return plain && text.length <= LONGEST_NUMBER ? text : numberText(value);
  }
  if (NOT_A_NUMBER.test(text)) return "NaN";
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === "-" ? "-Inf" : "+Inf";
  const value = hexadecimal(text);
  return value === undefined ? undefined : numberText(value);
}

/**
 * Reads a timestamp and gives it in milliseconds.
 *
 * @param text The timestamp as it stands: a whole number of milliseconds
 *   (Prometheus text) or seconds with or without a fraction (OpenMetrics).
 * @param seconds Whether a whole number means seconds.
 * @returns Whole milliseconds since 1970 as text, or undefined when it is not a time.
 */
export function sanitizeTimestamp(text: string, seconds: boolean): string | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const whole = /^[+-]?[0-9]+$/.test(text);
  const milliseconds = whole && !seconds ? Number(text) : Math.round(Number(text) * 1_000);
  if (!(Math.abs(milliseconds) <= LATEST_TIMESTAMP_MS)) return undefined;
  return String(milliseconds === 0 ? 0 : milliseconds);
}
