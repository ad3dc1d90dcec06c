/** Times and values as text. */

import { formatNumber, formatValue } from "../format.ts";
import type { Unit } from "../view.ts";

/** A duration in its largest unit: `4 s`, `12 min`, `3 h`, `2 days`. */
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

/** A time in the browser's time zone, such as `14:03:20`. */
export function formatClock(ms: number): string {
  return CLOCK.format(ms);
}

/** A time with its day unless that is today, such as `23 Nov 14:03:20`. */
export function formatMoment(ms: number, nowMs: number): string {
  const day = DAY.format(ms);
  return day === DAY.format(nowMs) ? formatClock(ms) : `${day} ${formatClock(ms)}`;
}

/** When something began, and how long ago: `since 14:03:20 (4 min)`. */
export function formatSince(sinceMs: number, nowMs: number): string {
  return `since ${formatMoment(sinceMs, nowMs)} (${formatSpan((nowMs - sinceMs) / 1_000)})`;
}

/** The browser's time zone, such as `Europe/Berlin`. */
export const TIME_ZONE: string = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A time on an axis, as long as the distance of two labels (in seconds) requires. */
export function formatAxisTime(seconds: number, stepSeconds: number): string {
  const ms = seconds * 1_000;
  if (stepSeconds >= 86_400) return DAY.format(ms);
  if (stepSeconds < 60) return CLOCK.format(ms);
  const minute = MINUTE.format(ms);
  return minute === "00:00" ? DAY.format(ms) : minute;
}

/** Shown without a value. */
const NO_VALUE = "–";

/** A value with its unit; a dash without a value, `< 300 ms` where only an upper bound is known. */
export function valueText(
  value: number | null | undefined,
  unit: Unit,
  below: number | null = null,
): string {
  if (value === null || value === undefined) return NO_VALUE;
  return below !== null && value <= below
    ? `<\u00a0${formatValue(below, unit)}`
    : formatValue(value, unit);
}

/** A value and its unit, such as `["1.2", "s"]`. */
export function valueParts(
  value: number | null,
  unit: Unit,
  below: number | null = null,
): [number: string, unit: string] {
  const text = valueText(value, unit, below);
  const space = text.search(/(?<!<)\s/);
  return space === -1 ? [text, ""] : [text.slice(0, space), text.slice(space + 1)];
}

/** A short value: without units that the title of the chart names. */
export function shortText(
  value: number | null | undefined,
  unit: Unit,
  below: number | null = null,
): string {
  if (value === 0) return "0";
  const isShort = ["seconds", "share", "bytes", "bytes/s", "FLOP/s"].includes(unit);
  return valueText(value, isShort ? unit : "count", below);
}

/** The upper bound of a bucket, from its name as Prometheus writes it. */
export function boundText(name: string): string {
  const bound = Number(name);
  return Number.isFinite(bound) ? formatNumber(bound) : "∞";
}
