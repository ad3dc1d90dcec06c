/** Numbers and durations as text. */

import type { Unit } from "./view.ts";

/** A number with three significant digits at most, and commas between thousands. */
export function formatNumber(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.01) return value.toPrecision(1);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** A duration in the unit that fits it. */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${formatNumber(seconds * 1_000)} ms`;
  if (seconds < 120) return `${formatNumber(seconds)} s`;
  if (seconds < 7_200) return `${formatNumber(seconds / 60)} min`;
  return `${formatNumber(seconds / 3_600)} h`;
}

/** Keeps a number and its unit on one line. */
const NO_BREAK = "\u00a0";

/** A share from 0 to 1 in percent; only 0 is written as 0, and only 1 as 100. */
export function formatShare(share: number): string {
  if (share > 0 && share < 0.001) return `<0.1${NO_BREAK}%`;
  if (share > 0.999 && share < 1) return `>99.9${NO_BREAK}%`;
  return `${formatNumber(Math.round(share * 1_000) / 10)}${NO_BREAK}%`;
}

const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

/** A value with a prefix of its unit, such as `1.2 GB`. */
function formatScaled(value: number, unit: string): string {
  const power = Math.abs(value) < 1_000 ? 0 : Math.floor(Math.log10(Math.abs(value)) / 3);
  const index = Math.min(power, PREFIXES.length - 1);
  return `${formatNumber(value / 1_000 ** index)} ${PREFIXES[index] ?? ""}${unit}`;
}

/** A value in the words of its unit. */
export function formatValue(value: number, unit: Unit): string {
  if (unit === "bytes" || unit === "bytes/s" || unit === "FLOP/s") {
    return formatScaled(value, unit.replace("bytes", "B"));
  }
  if (unit === "seconds") return formatSeconds(value);
  if (unit === "share") return formatShare(value);
  return unit === "count" ? formatNumber(value) : `${formatNumber(value)} ${unit}`;
}
