/** Numbers as the two front ends write them. */

/** A float as Rust writes it: `1.0`, `0.000075052`. */
export function rustFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/**
 * A number as Python's prometheus_client writes it: `repr` of a float, but with an exponent from
 * seven digits before the point on: `1.0`, `1e-05`, `1.7954919110360353e+09`, `1e+06`.
 *
 * @param value Finite and below 1e16.
 */
export function goFloat(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-4) {
    const [digits = "", exponent = ""] = value.toExponential().split("e-");
    return `${digits}e-${exponent.padStart(2, "0")}`;
  }
  const text = rustFloat(value);
  const point = text.indexOf(".");
  if (value < 0 || point <= 6) return text;
  const digits = `${text.slice(0, point)}${text.slice(point + 1)}`.replace(/0+$/, "");
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`;
  return `${mantissa}e+0${point - 1}`;
}
