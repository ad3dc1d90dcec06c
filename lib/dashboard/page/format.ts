/** Numbers and times as people read them. */

import type { Unit } from "../view.ts";

/** A number and what is written behind it. */
export interface Formatted {
  /** The number, such as `1.24k`. */
  readonly number: string;
  /** What is written behind it, such as `tok/s`; may be empty. */
  readonly unit: string;
}

/** What stands for a value that is not there. */
export const NO_VALUE = "–";

/** What is written behind numbers that need no conversion. */
const UNITS: Readonly<Record<Exclude<Unit, "seconds" | "share">, string>> = {
  "requests/s": "req/s",
  "tokens/s": "tok/s",
  requests: "req",
  tokens: "tok",
  "events/s": "/s",
  count: "",
};

/** Prefixes for thousands, as they are spoken of in operations. */
const PREFIXES = ["", "k", "M", "G", "T"];

/** Three digits that count, and a prefix for each thousand: `0.52`, `12.3`, `847`, `1.24k`. */
function threeDigits(value: number): string {
  let rounded = Number(value.toPrecision(3));
  let prefix = 0;
  while (Math.abs(rounded) >= 1_000 && prefix < PREFIXES.length - 1) {
    rounded /= 1_000;
    prefix++;
  }
  const size = Math.abs(rounded);
  const whole = prefix === 0 && Number.isInteger(value);
  const decimals = whole || size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
  return rounded.toFixed(decimals) + (PREFIXES[prefix] ?? "");
}

function minutes(value: number): string {
  const whole = Math.round(value);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function formatSeconds(value: number): Formatted {
  if (value === 0) return { number: "0", unit: "s" };
  if (value < 0.9995) return { number: threeDigits(value * 1_000), unit: "ms" };
  if (value < 59.95) return { number: value.toFixed(value < 9.995 ? 2 : 1), unit: "s" };
  if (value < 3_599.5) return { number: minutes(value), unit: "min" };
  return { number: minutes(value / 60), unit: "h" };
}

/** A share of 0 to 1 in percent; what is not nothing is not written as `0`, nor as `100` what is less. */
function formatShare(value: number): Formatted {
  const percent = value * 100;
  if (percent > 0 && percent < 0.1) return { number: "<0.1", unit: "%" };
  if (percent > 99.9 && percent < 100) return { number: ">99.9", unit: "%" };
  return { number: percent.toFixed(Number.isInteger(percent) ? 0 : 1), unit: "%" };
}

/**
 * A value for people.
 *
 * @param value The value in the unit; null or undefined when there is none.
 * @param unit How it is written. Seconds become ms, s, min or h; a share becomes percent.
 * @returns Number and unit; a dash without unit when there is no value.
 */
export function formatValue(value: number | null | undefined, unit: Unit): Formatted {
  if (value === null || value === undefined) return { number: NO_VALUE, unit: "" };
  if (unit === "seconds") return formatSeconds(value);
  if (unit === "share") return formatShare(value);
  return { number: threeDigits(value), unit: UNITS[unit] };
}

/** A value and its unit in one text, such as `850 ms`. */
export function formatText(value: number | null | undefined, unit: Unit): string {
  const { number, unit: suffix } = formatValue(value, unit);
  return suffix === "" ? number : suffix === "%" ? `${number}%` : `${number} ${suffix}`;
}

/** A value at an axis: short, without zeros that say nothing, without a unit that the title has. */
export function formatTick(value: number, unit: Unit): string {
  const { number, unit: suffix } = formatValue(value, unit);
  const short = number.replace(/\.0+(?=\D|$)|(\.\d*?[1-9])0+(?=\D|$)/, "$1");
  if (value === 0) return "0";
  return suffix === "%" ? `${short}%` : unit === "seconds" ? `${short} ${suffix}` : short;
}

/** How long something has lasted or is ago, in its largest unit: `4 s`, `12 min`, `3 h`, `2 days`. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min`;
  if (whole < 172_800) return `${Math.floor(whole / 3_600)} h`;
  return `${Math.floor(whole / 86_400)} days`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** A time of day in the browser's zone, such as `14:03:20`. */
export function formatClock(ms: number): string {
  return CLOCK.format(ms);
}

/** A time with its day when that is not today's, such as `23 Nov 14:03:20`. */
export function formatMoment(ms: number, nowMs: number): string {
  const day = DAY.format(ms);
  return day === DAY.format(nowMs) ? formatClock(ms) : `${day} ${formatClock(ms)}`;
}

/**
 * A time at an axis: as long as the steps of the axis need.
 *
 * @param seconds Seconds since 1970.
 * @param stepSeconds Distance of two of them, in seconds.
 */
export function formatAxisTime(seconds: number, stepSeconds: number): string {
  const ms = seconds * 1_000;
  if (stepSeconds >= 86_400) return DAY.format(ms);
  if (stepSeconds < 60) return CLOCK.format(ms);
  const minute = MINUTE.format(ms);
  return minute === "00:00" ? DAY.format(ms) : minute;
}
