/** Lines of charts: values at evenly spaced times, with gaps. */

/** A value per time; null is a gap. */
export type Line = readonly (number | null)[];

/** Significant digits: more cannot be seen, and each is sent to every open page. */
const DIGITS = 5;

/** A value with five significant digits. */
export function round(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

/** A line with five significant digits a value. */
export function roundLine(line: Line): (number | null)[] {
  return line.map((value) => value === null ? null : round(value));
}

/** Divides two lines pointwise; null where either is null or the divisor is 0. */
export function divide(above: Line, below: Line): (number | null)[] {
  return above.map((value, index) => {
    const by = below[index] ?? null;
    return value === null || by === null || by === 0 ? null : value / by;
  });
}

/** Adds lines pointwise; null only where all are null. */
export function add(lines: readonly Line[]): (number | null)[] {
  const [first = []] = lines;
  return first.map((_, index) => {
    const values = lines.map((line) => line[index] ?? null).filter((value) => value !== null);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
  });
}

/** A line with the gaps of another. */
export function withGapsOf(gaps: Line, line: Line): Line {
  return line.map((value, index) => (gaps[index] ?? null) === null ? null : value);
}

/** The mean of a line's values; null when it has none. */
export function meanOf(line: Line): number | null {
  const values = line.filter((value) => value !== null);
  if (values.length === 0) return null;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Whether a line has no value other than 0. */
export function isZero(line: Line): boolean {
  return line.every((value) => value === null || value === 0);
}

/** Whether a line has no value. */
export function isEmpty(line: Line): boolean {
  return line.every((value) => value === null);
}
